package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

func newOnCallCommand(e *env) *cobra.Command {
	var at, from, to string
	cmd := &cobra.Command{
		Use:   "oncall SCHEDULE",
		Short: "Tell who is on call, now and in the next weeks",
		Long: `Tells who is on call by a schedule: now or at a time, and then whose shifts come in
the next four weeks, or between two times, with the times at which nobody is.
-o ical writes the shifts as an iCalendar (RFC 5545), which calendars import; they
subscribe to the same at /v1/schedules/SCHEDULE?format=ical.`,
		Example: `  steward oncall payments-primary
  steward oncall payments-primary --at 2026-12-25T03:00
  steward oncall payments-primary --from 2026-12-01 --to 2027-01-01 -o ical > oncall.ics`,
		Args:        cobra.ExactArgs(1),
		Annotations: map[string]string{moreFormats: ical},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			var params api.GetScheduleParams
			if params.At, err = e.optionalInstant("at", at); err != nil {
				return err
			}
			if params.From, err = e.optionalInstant("from", from); err != nil {
				return err
			}
			if params.To, err = e.optionalInstant("to", to); err != nil {
				return err
			}
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			if cmd.Flag("output").Value.String() == ical {
				params.Format = optional(ical)
				return e.feed(c.GetScheduleWithResponse(cmd.Context(), args[0], &params))
			}
			onCall, err := answer[api.OnCall](c.GetScheduleWithResponse(cmd.Context(), args[0], &params))
			if err != nil {
				return err
			}
			return e.render(cmd, onCall, func(w io.Writer) { e.onCallPage(w, onCall) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&at, "at", "", "who is on call at this `TIME`: 2026-12-24, 2026-12-24T09:00")
	flags.StringVar(&from, "from", "", "only shifts that end after this `TIME`")
	flags.StringVar(&to, "to", "", "only shifts that begin before this `TIME`, at most 400 days later")
	return cmd
}

func (e *env) onCallPage(w io.Writer, o api.OnCall) {
	fmt.Fprintf(w, "%s  %s\n\n", printable(o.Name), printable(o.Title))
	on := table{{"ON CALL", "AT", "UNTIL", "BY"}}
	for _, shift := range o.Now {
		on.row(shift.Person, e.moment(o.At), e.moment(shift.To), turnOf(shift))
	}
	if len(o.Now) == 0 {
		on.row("nobody", e.moment(o.At))
	}
	on.write(w)
	if len(o.Shifts) > 0 {
		fmt.Fprintln(w)
		shifts := table{{"FROM", "TO", "PERSON", "BY"}}
		for _, shift := range o.Shifts {
			shifts.row(e.clock(shift.From), e.clock(shift.To), shift.Person, turnOf(shift))
		}
		shifts.write(w)
	}
	if len(o.Gaps) > 0 {
		fmt.Fprintln(w)
		gaps := table{{"NOBODY FROM", "TO"}}
		for _, gap := range o.Gaps {
			gaps.row(e.clock(gap.From), e.clock(gap.To))
		}
		gaps.write(w)
	}
}

// turnOf says by what somebody is on call.
func turnOf(shift itsm.Shift) string {
	if shift.Override {
		return "override"
	}
	return shift.Layer
}
