package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// gateAsk is how many seconds the server may wait before it says that nothing
// changed.
const gateAsk = 20

var goals = []string{string(itsm.GoalAuthorized), string(itsm.GoalScheduled), string(itsm.GoalImplemented), string(itsm.GoalClosed)}

func newGateCommand(e *env) *cobra.Command {
	var goal string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "gate ID --for GOAL",
		Short: "Wait in a pipeline until a transition is so far",
		Long: `Waits until a transition has reached a goal, and prints a line whenever its phase
changes:

  authorized   it may be implemented
  scheduled    and nothing is in the way of its planned time
  implemented  its steps are done
  closed       it ended well

The exit code is 0 when the goal is reached. It is 1 when it can't be reached any
more, because the transition was refused, cancelled or taken back, and when the
time is over; standard error says why. A blocked transition is waited for: somebody
may put it right. A server that goes away and comes back in time does no harm.`,
		Example: `  steward gate CHG-1 --for authorized --timeout 30m && ./deploy
  steward gate CHG-1 --for closed --timeout 72h`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if timeout <= 0 {
				return usagef("--timeout must be longer than nothing, such as 30m")
			}
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			g := &gate{env: e, cmd: cmd, client: c, id: args[0], goal: itsm.Goal(goal), timeout: timeout}
			return g.wait(ctx)
		},
	}
	cmd.Flags().StringVar(&goal, "for", "", "`GOAL` to wait for: "+strings.Join(goals, ", "))
	cmd.Flags().DurationVar(&timeout, "timeout", 30*time.Minute, "longest wait in all, such as 90m")
	_ = cmd.MarkFlagRequired("for")
	complete(cmd, "for", goals...)
	return cmd
}

// gate is one wait.
type gate struct {
	*env
	cmd     *cobra.Command
	client  *apiClient
	id      string
	goal    itsm.Goal
	timeout time.Duration

	last   api.Waited // the newest answer
	told   string     // what was printed last
	silent bool       // the server did not answer the last time
}

// wait asks until there is something to go on with. Its error says why there
// is not.
func (g *gate) wait(ctx context.Context) error {
	for {
		answered, err := g.ask(ctx)
		switch {
		case ctx.Err() != nil && g.cmd.Context().Err() == nil:
			return g.tooLate()
		case err != nil && g.exitCode(err) != exitUnavailable, err != nil && ctx.Err() != nil:
			return err
		case err != nil:
			g.tellSilence(err)
			_ = pauseFor(ctx, g.linger) // where time is over, the next question says so
			continue
		}
		g.last, g.silent = answered, false
		g.tellPhase()
		switch {
		case answered.Reached:
			return g.render(g.cmd, answered, func(w io.Writer) {})
		case answered.Over:
			return g.missed(ctx)
		}
	}
}

func (g *gate) ask(ctx context.Context) (api.Waited, error) {
	seconds := gateAsk
	if deadline, ok := ctx.Deadline(); ok {
		seconds = max(0, min(seconds, int(time.Until(deadline).Seconds())))
	}
	return answer[api.Waited](g.client.WaitForTransitionWithResponse(ctx, g.id, &api.WaitForTransitionParams{For: g.goal, Timeout: &seconds}))
}

// tellPhase prints a line where the transition is somewhere else than before.
func (g *gate) tellPhase() {
	now := "phase " + string(g.last.Phase)
	if g.last.Blocked != "" {
		now += ", blocked: " + g.last.Blocked
	}
	if now == g.told {
		return
	}
	g.told = now
	out := g.out
	if !isTable(g.cmd) {
		out = g.errOut // programs read one value
	}
	fmt.Fprintf(out, "%s  %s  %s\n", g.clock(g.now()), printable(g.id), printable(now))
}

func (g *gate) tellSilence(err error) {
	if !g.silent {
		fmt.Fprintf(g.errOut, "steward: %s; still trying\n", printable(err.Error()))
	}
	g.silent = true
}

func (g *gate) tooLate() error {
	where := "the server gave no answer"
	if g.last.Process != "" {
		where = "it is in " + g.told
	}
	return errors.New(g.id + " was not " + string(g.goal) + " within " + g.timeout.String() + "; " + where + "; `steward get " + g.id + "` says what it waits for")
}

// missed says why the goal can't be reached any more.
func (g *gate) missed(ctx context.Context) error {
	text := g.id + " can't be " + string(g.goal) + " any more: "
	if g.last.Outcome == "" {
		text += "it is being taken back"
	} else {
		text += "it is closed: " + g.last.Outcome
	}
	process, err := answer[api.Process](g.client.GetProcessWithResponse(ctx, g.id))
	if err != nil { // the reason is not worth another failure
		return errors.New(text)
	}
	if back := transitionDetail(process).Rollback; back != nil {
		text += "; " + back.Why
	}
	return errors.New(text)
}
