package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
	"github.com/steward-itsm/steward/workflows"
)

// change is a transition as its model sees it.
type change struct {
	resolver
	about   workflows.TransitionFacts
	model   definition.Document
	spec    *definition.TransitionModel
	service definition.Document
	also    []definition.Document // flows and calendars
}

func (a *Activities) newChange(ctx context.Context, about workflows.TransitionFacts) (*change, error) {
	c := &change{about: about}
	c.at, c.directory = about.At, &directory{ctx: ctx, store: a.Store, requester: about.Requester}
	docs := make([]definition.Document, 0, len(about.Also)+2)
	for _, carried := range append([]workflows.Definition{about.Model, about.Service}, about.Also...) {
		doc, err := document(&carried)
		if err != nil {
			return nil, err
		}
		docs = append(docs, *doc)
	}
	c.model, c.service, c.also = docs[0], docs[1], docs[2:]
	spec, ok := c.model.Spec.(*definition.TransitionModel)
	if !ok {
		return nil, fmt.Errorf("%s runs under the %s %s, which is no model", about.Process, c.model.Kind, c.model.Name)
	}
	c.spec = spec
	var err error
	if c.expressions, err = c.model.Expressions(); err != nil {
		return nil, itsm.Errorf(itsm.CodeDefinitionInvalid, "model %s does not compile: %v", c.model.Name, err)
	}
	c.facts = definition.FactsOf(about.Subject, &c.service, about.Requester)
	return c, nil
}

// onSteps lets expressions see what earlier steps gave.
func (c *change) onSteps(outputs json.RawMessage) {
	c.facts.Also = map[string]json.RawMessage{"steps": outputs}
}

// flow gives an approval flow that the transition carries.
func (c *change) flow(name string) (definition.Document, error) {
	i := slices.IndexFunc(c.also, func(d definition.Document) bool { return d.Kind == definition.KindApprovalFlow && d.Name == name })
	if i < 0 {
		return definition.Document{}, itsm.Errorf(itsm.CodeDefinitionUnknown, "there is no ApprovalFlow %q among what %s runs under", name, c.about.Process)
	}
	return c.also[i], nil
}

// owner gives who is told of what is stuck: the owner of the model, or of the
// service where the model has none who is still there.
func (c *change) owner() ([]string, error) {
	for _, name := range []string{c.model.Owner, c.service.Spec.(*definition.Service).Owner} {
		people, err := c.directory.named(name)
		if itsm.ErrorCode(err) == itsm.CodeDefinitionUnknown {
			continue
		}
		if err != nil || len(people) > 0 {
			return people, err
		}
	}
	return nil, nil
}

// needs lists the services that the transition's service depends on, directly
// or not, by the catalogue as it is now.
func (c *change) needs() ([]string, error) {
	return definition.NeedsOf(c.service, func(names []string) ([]*definition.Document, error) {
		return c.directory.lookUpAll(definition.KindService, names)
	})
}

// checkSchedule gives what speaks against a planned time.
func (c *change) checkSchedule(db *store.Store, planned *itsm.Period, needs []string, gate itsm.Gate) (itsm.Checked, error) {
	found := itsm.Checked{Blocks: c.spec.ConflictsBlock()}
	rules, err := c.spec.ScheduleRules(c.also)
	if err != nil {
		return found, err
	}
	found.Problems = itsm.CheckSchedule(rules, planned, c.at, gate)
	if planned == nil {
		return found, nil
	}
	slot := itsm.Slot{Process: c.about.Process, Service: c.service.Name, Needs: needs, Start: planned.Start, End: planned.End}
	others, err := db.Conflicts(c.directory.ctx, slot)
	if err != nil {
		return found, fmt.Errorf("looking for conflicts of %s: %w", c.about.Process, err)
	}
	if gate == itsm.GatePlanned {
		found.Conflicts = slot.DescribeConflicts(others)
		return found, nil
	}
	// Whoever holds a time is not held up by one that was put over it with no more than a warning.
	mild := func(other itsm.Slot) bool { return !other.Exclusive && !other.Override }
	found.Conflicts = slot.DescribeConflicts(slices.DeleteFunc(slices.Clone(others), mild))
	return found, nil
}
