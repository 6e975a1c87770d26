package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/itsm"
)

// handleCommands lets the commands of an approval in.
func (a *approval) handleCommands(ctx workflow.Context) error {
	return firstError(
		a.answerQueries(ctx),
		a.answerTakeUp(ctx),
		handle(ctx, a.process, UpdateStart, plainCommand, a.checkStart, a.started),
		handle(ctx, a.process, UpdateDecide, func(d DecideArgs) itsm.Command { return d.Command }, a.checkDecide, a.decide),
		handle(ctx, a.process, UpdateDelegate, func(d DelegateArgs) itsm.Command { return d.Command }, a.checkDelegate, a.delegate),
		handle(ctx, a.process, UpdateAbsence, func(d AbsenceArgs) itsm.Command { return d.Command }, a.checkAbsence, a.absence),
		handle(ctx, a.process, UpdateAmend, func(d AmendArgs) itsm.Command { return d.Command }, a.checkAmend, a.amend),
		handle(ctx, a.process, UpdateWithdraw, plainCommand, a.checkWithdraw, a.withdraw),
		handle(ctx, a.process, UpdateResume, plainCommand, a.checkResume, a.resume),
	)
}

// checkStart lets the start's update in, which the start itself answers.
func (a *approval) checkStart(PlainArgs, time.Time) error { return nil }

// started is for a start under another key than the one that began the process.
func (a *approval) started(PlainArgs, time.Time) (int, error) { return 1, nil }

func (a *approval) checkDecide(args DecideArgs, at time.Time) error {
	return a.rules.CheckDecision(args.Command, args.Verdict, args.Stage, at)
}

func (a *approval) decide(args DecideArgs, at time.Time) (int, error) {
	return a.rules.Decide(args.Command, args.Verdict, args.Stage, at)
}

func (a *approval) checkDelegate(args DelegateArgs, at time.Time) error {
	return a.rules.CheckDelegation(args.Command, args.To, at)
}

func (a *approval) delegate(args DelegateArgs, at time.Time) (int, error) {
	return a.rules.Delegate(args.Command, args.To, at)
}

func (a *approval) checkAbsence(AbsenceArgs, time.Time) error { return a.rules.CheckOpen() }

func (a *approval) absence(args AbsenceArgs, at time.Time) (int, error) {
	return a.rules.NoteAbsence(args.Command, args.Absence, at), nil
}

// alone refuses what the process that asked for the approval must be told
// instead.
func (a *approval) alone() error {
	if a.in.Parent == "" {
		return nil
	}
	return itsm.Errorf(itsm.CodePartOfProcess, "%s is part of %s; change or cancel that instead", a.in.ID, a.in.Parent)
}

func (a *approval) checkAmend(args AmendArgs, _ time.Time) error {
	if err := a.alone(); err != nil {
		return err
	}
	return a.rules.CheckAmendment(args.Command, args.Amendment.Subject)
}

func (a *approval) amend(args AmendArgs, at time.Time) (int, error) {
	if err := a.alone(); err != nil {
		return 0, err
	}
	return a.rules.Amend(args.Command, args.Amendment, at)
}

func (a *approval) checkWithdraw(args PlainArgs, _ time.Time) error {
	if err := a.alone(); err != nil {
		return err
	}
	return a.rules.CheckRequester(args.Command)
}

func (a *approval) withdraw(args PlainArgs, at time.Time) (int, error) {
	if err := a.alone(); err != nil {
		return 0, err
	}
	return a.rules.Withdraw(args.Command, at)
}

func (a *approval) checkResume(PlainArgs, time.Time) error { return a.rules.CheckResume() }

func (a *approval) resume(args PlainArgs, at time.Time) (int, error) {
	return a.rules.Resume(args.Command, at)
}
