package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/itsm"
)

// handleCommands lets the commands of an incident in.
func (i *incident) handleCommands(ctx workflow.Context) error {
	open := func() error { return i.rules.CheckOpen() }
	return firstError(
		i.answerQueries(ctx),
		i.answerTakeUp(ctx),
		handle(ctx, i.process, UpdateStart, plainCommand,
			func(PlainArgs, time.Time) error { return nil },
			func(PlainArgs, time.Time) (int, error) { return 1, nil }),
		handle(ctx, i.process, UpdateAcknowledge, plainCommand,
			func(PlainArgs, time.Time) error { return i.rules.CheckAcknowledge() },
			func(args PlainArgs, at time.Time) (int, error) { return i.rules.Acknowledge(args.Command, at) }),
		handle(ctx, i.process, UpdateNote, plainCommand,
			func(PlainArgs, time.Time) error { return open() },
			func(args PlainArgs, at time.Time) (int, error) { return i.rules.Note(args.Command, at) }),
		handle(ctx, i.process, UpdateResume, plainCommand,
			func(PlainArgs, time.Time) error { return open() },
			func(args PlainArgs, at time.Time) (int, error) { return i.rules.Resume(args.Command, at) }),
		handle(ctx, i.process, UpdateReopen, plainCommand,
			func(args PlainArgs, _ time.Time) error { return i.rules.CheckReopen(args.Command) },
			func(args PlainArgs, at time.Time) (int, error) { return i.rules.Reopen(args.Command, at) }),
		handle(ctx, i.process, UpdateResolve, func(args ResolveArgs) itsm.Command { return args.Command },
			func(args ResolveArgs, _ time.Time) error { return i.rules.CheckResolve(args.Cause, args.Fix) },
			func(args ResolveArgs, at time.Time) (int, error) {
				return i.rules.Resolved(args.Command, args.Cause, args.Fix, at)
			}),
		handle(ctx, i.process, UpdateClassify, func(args ClassifyArgs) itsm.Command { return args.Command },
			func(ClassifyArgs, time.Time) error { return open() },
			func(args ClassifyArgs, at time.Time) (int, error) {
				return i.rules.Classify(args.Command, args.Class, at)
			}),
		handle(ctx, i.process, UpdateEscalate, func(args EscalateArgs) itsm.Command { return args.Command },
			func(EscalateArgs, time.Time) error { return open() },
			func(args EscalateArgs, at time.Time) (int, error) {
				return i.rules.Escalate(args.Command, args.Rung, at)
			}),
		handle(ctx, i.process, UpdateAlert, func(args AlertArgs) itsm.Command { return args.Command },
			func(AlertArgs, time.Time) error { return open() },
			func(args AlertArgs, at time.Time) (int, error) { return i.rules.Changed(args.Command, args.Alert, at) }),
		i.handleNamed(ctx),
		handleTasks(ctx, i.process, i.rules),
	)
}

// handleNamed lets in the commands that name one thing.
func (i *incident) handleNamed(ctx workflow.Context) error {
	named := func(update string, do func(c itsm.Command, name string, at time.Time) (int, error)) error {
		return handle(ctx, i.process, update, func(args NamedArgs) itsm.Command { return args.Command },
			func(NamedArgs, time.Time) error { return i.rules.CheckOpen() },
			func(args NamedArgs, at time.Time) (int, error) { return do(args.Command, args.Name, at) })
	}
	return firstError(
		named(UpdateAssign, i.rules.Assign),
		named(UpdateDeclareMajor, i.rules.Declare),
		named(UpdateMerge, i.rules.Merge),
		named(UpdateAttach, i.rules.AttachTo),
		named(UpdateHold, func(c itsm.Command, phase string, at time.Time) (int, error) {
			return i.rules.Hold(c, itsm.IncidentPhase(phase), at)
		}),
	)
}
