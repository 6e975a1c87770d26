package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
)

// newApproval sets a run up: from its input, or from what an earlier run of
// the same process handed on.
func newApproval(ctx workflow.Context, in ApprovalInput) (*approval, error) {
	rules, err := rulesOf(in.Flow)
	if err != nil {
		return nil, err
	}
	a := &approval{in: in, rules: itsm.NewApproval(in.ID, in.Requester, in.Summary, rules, in.Subject)}
	answers := map[string]itsm.Receipt{}
	if in.Continues == nil {
		a.in.Opened = workflow.Now(ctx)
	} else {
		carried := in.Continues.Approval
		carried.Rules = rules
		a.rules, answers = &carried, in.Continues.Answers
	}
	a.process = &process{
		id: in.ID, base: baseView(a.in), state: a.rules, prepare: a.planStages,
		turn: workflow.NewMutex(ctx), answers: answers,
	}
	return a, nil
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

// rulesOf reads what the rules need from a flow's text.
func rulesOf(flow Definition) (itsm.ApprovalRules, error) {
	doc, err := definition.FromCanonical(flow.Document)
	if err != nil {
		return itsm.ApprovalRules{}, err
	}
	spec, ok := doc.Spec.(*definition.ApprovalFlow)
	if !ok {
		return itsm.ApprovalRules{}, itsm.Errorf(itsm.CodeDefinitionInvalid, "%s/%s is not an ApprovalFlow", flow.Kind, flow.Name)
	}
	return spec.Rules(), nil
}

// continueAsNew begins a new history with the state of this one.
func (a *approval) continueAsNew(ctx workflow.Context) error {
	next := a.in
	next.Continues = &Continued{Approval: *a.rules, Answers: a.answers}
	return workflow.NewContinueAsNewError(ctx, ApprovalWorkflow, next)
}
