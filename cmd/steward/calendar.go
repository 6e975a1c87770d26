package main

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

func newCalendarCommand(e *env) *cobra.Command {
	var list listOptions
	var from, to, service string
	cmd := &cobra.Command{
		Use:   "calendar",
		Short: "Show the schedule of change: which transitions are planned when",
		Long: `Lists transitions by their planned time, those included that are over or gave
their time up. Without --from it begins now, without --to it ends 30 days later.
-o ical writes an iCalendar (RFC 5545), which calendars import; they subscribe to
the same at /v1/calendar?format=ical.`,
		Example: `  steward calendar
  steward calendar --service payments --from 2026-12-01 --to 2027-01-01
  steward calendar -o ical > changes.ics`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{moreFormats: ical},
		RunE: func(cmd *cobra.Command, _ []string) error {
			params := api.GetCalendarParams{Service: optional(service)}
			var err error
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
				return e.iCalendar(cmd, c, params)
			}
			return e.calendar(cmd, c, params, list)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&from, "from", "", "only what ends after this `TIME`: 2026-12-24, 2026-12-24T09:00")
	flags.StringVar(&to, "to", "", "only what starts before this `TIME`, at most 400 days later")
	flags.StringVar(&service, "service", "", "only of the service of this `NAME`")
	list.addFlags(cmd)
	return cmd
}

// ical is the format that only what calendars subscribe to has.
const ical = "ical"

// optionalInstant reads a time that may be left out.
func (e *env) optionalInstant(flag, text string) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	t, err := e.instant(flag, text)
	return &t, err
}

func (e *env) iCalendar(cmd *cobra.Command, c *apiClient, params api.GetCalendarParams) error {
	params.Format = optional(ical)
	return e.feed(c.GetCalendarWithResponse(cmd.Context(), &params))
}

// feed writes an iCalendar as it comes.
func (e *env) feed(r apiReply, err error) error {
	text, err := read(r, err)
	if err != nil {
		return err
	}
	_, err = e.out.Write(text)
	return err
}

func (e *env) calendar(cmd *cobra.Command, c *apiClient, params api.GetCalendarParams, list listOptions) error {
	items, next, err := gather(list, func(cursor *string, limit int) ([]api.PlannedChange, string, error) {
		params.Cursor, params.Limit = cursor, &limit
		page, err := answer[api.CalendarPage](c.GetCalendarWithResponse(cmd.Context(), &params))
		return page.Items, page.Next, err
	})
	if err != nil {
		return err
	}
	return e.render(cmd, api.CalendarPage{Items: items, Next: next}, func(w io.Writer) {
		e.tellMore(len(items), next)
		t := table{{"START", "END", "ID", "SERVICE", "PHASE", "TITLE"}}
		for _, item := range items {
			t.row(e.clock(item.Start), e.clock(item.End), item.Process, item.Service, placeOf(item), item.Title)
		}
		t.write(w)
	})
}

// placeOf says where a transition stands, and whether it still has its time.
func placeOf(item api.PlannedChange) string {
	switch {
	case item.Outcome != "":
		return item.Outcome
	case item.State == itsm.StateBlocked:
		return string(item.Phase) + " (blocked)"
	default:
		return string(item.Phase)
	}
}
