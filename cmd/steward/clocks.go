package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newClocksCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "clocks ID",
		Short: "Explain the service-level clocks of an incident",
		Long: `Shows what each clock of an incident shows now, and every stretch of time since
its start: what counts and what is left out, with why.`,
		Example: `  steward clocks INC-1`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			clocks, err := answer[api.Clocks](c.GetClocksWithResponse(cmd.Context(), args[0]))
			if err != nil {
				return err
			}
			return e.render(cmd, clocks, func(w io.Writer) {
				if len(clocks.Clocks) == 0 {
					fmt.Fprintln(w, "It has no clocks: no policy promises anything for it.")
					return
				}
				fmt.Fprint(w, e.clockTable(clocks.Clocks), "\n", e.intervalTable(clocks.Clocks))
			})
		},
	}
}

// clockTable shows what clocks show.
func (e *env) clockTable(clocks []api.Clock) string {
	t := table{{"CLOCK", "TARGET", "ELAPSED", "REMAINING", "DUE"}}
	for _, clock := range clocks {
		t.row(string(clock.Name), targetOf(clock), inSeconds(clock.Elapsed), inSeconds(clock.Remaining), e.dueOf(clock))
	}
	return t.String()
}

func targetOf(clock api.Clock) string {
	if clock.Calendar == "" {
		return clock.Target
	}
	return clock.Target + " of " + clock.Calendar
}

// dueOf says when a clock is due, or why it is not.
func (e *env) dueOf(clock api.Clock) string {
	var due string
	switch {
	case clock.Stopped != nil:
		due = "stopped " + e.moment(*clock.Stopped)
	case clock.Due != nil:
		due = e.moment(*clock.Due)
	default:
		due = "stands still"
	}
	if clock.Breached {
		due += ", breached"
	}
	return due
}

func (e *env) intervalTable(clocks []api.Clock) string {
	t := table{{"CLOCK", "FROM", "TO", "TIME", "COUNTS", "WHY"}}
	for _, clock := range clocks {
		for _, i := range clock.Intervals {
			counts := "no"
			if i.Counts {
				counts = "yes"
			}
			t.row(string(clock.Name), e.clock(i.From), e.clock(i.To), inSeconds(i.Seconds), counts, i.Why)
		}
	}
	return t.String()
}

// inSeconds shows so many seconds to people. Days are left as hours: a working
// day has fewer of them than a day.
func inSeconds(n int64) string {
	if n < 0 {
		return "-" + inSeconds(-n)
	}
	d := time.Duration(n) * time.Second
	if d >= time.Hour {
		return fmt.Sprintf("%dh %dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return span(d)
}
