package main

import (
	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newRescheduleCommand(e *env) *cobra.Command {
	var body api.Reschedule
	var planned plannedFlags
	cmd := &cobra.Command{
		Use:   "reschedule ID --planned-start TIME --planned-end TIME",
		Short: "Plan a transition for another time",
		Long: `Plans a transition for another time, as long as it is not implemented. A time
that the schedule of change refuses is refused at once, and the old one stays.
Where the authorisation is bound to the planned time, it is asked for anew.`,
		Example: `  steward reschedule CHG-1 --planned-start 2026-12-05T21:00 --planned-end 2026-12-05T23:00
  steward reschedule CHG-1 --planned-start 2026-12-24T09:00Z --planned-end 2026-12-24T10:00Z --override --comment "Certificate expires"`,
	}
	planned.addFlags(cmd)
	addOverrideFlag(cmd, &body.Override)
	cmd.Flags().StringVar(&body.Comment, "comment", "", "why; kept with the event")
	_ = cmd.MarkFlagRequired("planned-start")
	_ = cmd.MarkFlagRequired("planned-end")
	return e.changing(cmd, "rescheduled", func(cmd *cobra.Command, c *apiClient, id string) (_ apiReply, err error) {
		if body.PlannedStart, body.PlannedEnd, err = planned.times(e); err != nil {
			return nil, err
		}
		return c.RescheduleTransitionWithResponse(cmd.Context(), id, &api.RescheduleTransitionParams{IdempotencyKey: e.key(cmd)}, body)
	})
}
