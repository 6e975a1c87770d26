package main

import (
	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newEscalateCommand(e *env) *cobra.Command {
	var body api.Escalation
	cmd := &cobra.Command{
		Use:   "escalate ID",
		Short: "Page the next rung of an incident's ladder now",
		Long: `Pages the next rung of the ladder at once, or the one given, also while paging is
suppressed. An acknowledgement ends with it, and the ladder goes on from there.`,
		Example: `  steward escalate INC-1 --comment "I need somebody who knows the database"
  steward escalate INC-1 --rung 3`,
	}
	cmd.Flags().IntVar(&body.Rung, "rung", 0, "`N`th rung of the ladder, from 1 (default: the next)")
	cmd.Flags().StringVar(&body.Comment, "comment", "", "why; kept with the event")
	return e.changing(cmd, "escalated", func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error) {
		if cmd.Flag("rung").Changed && body.Rung < 1 {
			return nil, usagef("--rung is %d; rungs are numbered from 1", body.Rung)
		}
		return c.EscalateIncidentWithResponse(cmd.Context(), id, &api.EscalateIncidentParams{IdempotencyKey: e.key(cmd)}, body)
	})
}
