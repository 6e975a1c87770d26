package engine

import (
	"context"
	"encoding/json"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
	"github.com/steward-itsm/steward/workflows"
)

// StartApproval asks for an approval that stands alone.
type StartApproval struct {
	Flow      string          `json:"flow"`
	Subject   json.RawMessage `json:"subject,omitempty"`
	Service   string          `json:"service,omitempty"`
	Requester string          `json:"requester,omitempty"` // a person, where an integration asks for one
}

// StartApproval starts an approval and answers when its start is recorded.
//
// The error has CodeDefinitionUnknown, CodeSubjectInvalid, CodePersonUnknown,
// CodeServiceRequired, CodeFlowNotAlone, CodeKeyReused or CodeUnavailable.
func (e *Engine) StartApproval(ctx context.Context, call Call, start StartApproval) (itsm.Receipt, error) {
	command := call.command(workflows.UpdateStart, "", start)
	input, err := e.approvalInput(ctx, call, start)
	if err != nil {
		return e.answerStart(ctx, call, command, err)
	}
	input.Command = command
	input.ID, _, err = e.store.Reserve(ctx, store.Reservation{
		Actor: call.Actor, Key: call.Key, Fingerprint: input.Command.Fingerprint, Kind: itsm.KindApproval,
	}, e.now())
	if err != nil {
		return itsm.Receipt{}, err
	}
	return e.start(ctx, workflows.ApprovalWorkflow, input.ID, input.Command, input)
}

// start begins the workflow, or finds that an earlier try began it, and waits
// until it has recorded its start.
func (e *Engine) start(ctx context.Context, workflow, id string, command itsm.Command, input any) (itsm.Receipt, error) {
	operation := e.temporal.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
		ID: id, TaskQueue: e.queue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, workflow, input)
	handle, err := e.temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: operation,
		UpdateOptions: client.UpdateWorkflowOptions{
			UpdateID: command.Key, WorkflowID: id, UpdateName: workflows.UpdateStart,
			Args: []any{workflows.PlainArgs{Command: command}}, WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	var receipt itsm.Receipt
	if err == nil {
		err = handle.Get(ctx, &receipt)
	}
	if alreadyStarted(err) {
		return e.answerFromJournal(ctx, id, command)
	}
	return e.answer(ctx, id, command, receipt, err)
}

// answerStart answers a start that could not be made now: a retry of one that
// was made earlier, before the directory changed, is told what that was told.
func (e *Engine) answerStart(ctx context.Context, call Call, command itsm.Command, refusal error) (itsm.Receipt, error) {
	id, _, reserved, err := e.store.Reserved(ctx, call.Actor, call.Key)
	if err != nil || !reserved {
		return itsm.Receipt{}, refusal
	}
	receipt, err := e.update(ctx, id, workflows.UpdateStart, command, workflows.PlainArgs{Command: command})
	if itsm.ErrorCode(err) == itsm.CodeNotFound {
		return itsm.Receipt{}, refusal // reserved, but never started
	}
	return receipt, err
}

// approvalInput gathers what the approval runs under, as it is at this moment.
func (e *Engine) approvalInput(ctx context.Context, call Call, start StartApproval) (workflows.ApprovalInput, error) {
	var none workflows.ApprovalInput
	flow, spec, err := e.flow(ctx, start.Flow)
	if err != nil {
		return none, err
	}
	if spec.Subject != "" {
		return none, itsm.FieldErrorf(itsm.CodeFlowNotAlone, "/flow",
			"flow %q approves a %s; start the %s, and it asks for this approval itself", start.Flow, spec.Subject, spec.Subject)
	}
	subject, err := checkSubject(spec, start.Subject)
	if err != nil {
		return none, err
	}
	expressions, err := flow.Expressions()
	if err != nil {
		return none, fmt.Errorf("compiling flow %s: %w", start.Flow, err)
	}
	if start.Service == "" && expressions.Uses("service") {
		return none, itsm.FieldErrorf(itsm.CodeServiceRequired, "/service", "flow %q looks at the service; name one", start.Flow)
	}
	requester, err := e.requester(ctx, call.Actor, start.Requester)
	if err != nil {
		return none, err
	}
	input := workflows.ApprovalInput{Requester: requester, Subject: subject, Flow: carry(flow)}
	service, err := e.addCalendarAndService(ctx, &input, spec.Calendar, start.Service)
	if err != nil {
		return none, err
	}
	if _, err := bound(flow, service, subject, requester); err != nil { // better refused now than blocked later
		return none, err
	}
	input.Summary, err = summarise(flow, service, subject, requester)
	return input, err
}

// flow loads the current version of an approval flow.
func (e *Engine) flow(ctx context.Context, name string) (definition.Document, *definition.ApprovalFlow, error) {
	docs, err := e.current(ctx, store.Ref{Kind: definition.KindApprovalFlow, Name: name})
	if err != nil {
		return definition.Document{}, nil, err
	}
	if docs[0] == nil {
		return definition.Document{}, nil, itsm.FieldErrorf(itsm.CodeDefinitionUnknown, "/flow",
			"there is no ApprovalFlow %q; `steward get definitions --kind ApprovalFlow` lists those that are applied", name)
	}
	return *docs[0], docs[0].Spec.(*definition.ApprovalFlow), nil
}

