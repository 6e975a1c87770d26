package workflows

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/itsm"
)

// errand is an effect that was begun, with the state as it was recorded when it
// was: what comes after is another effect's.
type errand struct {
	itsm.Effect
	facts  TransitionFacts
	steps  json.RawMessage // outputs of earlier steps
	bound  string
	cancel workflow.CancelFunc
	over   bool
}

// react does in the world what the state now asks for: each effect once, in
// this life or in an earlier one. Its key makes a repetition recognisable. A
// call whose step has ended another way is not sent again.
func (t *transition) react(ctx workflow.Context) {
	wanted := map[string]bool{}
	for _, effect := range t.rules.Effects() {
		wanted[effect.Key] = true
		if t.doing[effect.Key] == nil {
			t.begin(ctx, effect)
		}
	}
	for _, e := range t.underWay() {
		if e.Kind == itsm.EffectCall && !wanted[e.Key] {
			e.cancel()
		}
	}
}

func (t *transition) begin(ctx workflow.Context, effect itsm.Effect) {
	e := &errand{Effect: effect, facts: t.facts(ctx), steps: t.rules.Steps.Outputs(), bound: t.rules.Bound}
	ctx, e.cancel = workflow.NewDisconnectedContext(ctx)
	t.doing[e.Key] = e
	if e.Kind == itsm.EffectApproval {
		t.starting[e.Approval] = true
	}
	t.errands++
	workflow.Go(ctx, func(ctx workflow.Context) {
		defer func() { t.errands-- }()
		if err := t.perform(ctx, e); err != nil {
			workflow.GetLogger(ctx).Error("doing what a step asks for", "process", t.in.ID, "effect", e.Key, "error", err)
		}
	})
}

// underWay lists the errands that are not over, in the order of their keys.
func (t *transition) underWay() []*errand {
	var all []*errand
	for _, key := range workflow.DeterministicKeys(t.doing) {
		if e := t.doing[key]; !e.over {
			all = append(all, e)
		}
	}
	return all
}

// windingDown reports whether a call is under way that nobody waits for any
// more.
func (t *transition) windingDown() bool {
	wanted := t.rules.Effects()
	return slices.ContainsFunc(t.underWay(), func(e *errand) bool {
		return e.Kind == itsm.EffectCall && !slices.ContainsFunc(wanted, func(w itsm.Effect) bool { return w.Key == e.Key })
	})
}

func (t *transition) perform(ctx workflow.Context, e *errand) error {
	defer func() { e.over = true }()
	switch e.Kind {
	case itsm.EffectCall:
		return t.call(ctx, e)
	case itsm.EffectApproval:
		defer delete(t.starting, e.Approval)
		return t.startApproval(ctx, e)
	default:
		return t.orderApproval(ctx, e)
	}
}

const (
	callTimeout = 30 * time.Second // of one attempt, where the step says nothing
	callWithin  = 24 * time.Hour   // of all attempts, where the step says nothing
	callGrace   = 10 * time.Second // for the activity to say what happened
	overdue     = 5 * time.Second  // as late is only what nobody was there for
)

// call has a step's request sent until it is answered for good, and takes its
// end.
func (t *transition) call(ctx workflow.Context, e *errand) error {
	rule, _ := t.rules.Steps.Rule(e.Step)
	timeout, within := callTimeout, callWithin
	if !rule.Timeout.IsZero() {
		timeout = rule.Timeout.Elapsed()
	}
	if !rule.Within.IsZero() {
		within = rule.Within.Elapsed()
	}
	began := workflow.Now(ctx)
	outcome, err := t.send(ctx, e, timeout, within, 0)
	if err != nil && workflow.Now(ctx).Sub(began) > within+overdue {
		// Nobody was there to send it when its time was over. An outage decides nothing: it is sent once more.
		outcome, err = t.send(ctx, e, timeout, within, 1)
	}
	if err != nil {
		outcome = givenUp(err, within)
	}
	e.over = true // before its end is taken: what follows need not wait for it
	after, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	return t.bySystem(after, "call/"+e.Key, func(at time.Time) { t.rules.CallEnded(e.Step, e.Attempt, outcome, at) })
}

