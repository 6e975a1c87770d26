package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
)

// newApproval sets a run up: from its input, or from what an earlier run of
// the same process handed on.
func newApproval(ctx workflow.Context, in ApprovalInput) *approval {
	rules := rulesOf(in.Flow)
	a := &approval{in: in, rules: itsm.NewApproval(in.ID, in.Requester, in.Summary, rules, in.Subject)}
	answers := map[string]itsm.Receipt{}
	if in.Continues == nil {
		a.in.Opened = workflow.Now(ctx)
	} else {
		carried := in.Continues.Approval
		carried.Rules = rules
		a.rules, answers = &carried, in.Continues.Answers
	}
	if in.Continues == nil {
		a.rules.Authors = in.Authors
	}
	a.process = &process{
		id: in.ID, base: baseView(a.in), state: a.rules, prepare: a.planStages,
		turn: workflow.NewMutex(ctx), answers: answers,
	}
	if in.Parent != "" {
		a.react = a.tellParent
	}
	return a
}

// baseView is the part of the view that never changes.
func baseView(in ApprovalInput) itsm.View {
	v := itsm.View{Parent: in.Parent, Opened: in.Opened}
	v.Definitions = []itsm.DefinitionRef{in.Flow.DefinitionRef}
	for _, d := range []*Definition{in.Calendar, in.Service} {
		if d != nil {
			v.Definitions = append(v.Definitions, d.DefinitionRef)
		}
	}
	if in.Service != nil {
		v.Service = in.Service.Name
	}
	return v
}

// rulesOf reads what the rules need from a flow's text. A text that this worker
// can't read, because a newer one wrote it, must not fail the process: the
// panic makes the task wait for a worker that can.
func rulesOf(flow Definition) itsm.ApprovalRules {
	doc, err := definition.FromCanonical(flow.Document)
	spec, ok := doc.Spec.(*definition.ApprovalFlow)
	if err != nil || !ok {
		panic(fmt.Sprintf("reading %s %s: %v", flow.Kind, flow.Name, err)) //nolint:forbidigo // an error would fail the process
	}
	return spec.Rules()
}

// continueAsNew begins a new history with the state of this one.
func (a *approval) continueAsNew(ctx workflow.Context) error {
	next := a.in
	next.Opened = a.base.Opened
	next.Continues = &Continued{Approval: *a.rules, Answers: a.answers}
	return workflow.NewContinueAsNewError(ctx, ApprovalWorkflow, next)
}
