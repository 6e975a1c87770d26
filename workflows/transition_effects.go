package workflows

import (
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/itsm"
)

// react does in the world what the state now asks for: each effect once, in
// this life or in an earlier one. Its key makes a repetition recognisable.
func (t *transition) react(ctx workflow.Context) {
	for _, effect := range t.rules.Effects() {
		if t.doing[effect.Key] {
			continue
		}
		t.doing[effect.Key] = true
		if effect.Kind == itsm.EffectApproval {
			t.starting[effect.Approval] = true
		}
		t.errands++
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer func() { t.errands-- }()
			if err := t.perform(ctx, effect); err != nil {
				workflow.GetLogger(ctx).Error("doing what a step asks for", "process", t.in.ID, "effect", effect.Key, "error", err)
			}
		})
	}
}

func (t *transition) perform(ctx workflow.Context, effect itsm.Effect) error {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	switch effect.Kind {
	case itsm.EffectCall:
		return t.call(ctx, effect)
	case itsm.EffectApproval:
		defer delete(t.starting, effect.Approval)
		return t.startApproval(ctx, effect)
	default:
		return t.orderApproval(ctx, effect)
	}
}

const (
	callTimeout = 30 * time.Second // of one attempt, where the step says nothing
	callWithin  = 24 * time.Hour   // of all attempts, where the step says nothing
	callGrace   = 10 * time.Second // for the activity to say what happened
)

// call has a step's request sent until it is answered for good, and takes its
// end.
func (t *transition) call(ctx workflow.Context, effect itsm.Effect) error {
	rule, _ := t.rules.Steps.Rule(effect.Step)
	timeout, within := callTimeout, callWithin
	if !rule.Timeout.IsZero() {
		timeout = rule.Timeout.Elapsed()
	}
	if !rule.Within.IsZero() {
		within = rule.Within.Elapsed()
	}
	facts := t.facts(ctx)
	facts.Also = nil // neither flows nor calendars have a part in it, and its input stays in the history
	var outcome itsm.CallOutcome
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ScheduleToCloseTimeout: within,
		StartToCloseTimeout:    min(timeout+callGrace, within),
		HeartbeatTimeout:       30 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Minute,
		},
	}), ActivityCall, CallRequest{
		TransitionFacts: facts, Step: effect.Step, Attempt: effect.Attempt, Steps: t.rules.Steps.Outputs(),
	}).Get(ctx, &outcome)
	if err != nil {
		outcome = givenUp(err, within)
	}
	return t.bySystem(ctx, "call/"+effect.Key, func(at time.Time) { t.rules.CallEnded(effect.Step, effect.Attempt, outcome, at) })
}

// startApproval starts the approval as a child that outlives nothing but what
// it decides. One that an earlier life started is as good.
func (t *transition) startApproval(ctx workflow.Context, effect itsm.Effect) error {
	flow := effect.Flow
	if flow == "" {
		flow = t.flowOf(effect.Step)
	}
	input, err := t.openApproval(ctx, flow, effect.Key)
	if err != nil {
		return err
	}
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            input.ID,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
	}), ApprovalWorkflow, input)
	err = child.GetChildWorkflowExecution().Get(ctx, nil)
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return nil
	}
	return err
}

// orderApproval tells an approval that its subject changed, or that it is not
// needed any more. One that is over needs to be told nothing.
func (t *transition) orderApproval(ctx workflow.Context, effect itsm.Effect) error {
	if err := workflow.Await(ctx, func() bool { return !t.starting[effect.Approval] }); err != nil {
		return err
	}
	order := ParentCommand{Command: orderTo(effect.Key, t.in.ID+" needs it no more")}
	if !effect.Order.Withdraw {
		amendment, err := t.amendment(ctx)
		if err != nil {
			return err
		}
		order.Command.Comment, order.Amendment = t.in.ID+" was changed", &amendment
	}
	err := workflow.SignalExternalWorkflow(ctx, effect.Approval, "", SignalParent, order).Get(ctx, nil)
	t.rules.OrderGiven(effect.Key)
	if err != nil {
		workflow.GetLogger(ctx).Info("an approval that should be told something is over", "process", t.in.ID, "approval", effect.Approval, "error", err)
	}
	return nil
}

// amendment is the transition as its authorisation sees it now.
func (t *transition) amendment(ctx workflow.Context) (itsm.Amendment, error) {
	bound := t.rules.Bound
	input, err := t.openApproval(ctx, t.rules.Rules.Authorize, t.rules.AuthorizationKey())
	return itsm.Amendment{Subject: input.Subject, Summary: input.Summary, Bound: bound}, err
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
