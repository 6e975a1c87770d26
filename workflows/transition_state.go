package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
)

// newTransition sets a run up: from its input, or from what an earlier run of
// the same process handed on.
func newTransition(ctx workflow.Context, in TransitionInput) *transition {
	t := &transition{in: in, rules: freshTransition(in), doing: map[string]*errand{}, planned: map[string]ApprovalInput{},
		starting: map[string]bool{}, ordering: map[string]bool{}}
	answers := map[string]itsm.Receipt{}
	if in.Continues == nil {
		t.in.Opened = workflow.Now(ctx)
	} else {
		carried := in.Continues.Transition
		carried.Attach(rulesOfModel(in.Model))
		*t.rules, answers = carried, in.Continues.Answers
		t.rules.Attach(t.rules.Rules)
	}
	t.process = &process{
		id: in.ID, base: t.baseView(), state: t.rules, prepare: t.lookUp, react: t.react, recorded: snapshotOf(t.rules),
		turn: workflow.NewMutex(ctx), answers: answers,
	}
	return t
}

func freshTransition(in TransitionInput) *itsm.Transition {
	return itsm.NewTransition(itsm.TransitionStart{
		ID: in.ID, Requester: in.Requester, OpenedBy: in.Command.Actor, Title: in.Title, Description: in.Description,
		Service: in.Service.Name, Input: in.Input, Planned: in.Planned, Rules: rulesOfModel(in.Model),
	})
}

// baseView is the part of the view that never changes.
func (t *transition) baseView() itsm.View {
	v := itsm.View{Opened: t.in.Opened, Service: t.in.Service.Name}
	v.Definitions = []itsm.DefinitionRef{t.in.Model.DefinitionRef, t.in.Service.DefinitionRef}
	for _, d := range t.in.Also {
		v.Definitions = append(v.Definitions, d.DefinitionRef)
	}
	return v
}

// modelOf reads a model's text. One that this worker can't read, because a newer
// one wrote it, must not fail the process: the panic makes the task wait for a
// worker that can.
func modelOf(model Definition) *definition.TransitionModel {
	doc, err := definition.FromCanonical(model.Document)
	spec, ok := doc.Spec.(*definition.TransitionModel)
	if err != nil || !ok {
		panic(fmt.Sprintf("reading %s %s: %v", model.Kind, model.Name, err)) //nolint:forbidigo // an error would fail the process
	}
	return spec
}

func rulesOfModel(model Definition) itsm.TransitionRules { return modelOf(model).Rules(model.Name) }

// flowOf gives the flow of a step that asks for an approval.
func (t *transition) flowOf(step string) string {
	found, _ := modelOf(t.in.Model).Step(step)
	return found.Approve
}
