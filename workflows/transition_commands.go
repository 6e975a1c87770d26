package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/itsm"
)

// handleCommands lets the commands of a transition in.
func (t *transition) handleCommands(ctx workflow.Context) error {
	return firstError(
		t.answerQueries(ctx),
		t.answerTakeUp(ctx),
		handle(ctx, t.process, UpdateStart, plainCommand,
			func(PlainArgs, time.Time) error { return nil },
			func(PlainArgs, time.Time) (int, error) { return 1, nil }),
		handle(ctx, t.process, UpdateAmend, reviseCommand, t.checkAmend, t.amend),
		handle(ctx, t.process, UpdateReschedule, reviseCommand, t.checkReschedule, t.reschedule),
		handle(ctx, t.process, UpdateCancel, plainCommand,
			func(args PlainArgs, _ time.Time) error { return t.rules.CheckCancel(args.Command) },
			func(args PlainArgs, at time.Time) (int, error) { return t.rules.Cancel(args.Command, at) }),
		handle(ctx, t.process, UpdateRollback, plainCommand,
			func(args PlainArgs, _ time.Time) error { return t.rules.CheckRollback(args.Command) },
			func(args PlainArgs, at time.Time) (int, error) { return t.rules.RollBack(args.Command, at) }),
		handle(ctx, t.process, UpdateResume, func(args ResumeArgs) itsm.Command { return args.Command },
			func(args ResumeArgs, _ time.Time) error { return t.rules.CheckResume(args.Command, args.Override) },
			func(args ResumeArgs, at time.Time) (int, error) {
				return t.rules.Resume(args.Command, args.Override, at)
			}),
		handleTasks(ctx, t.process, t.rules),
		t.handleSteps(ctx),
	)
}

func reviseCommand(args ReviseArgs) itsm.Command { return args.Command }

func (t *transition) checkAmend(args ReviseArgs, _ time.Time) error {
	return t.rules.CheckRevision(args.Command, args.Input, nil)
}

func (t *transition) amend(args ReviseArgs, at time.Time) (int, error) {
	return t.rules.Amend(args.Command, args.Input, at)
}

func (t *transition) checkReschedule(args ReviseArgs, _ time.Time) error {
	return t.rules.CheckRevision(args.Command, nil, args.Planned)
}

func (t *transition) reschedule(args ReviseArgs, at time.Time) (int, error) {
	return t.rules.Reschedule(args.Command, *args.Planned, args.Override, at)
}

// handleSteps lets in what operators and other systems say of steps, and what
// happens in early life.
func (t *transition) handleSteps(ctx workflow.Context) error {
	return firstError(
		handle(ctx, t.process, UpdateByHand, func(args ByHandArgs) itsm.Command { return args.Command },
			func(args ByHandArgs, _ time.Time) error {
				return t.rules.CheckByHand(args.Command, args.Step, args.Do, args.Output)
			},
			func(args ByHandArgs, at time.Time) (int, error) {
				return t.rules.ByHand(args.Command, args.Step, args.Do, args.Output, at)
			}),
		handle(ctx, t.process, UpdateCallback, func(args CallbackArgs) itsm.Command { return args.Command },
			func(args CallbackArgs, _ time.Time) error { return t.rules.CheckCallback(args.Step, args.Attempt) },
			func(args CallbackArgs, at time.Time) (int, error) {
				return t.rules.Callback(args.Command, args.Step, args.Attempt, args.Answer, at)
			}),
		handle(ctx, t.process, UpdateIncident, func(args IncidentArgs) itsm.Command { return args.Command },
			func(IncidentArgs, time.Time) error { return t.rules.CheckIncident() },
			func(args IncidentArgs, at time.Time) (int, error) {
				return t.rules.Incident(args.Command, args.Incident, at)
			}),
	)
}
