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
			Flow: a.in.Flow.DefinitionRef, Summary: a.rules.Summary, Subject: a.in.Subject,
		})
		_, err := a.settle(ctx, answering{a.in.Command, 1}) // a start that an earlier try recorded is as good
		return err
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
	for {
		a.rules.Pass(at)
		overtaken, err := a.settle(ctx, answering{})
		if err != nil || !overtaken {
			return err
		}
	}
}

// settle opens the next stage where one is wanted, and records all that
// happened, with the answer to the command that caused it, if one did. When it
// returns without error, all of it is in the journal; or, where it was
// overtaken, what an earlier try recorded, from which the caller goes on.
func (a *approval) settle(ctx workflow.Context, to answering) (overtaken bool, err error) {
	for a.rules.WantsPlan() {
		plan, err := a.plan(ctx)
		if err != nil {
			return false, err
		}
		a.rules.Proceed(plan, workflow.Now(ctx))
		a.rules.Pass(workflow.Now(ctx)) // a plan that was long in the making may have missed moments
	}
	receipt := a.rules.Receipt(to.command, to.event)
	events, notices := a.rules.Drain()
	earlier, err := a.record.write(ctx, complete(events, notices, receipt))
	if err != nil {
		return false, err
	}
	if earlier != nil {
		a.takeUp(earlier)
		return true, nil
	}
	if to.command.Key != "" {
		a.answers[to.command.Key] = receipt
	}
	return false, nil
}

// answering is the command that is being carried out, and the event that
// records it; the zero value where nobody waits for an answer.
type answering struct {
	command itsm.Command
	event   int
}

// complete puts on the events who is to be told of them, and on the one that
// records a command what its sender is told.
func complete(events []itsm.Event, notices []itsm.Notice, receipt itsm.Receipt) []itsm.Event {
	for i := range events {
		if events[i].Number == receipt.Event {
			events[i].Answer = &receipt
		}
		for _, notice := range notices {
			if notice.Event == events[i].Number {
				events[i].Tell = append(events[i].Tell, notice)
			}
		}
	}
	return events
}

// plan has the next stage looked up in the directory and the calendars. Where
// none is left there is nothing to look up.
func (a *approval) plan(ctx workflow.Context) (itsm.StagePlan, error) {
	if a.rules.Next >= len(a.rules.Rules.Stages) {
		return itsm.StagePlan{Stage: a.rules.Next, Owner: a.rules.Owner}, nil
	}
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