// addCalendarAndService adds the other definitions that a flow needs, and gives
// the service, where there is one.
func (e *Engine) addCalendarAndService(ctx context.Context, input *workflows.ApprovalInput, calendar, service string) (*definition.Document, error) {
	var refs []store.Ref
	if calendar != "" {
		refs = append(refs, store.Ref{Kind: definition.KindCalendar, Name: calendar})
	}
	if service != "" {
		refs = append(refs, store.Ref{Kind: definition.KindService, Name: service})
	}
	docs, err := e.current(ctx, refs...)
	if err != nil {
		return nil, err
	}
	var found *definition.Document
	for i, doc := range docs {
		if doc == nil {
			return nil, itsm.FieldErrorf(itsm.CodeDefinitionUnknown, "/service", "there is no %s %q", refs[i].Kind, refs[i].Name)
		}
		carried := carry(*doc)
		if doc.Kind == definition.KindCalendar {
			input.Calendar = &carried
		} else {
			input.Service, found = &carried, doc
		}
	}
	return found, nil
}

// requester says for whom the approval is: the actor, or the person for whom
// an integration asks.
func (e *Engine) requester(ctx context.Context, actor itsm.Actor, person string) (itsm.Actor, error) {
	if person == "" || actor.IsPerson(person) {
		return actor, nil
	}
	if actor.Kind != itsm.ActorIntegration {
		return itsm.Actor{}, itsm.FieldErrorf(itsm.CodeForbidden, "/requester", "only integrations may ask for somebody else; leave requester out")
	}
	return itsm.Person(person), e.checkPerson(ctx, "/requester", person)
}

// checkPerson refuses a name that is nobody's, with CodePersonUnknown.
func (e *Engine) checkPerson(ctx context.Context, field, name string) error {
	docs, err := e.current(ctx, store.Ref{Kind: definition.KindPerson, Name: name})
	if err != nil {
		return err
	}
	if docs[0] == nil {
		return itsm.FieldErrorf(itsm.CodePersonUnknown, field, "there is no Person %q", name)
	}
	return nil
}

// Decide sends an approver's verdict. The error is that of update.
func (e *Engine) Decide(ctx context.Context, call Call, id string, verdict itsm.Verdict, stage string) (itsm.Receipt, error) {
	command := call.command(workflows.UpdateDecide, id, []any{verdict, stage})
	return e.update(ctx, id, workflows.UpdateDecide, command, workflows.DecideArgs{Command: command, Verdict: verdict, Stage: stage})
}

// Delegate hands the caller's vote to another person. The error is that of
// update, or has CodePersonUnknown.
func (e *Engine) Delegate(ctx context.Context, call Call, id, to string) (itsm.Receipt, error) {
	command := call.command(workflows.UpdateDelegate, id, to)
	if err := e.checkPerson(ctx, "/to", to); err != nil {
		return e.answeredBefore(ctx, id, command, err)
	}
	return e.update(ctx, id, workflows.UpdateDelegate, command, workflows.DelegateArgs{Command: command, To: to})
}

// Withdraw closes an approval at its requester's wish. The error is that of update.
func (e *Engine) Withdraw(ctx context.Context, call Call, id string) (itsm.Receipt, error) {
	command := call.command(workflows.UpdateWithdraw, id, nil)
	return e.update(ctx, id, workflows.UpdateWithdraw, command, workflows.PlainArgs{Command: command})
}

// Resume lets a blocked process try again; with override, a transition also
// where its schedule refuses it. The error is that of update.
func (e *Engine) Resume(ctx context.Context, call Call, id string, override bool) (itsm.Receipt, error) {
	var args any
	if override {
		args = override
	}
	command := call.command(workflows.UpdateResume, id, args)
	return e.update(ctx, id, workflows.UpdateResume, command, workflows.ResumeArgs{Command: command, Override: override})
}

// Amend changes the subject of an approval or a transition, checked against the
// version of the definition that it runs under. The error is that of update, or has
// CodeSubjectInvalid.
func (e *Engine) Amend(ctx context.Context, call Call, id string, subject json.RawMessage) (itsm.Receipt, error) {
	view, err := e.store.View(ctx, id)
	if err != nil {
		return itsm.Receipt{}, err
	}
	if view.Kind == itsm.KindTransition {
		return e.amendTransition(ctx, call, view, subject)
	}
	flow, service, err := e.rulesOf(ctx, view)
	if err != nil {
		return itsm.Receipt{}, err
	}
	spec := flow.Spec.(*definition.ApprovalFlow)
	checked, err := checkSubject(spec, subject)
	if err != nil {
		return itsm.Receipt{}, err
	}
	amendment := itsm.Amendment{Subject: checked}
	if amendment.Bound, err = bound(flow, service, checked, view.Requester); err != nil {
		return itsm.Receipt{}, err
	}
	if amendment.Summary, err = summarise(flow, service, checked, view.Requester); err != nil {
		return itsm.Receipt{}, err
	}
	command := call.command(workflows.UpdateAmend, id, checked)
	return e.update(ctx, id, workflows.UpdateAmend, command, workflows.AmendArgs{Command: command, Amendment: amendment})
}
