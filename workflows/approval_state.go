package workflows

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/itsm"
)

// newApproval sets a run up: from its input, or from what an earlier run of
// the same process handed on.
func newApproval(ctx workflow.Context, in ApprovalInput) (*approval, error) {
	rules, err := rulesOf(in.Flow)
	if err != nil {
		return nil, err
	}
	if in.Continues == nil {
		in.Opened = workflow.Now(ctx)
	}
	a := &approval{
		in:      in,
		base:    baseView(in),
		rules:   itsm.NewApproval(in.ID, in.Requester, in.Summary, rules, in.Subject),
		turn:    workflow.NewMutex(ctx),
		answers: map[string]itsm.Receipt{},
	}
	if in.Continues != nil {
		carried := in.Continues.Approval
		carried.Rules = rules
		a.rules, a.answers = &carried, in.Continues.Answers
	}
	a.record = &recorder{process: in.ID, view: a.view, inbox: a.inbox, snapshot: a.snapshot, tell: a.tell}
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

func (a *approval) view(ctx workflow.Context) itsm.View {
	return a.rules.View(a.base, workflow.Now(ctx))
}

func (a *approval) inbox(ctx workflow.Context) []itsm.InboxItem {
	return a.rules.Inbox(workflow.Now(ctx))
}

// snapshot is the whole state, from which takeUp goes on.
func (a *approval) snapshot() json.RawMessage {
	raw, err := json.Marshal(a.rules)
	if err != nil { // the state is plain data; this can't happen
		panic(fmt.Sprintf("writing the state of %s: %v", a.in.ID, err)) //nolint:forbidigo // makes the task wait, see takeUp
	}
	return raw
}

// takeUp goes on from what an earlier try recorded. A state that can't be read
// must not fail the process: the panic makes the task wait for a worker that
// can read it.
func (a *approval) takeUp(earlier *itsm.Earlier) {
	state := itsm.Approval{Rules: a.rules.Rules}
	if err := json.Unmarshal(earlier.Snapshot, &state); err != nil {
		panic(fmt.Sprintf("reading the recorded state of %s: %v", a.in.ID, err)) //nolint:forbidigo // an error would fail the process
	}
	a.rules = &state
	for _, event := range earlier.Events {
		if event.Answer != nil {
			a.answers[event.Key] = *event.Answer
		}
	}
}

// shouldContinueAsNew says that the history is long and nothing is under way.
func (a *approval) shouldContinueAsNew(ctx workflow.Context) bool {
	return workflow.GetInfo(ctx).GetContinueAsNewSuggested() && workflow.AllHandlersFinished(ctx) && a.telling == 0
}

// continueAsNew begins a new history with the state of this one.
func (a *approval) continueAsNew(ctx workflow.Context) error {
	next := a.in
	next.Continues = &Continued{Approval: *a.rules, Answers: a.answers}
	return workflow.NewContinueAsNewError(ctx, ApprovalWorkflow, next)
}

// tell has people told of what happened, without holding up the process. What
// came of it is recorded.
func (a *approval) tell(ctx workflow.Context, events []itsm.Event) {
	request := NotifyRequest{Process: a.in.ID, Summary: a.rules.Summary}
	for _, event := range events {
		if len(event.Tell) > 0 {
			event.Answer = nil // nobody else's business
			request.Events = append(request.Events, event)
		}
	}
	a.telling++
	workflow.Go(ctx, func(ctx workflow.Context) {
		defer func() { a.telling-- }()
		a.deliver(ctx, request)
	})
}

// givingUp is how long a notification is tried. After it, the outcome says so.
const givingUp = 24 * time.Hour

// deliver sends the notices of one step and records what became of each, once:
// the first event that is told of makes the key.
func (a *approval) deliver(ctx workflow.Context, request NotifyRequest) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	var notified Notified
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ScheduleToCloseTimeout: givingUp + time.Hour, // the activity gives up first, and says what it reached
		StartToCloseTimeout:    time.Minute,
		HeartbeatTimeout:       30 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Minute,
		},
	}), ActivityNotify, request).Get(ctx, &notified)
	if err != nil {
		notified.Sent = failed(request.Events, err)
	}
	told := itsm.Command{Actor: itsm.System(), Key: "told/" + strconv.Itoa(request.Events[0].Number)}
	_, err = a.command(ctx, told, func(at time.Time) (int, error) { return a.rules.NoteSent(told, notified.Sent, at), nil })
	if err != nil {
		workflow.GetLogger(ctx).Error("recording what came of a notification", "process", a.in.ID, "error", err)
	}
}

// finishTelling waits until all commands are answered and all notices sent.
func (a *approval) finishTelling(ctx workflow.Context) error {
	return workflow.Await(ctx, func() bool { return a.telling == 0 && workflow.AllHandlersFinished(ctx) })
}

// failed says of each notice that it could not be sent.
func failed(events []itsm.Event, err error) []itsm.Sent {
	outcomes, _ := json.Marshal([]map[string]string{{"result": "failed", "detail": err.Error()}}) // text always becomes JSON
	var sent []itsm.Sent
	for _, event := range events {
		for _, notice := range event.Tell {
			sent = append(sent, itsm.Sent{About: notice.Event, Type: notice.Type, Outcomes: outcomes})
		}
	}
	return sent
}
