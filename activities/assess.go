package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

// AssessTransition works out what must be known of a transition before it goes
// on: its risk, whether it must be authorised and to what approvals are bound,
// which services it concerns, and whether it may be when it is planned.
//
// What a process owner must mend is the Problem of the answer; any error is
// worth another try.
func (a *Activities) AssessTransition(ctx context.Context, request workflows.AssessRequest) (itsm.Assessment, error) {
	var found itsm.Assessment
	c, err := a.newChange(ctx, request.TransitionFacts)
	if err == nil {
		err = a.assess(c, request.Planned, &found)
	}
	found.Problem, err = problemOf(err)
	return found, err
}

// assess fills in what it can: whoever is told of a problem must be known
// before the problem.
func (a *Activities) assess(c *change, planned *itsm.Period, found *itsm.Assessment) (err error) {
	if found.Owner, err = c.owner(); err != nil {
		return err
	}
	if found.Needs, err = c.needs(); err != nil {
		return err
	}
	found.Exclusive = c.spec.ConflictsBlock()
	if found.Schedule, err = c.checkSchedule(a.Store, planned, found.Needs, itsm.GatePlanned); err != nil {
		return err
	}
	if found.Risk, err = c.risk(); err != nil {
		return err
	}
	return c.authorization(found)
}

// risk gives the score, its level, and the facts that the score was made of; nil
// where the model assesses none. What is evaluated after it sees it.
func (c *change) risk() (*itsm.Risk, error) {
	if c.spec.Risk == nil {
		return nil, nil
	}
	fault := func(err error) error {
		return itsm.Errorf(itsm.CodeDefinitionInvalid, "the risk can't be assessed: %v; amend the transition, or cancel it", err)
	}
	value, err := c.expressions.Value(c.spec.Risk.Score, c.facts)
	if err != nil {
		return nil, fault(err)
	}
	score, err := number(value)
	if err != nil {
		return nil, fault(err)
	}
	level, ok := levelOf(score, c.spec.Risk.Levels)
	if !ok {
		return nil, fault(fmt.Errorf("the score of %v is below every level of model %s", score, c.model.Name))
	}
	looked, err := c.expressions.Inputs(c.spec.Risk.Score, c.facts)
	if err != nil {
		return nil, fault(err)
	}
	inputs, err := json.Marshal(looked)
	if err != nil {
		return nil, fmt.Errorf("writing what the risk was made of: %w", err)
	}
	risk := itsm.Risk{Score: score, Level: level, Inputs: inputs}
	c.facts.Subject, err = withRisk(c.facts.Subject, risk)
	return &risk, err
}

// number reads what an expression gave as a number.
func number(value any) (float64, error) {
	switch n := value.(type) {
	case int64:
		return float64(n), nil
	case uint64:
		return float64(n), nil
	case float64:
		return n, nil
	default:
		return 0, fmt.Errorf("the score is %v; it must be a number", value)
	}
}

// levelOf gives the level with the highest threshold that the score reaches.
func levelOf(score float64, levels map[string]float64) (level string, ok bool) {
	for name, from := range levels {
		if score >= from && (!ok || from > levels[level] || from == levels[level] && name > level) {
			level, ok = name, true
		}
	}
	return level, ok
}

// withRisk puts the risk into the subject that expressions see, whose riskScore
// is a whole number.
func withRisk(subject json.RawMessage, risk itsm.Risk) (json.RawMessage, error) {
	fields := map[string]json.RawMessage{}
	if len(subject) > 0 {
		if err := json.Unmarshal(subject, &fields); err != nil {
			return nil, fmt.Errorf("reading the subject: %w", err)
		}
	}
	level, _ := json.Marshal(risk.Level) // text always becomes JSON
	score, err := json.Marshal(math.Round(risk.Score))
	if err != nil {
		return nil, fmt.Errorf("writing the risk: %w", err)
	}
	fields["risk"], fields["riskScore"] = level, score
	return json.Marshal(fields)
}

// authorization says whether the transition must be authorised, and to which
// of its parts that is bound.
func (c *change) authorization(found *itsm.Assessment) error {
	flowName := c.spec.Rules(c.model.Name).Authorize
	if flowName == "" {
		return nil
	}
	var err error
	if found.Authorize, err = c.holds(c.spec.Authorize.When); err != nil || !found.Authorize {
		return err
	}
	flow, err := c.flow(flowName)
	if err != nil {
		return err
	}
	if found.Bound, err = definition.Bound(flow, c.facts); err != nil {
		return itsm.Errorf(itsm.CodeSubjectInvalid, "%v; amend the transition, or cancel it", err)
	}
	return nil
}

// holds evaluates a condition; none always holds.
func (c *change) holds(condition string) (bool, error) {
	if condition == "" {
		return true, nil
	}
	holds, err := c.expressions.Bool(condition, c.facts)
	if err != nil {
		return false, itsm.Errorf(itsm.CodeDefinitionInvalid, "its condition can't be evaluated: %v; amend the transition", err)
	}
	return holds, nil
}
