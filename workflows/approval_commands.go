package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
)

// handleCommands lets updates in. Each has a validator that refuses what may
// not be before it costs the history anything, and a handler that looks again
// when its turn comes, for the state may have changed while it waited.
func (a *approval) handleCommands(ctx workflow.Context) error {
	if err := workflow.SetQueryHandler(ctx, QueryView, func() (itsm.View, error) { return a.view(ctx), nil }); err != nil {
		return err
	}
	return firstError(
		handle(ctx, a, UpdateStart, plainCommand, a.checkStart, a.start),
		handle(ctx, a, UpdateDecide, func(d DecideArgs) itsm.Command { return d.Command }, a.checkDecide, a.decide),
		handle(ctx, a, UpdateDelegate, func(d DelegateArgs) itsm.Command { return d.Command }, a.checkDelegate, a.delegate),
		handle(ctx, a, UpdateAbsence, func(d AbsenceArgs) itsm.Command { return d.Command }, a.checkAbsence, a.absence),
		handle(ctx, a, UpdateAmend, func(d AmendArgs) itsm.Command { return d.Command }, a.checkAmend, a.amend),
		handle(ctx, a, UpdateWithdraw, plainCommand, a.checkWithdraw, a.withdraw),
		handle(ctx, a, UpdateResume, plainCommand, a.checkResume, a.resume),
	)
}

// handle registers one update: check says why it may not be, do does it in its
// turn and gives the number of the event that records it.
func handle[A any](ctx workflow.Context, a *approval, name string, command func(A) itsm.Command,
	check func(A, time.Time) error, do func(A, time.Time) (int, error),
) error {
	validate := func(ctx workflow.Context, args A) error {
		if _, answered := a.answers[command(args).Key]; answered || !a.opened || a.turn.IsLocked() {
			return nil // answered again; or judged in its turn, by what is recorded then
		}
		return Refuse(check(args, workflow.Now(ctx)))
	}
	run := func(ctx workflow.Context, args A) (itsm.Receipt, error) {
		return a.command(ctx, command(args), func(at time.Time) (int, error) { return do(args, at) })
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, name, run, workflow.UpdateHandlerOptions{Validator: validate})
}

// command carries out one command in its turn, after the start, and answers
// when what it did is recorded. The same key gets the same answer.
func (a *approval) command(ctx workflow.Context, c itsm.Command, do func(time.Time) (int, error)) (itsm.Receipt, error) {
	if err := workflow.Await(ctx, func() bool { return a.opened }); err != nil {
		return itsm.Receipt{}, err
	}
	err := a.inTurn(ctx, func(at time.Time) error {
		for overtaken := true; overtaken; {
			if err := a.catchUp(ctx, at); err != nil {
				return err
			}
			if _, answered := a.answers[c.Key]; answered {
				return nil
			}
			number, err := do(at)
			if err != nil {
				return Refuse(err)
			}
			if overtaken, err = a.settle(ctx, answering{c, number}); err != nil {
				return err
			}
		}
		return nil
	})
	return a.answers[c.Key], err
}

func plainCommand(args PlainArgs) itsm.Command { return args.Command }

// start is answered by open, which has the first turn. Anything but the key
// that began the process finds it there already.
func (a *approval) checkStart(PlainArgs, time.Time) error { return nil }

func (a *approval) start(PlainArgs, time.Time) (int, error) { return 1, nil }

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

func (a *approval) checkAmend(args AmendArgs, _ time.Time) error {
	return a.rules.CheckAmendment(args.Command, args.Amendment.Subject)
}

func (a *approval) amend(args AmendArgs, at time.Time) (int, error) {
	return a.rules.Amend(args.Command, args.Amendment, at)
}

func (a *approval) checkWithdraw(args PlainArgs, _ time.Time) error {
	return a.rules.CheckRequester(args.Command)
}

func (a *approval) withdraw(args PlainArgs, at time.Time) (int, error) {
	return a.rules.Withdraw(args.Command, at)
}

func (a *approval) checkResume(PlainArgs, time.Time) error { return a.rules.CheckResume() }

func (a *approval) resume(args PlainArgs, at time.Time) (int, error) {
	return a.rules.Resume(args.Command, at)
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

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