// send has the request sent, again and again; attempts bounds how often, 0 does
// not.
func (t *transition) send(ctx workflow.Context, e *errand, timeout, within time.Duration, attempts int32) (itsm.CallOutcome, error) {
	facts := e.facts
	facts.Also = nil // neither flows nor calendars have a part in it, and its input stays in the history
	var outcome itsm.CallOutcome
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ScheduleToCloseTimeout: within,
		StartToCloseTimeout:    min(timeout+callGrace, within),
		HeartbeatTimeout:       30 * time.Second,
		WaitForCancellation:    true,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Minute, MaximumAttempts: attempts,
		},
	}), ActivityCall, CallRequest{TransitionFacts: facts, Step: e.Step, Attempt: e.Attempt, Steps: e.steps}).Get(ctx, &outcome)
	return outcome, err
}

// startApproval starts the approval as a child that outlives nothing but what
// it decides. One that an earlier life started is as good.
func (t *transition) startApproval(ctx workflow.Context, e *errand) error {
	input, planned := t.planned[e.Approval]
	if !planned { // in an earlier life
		flow := e.Flow
		if flow == "" {
			flow = t.flowOf(e.Step)
		}
		var err error
		if input, err = t.openApproval(ctx, e.facts, flow, e.Key); err != nil {
			return t.bySystem(ctx, "lost/"+e.Key, func(at time.Time) { t.rules.ApprovalLost(e.Approval, err.Error(), at) })
		}
	}
	delete(t.planned, e.Approval)
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            input.ID,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
	}), ApprovalWorkflow, input)
	err := child.GetChildWorkflowExecution().Get(ctx, nil)
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return nil
	}
	return err
}

// orderApproval tells an approval that its subject changed, or that it is not
// needed any more, one thing after the other. One that is over needs to be told
// nothing.
func (t *transition) orderApproval(ctx workflow.Context, e *errand) error {
	err := workflow.Await(ctx, func() bool { return !t.starting[e.Approval] && !t.ordering[e.Approval] })
	if err != nil {
		return err
	}
	t.ordering[e.Approval] = true
	defer delete(t.ordering, e.Approval)
	order := ParentCommand{Command: orderTo(e.Key, t.in.ID+" needs it no more")}
	if !e.Order.Withdraw {
		input, err := t.openApproval(ctx, e.facts, t.rules.Rules.Authorize, t.rules.AuthorizationKey())
		if err != nil {
			return err
		}
		order.Command.Comment = t.in.ID + " was changed"
		order.Amendment = &itsm.Amendment{Subject: input.Subject, Summary: input.Summary, Bound: e.bound, Authors: input.Authors}
	}
	err = workflow.SignalExternalWorkflow(ctx, e.Approval, "", SignalParent, order).Get(ctx, nil)
	t.rules.OrderGiven(e.Key)
	if err != nil {
		workflow.GetLogger(ctx).Info("an approval that should be told something is over", "process", t.in.ID, "approval", e.Approval, "error", err)
	}
	return nil
}

// givenUp is how a call ended that was tried until its time was over: as its
// last attempt left it. Where that can't be told, it may have taken effect.
func givenUp(err error, within time.Duration) itsm.CallOutcome {
	last := itsm.CallOutcome{Reached: true}
	var app *temporal.ApplicationError
	var timeout *temporal.TimeoutError
	switch {
	case errors.As(err, &app) && app.HasDetails():
		_ = app.Details(&last) // what can't be read leaves the worst case
	case errors.As(err, &timeout) && timeout.HasLastHeartbeatDetails():
		_ = timeout.LastHeartbeatDetails(&last)
	}
	if last.Reason == "" {
		last.Reason = lastFailure(err)
	}
	last.Result, last.Reason = itsm.CallFailed, "it was not answered well within "+within.String()+": "+last.Reason
	return last
}

// lastFailure says why an activity was given up: by its last attempt, as far as
// there was one.
func lastFailure(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err.Error()
}
