package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/itsm"
)

// Approval asks people, stage by stage, until the answer is certain.
//
// It opens the first stage, and then waits: for decisions, which arrive as
// updates and may win or lose a stage, and for the moments at which a stage
// reminds, escalates or times out. It ends when nobody needs to be asked any
// more and everybody who should know has been told.
func Approval(ctx workflow.Context, in ApprovalInput) (ApprovalResult, error) {
	// Only a command ends an approval, never a cancelled workflow. The context
	// ends with the workflow: to cancel it would only cost an event for its timer.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	a, err := newApproval(ctx, in)
	if err != nil {
		return ApprovalResult{}, err
	}
	if err := a.handleCommands(ctx); err != nil {
		return ApprovalResult{}, err
	}
	return a.run(ctx)
}

// approval is the state of one run.
type approval struct {
	in      ApprovalInput
	base    itsm.View // what never changes
	rules   *itsm.Approval
	record  *recorder
	turn    workflow.Mutex // one command, or one moment, at a time
	answers map[string]itsm.Receipt
	alarm   alarm
	opened  bool // its start is recorded; no command comes before
	telling int  // notifications under way
}

// run is the story.
func (a *approval) run(ctx workflow.Context) (ApprovalResult, error) {
	if err := a.open(ctx); err != nil {
		return ApprovalResult{}, err
	}
	for a.rules.State != itsm.StateClosed {
		if a.shouldContinueAsNew(ctx) {
			return ApprovalResult{}, a.continueAsNew(ctx)
		}
		if err := a.waitForMoment(ctx); err != nil {
			return ApprovalResult{}, err
		}
		if err := a.passMoment(ctx); err != nil {
			return ApprovalResult{}, err
		}
	}
	if err := a.finishTelling(ctx); err != nil {
		return ApprovalResult{}, err
	}
	return a.result(), nil
}

// open records that the approval exists and opens its first stage.
func (a *approval) open(ctx workflow.Context) error {
	defer func() { a.opened = true }()
	if a.in.Continues != nil {
		return nil
	}
	return a.inTurn(ctx, func(at time.Time) error {
		a.rules.Open(a.in.Command, at, itsm.ApprovalOpened{
			Flow: a.in.Flow.DefinitionRef, Summary: a.in.Summary, Subject: a.in.Subject,
		})
		return a.settle(ctx, answering{a.in.Command, 1})
	})
}

// waitForMoment returns when something is due, a command closed the approval,
// or the history has grown so long that a new one should begin.
func (a *approval) waitForMoment(ctx workflow.Context) error {
	a.alarm.set(ctx, a.rules.NextDue)
	return workflow.Await(ctx, func() bool {
		return a.rules.State == itsm.StateClosed || a.alarm.needsCare(ctx, a.rules.NextDue) || a.shouldContinueAsNew(ctx)
	})
}

// passMoment does what is due when its turn comes.
func (a *approval) passMoment(ctx workflow.Context) error {
	return a.inTurn(ctx, func(at time.Time) error { return a.catchUp(ctx, at) })
}

// catchUp reminds, escalates and times out whatever is due. A command that
// arrives together with a deadline comes after it.
func (a *approval) catchUp(ctx workflow.Context, at time.Time) error {
	a.rules.Pass(at)
	return a.settle(ctx, answering{})
}

// settle opens the next stage where one is wanted, and records all that
// happened, with the answer to the command that caused it, if one did. When it
// returns without error, all of it is in the journal.
func (a *approval) settle(ctx workflow.Context, to answering) error {
	for a.rules.WantsPlan() {
		plan, err := a.plan(ctx)
		if err != nil {
			return err
		}
		a.rules.Proceed(plan, workflow.Now(ctx))
		a.rules.Pass(workflow.Now(ctx)) // a plan that was long in the making may have missed moments
	}
	events, notices := a.rules.Drain()
	if to.command.Key != "" {
		receipt := a.rules.Receipt(to.command, to.event)
		a.answers[to.command.Key] = receipt
		attach(events, receipt)
	}
	return a.record.write(ctx, events, notices)
}

// answering is the command that is being carried out, and the event that
// records it; the zero value where nobody waits for an answer.
type answering struct {
	command itsm.Command
	event   int
}

// attach puts the answer to a command on the event that records the command.
func attach(events []itsm.Event, receipt itsm.Receipt) {
	for i := range events {
		if events[i].Number == receipt.Event {
			events[i].Answer = &receipt
		}
	}
}

// plan has the next stage looked up in the directory and the calendars.
func (a *approval) plan(ctx workflow.Context) (itsm.StagePlan, error) {
	var plan itsm.StagePlan
	err := soon(ctx, ActivityPlanStage, PlanRequest{
		Flow: a.in.Flow, Calendar: a.in.Calendar, Service: a.in.Service,
		Requester: a.rules.Requester, Subject: a.rules.Subject,
		From: a.rules.Next, At: workflow.Now(ctx),
	}, &plan)
	if refusal, refused := Refusal(err); refused {
		return itsm.StagePlan{Stage: a.rules.Next, Owner: a.rules.Owner, Problem: refusal.Message}, nil
	}
	return plan, err
}

// inTurn does one thing at a time, at the instant at which its turn comes.
func (a *approval) inTurn(ctx workflow.Context, do func(at time.Time) error) error {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if err := a.turn.Lock(ctx); err != nil {
		return err
	}
	defer a.turn.Unlock()
	return do(workflow.Now(ctx))
}

// result tells how it ended.
func (a *approval) result() ApprovalResult {
	return ApprovalResult{Outcome: a.rules.Outcome, Stage: a.rules.DecidedIn}
}
