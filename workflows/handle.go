package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/itsm"
)

// handle lets one kind of update in. The validator refuses what may not be
// before it costs the history anything; the handler looks again when its turn
// comes, for the state may have changed while it waited. check says why a
// command may not be; do carries it out and gives the number of the event that
// records it.
func handle[A any](ctx workflow.Context, p *process, name string, command func(A) itsm.Command,
	check func(A, time.Time) error, do func(A, time.Time) (int, error),
) error {
	validate := func(ctx workflow.Context, args A) error {
		if _, answered := p.answers[command(args).Key]; answered || !p.opened || p.turn.IsLocked() {
			return nil // answered again; or judged in its turn, by what is recorded then
		}
		return p.refuse(check(args, workflow.Now(ctx)))
	}
	run := func(ctx workflow.Context, args A) (itsm.Receipt, error) {
		return p.command(ctx, command(args), func(at time.Time) (int, error) { return do(args, at) })
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, name, run, workflow.UpdateHandlerOptions{Validator: validate})
}

// answerQueries shows the state to whoever asks, also in a replay.
func (p *process) answerQueries(ctx workflow.Context) error {
	return workflow.SetQueryHandler(ctx, QueryView, func() (itsm.View, error) {
		return p.state.View(p.base, workflow.Now(ctx)), nil
	})
}

// answerTakeUp lets the engine tell the process that its journal is ahead of it.
func (p *process) answerTakeUp(ctx workflow.Context) error {
	return workflow.SetUpdateHandler(ctx, UpdateTakeUp, func(ctx workflow.Context) (int, error) {
		if err := workflow.Await(ctx, func() bool { return p.opened }); err != nil {
			return 0, err
		}
		err := p.inTurn(ctx, func(time.Time) error {
			_, err := p.lookBack(ctx)
			return err
		})
		return p.state.Newest(), err
	})
}

func plainCommand(args PlainArgs) itsm.Command { return args.Command }

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
