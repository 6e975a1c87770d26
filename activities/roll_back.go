package activities

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

// RollBackWhen tells whether the incidents of early life call for a rollback.
// What somebody must mend is the Problem of the answer; any error is worth
// another try.
func (a *Activities) RollBackWhen(ctx context.Context, request workflows.RollBackWhenRequest) (workflows.RollBack, error) {
	var answer workflows.RollBack
	c, err := a.newChange(ctx, request.TransitionFacts)
	if err == nil && c.spec.EarlyLife != nil && c.spec.EarlyLife.RollBackWhen != "" {
		answer.Holds, err = c.rollsBack(request.Incidents)
	}
	answer.Problem, err = problemOf(err)
	return answer, err
}

func (c *change) rollsBack(incidents []json.RawMessage) (bool, error) {
	if incidents == nil {
		incidents = []json.RawMessage{}
	}
	raw, err := json.Marshal(incidents)
	if err != nil {
		return false, fmt.Errorf("reading the incidents of %s: %w", c.about.Process, err)
	}
	c.facts.Also = map[string]json.RawMessage{"incidents": raw}
	holds, err := c.expressions.Bool(c.spec.EarlyLife.RollBackWhen, c.facts)
	if err != nil {
		return false, itsm.Errorf(itsm.CodeDefinitionInvalid, "rollBackWhen can't be evaluated: %v; roll it back by hand if that is needed", err)
	}
	return holds, nil
}
