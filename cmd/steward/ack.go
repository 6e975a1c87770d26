package main

import (
	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newAckCommand(e *env) *cobra.Command {
	var body api.Remark
	cmd := &cobra.Command{
		Use:     "ack ID",
		Aliases: []string{"acknowledge"},
		Short:   "Take an incident on",
		Long: `Says that you take an incident on: nobody else is paged for as long as the policy
gives you between two signs of life, and the clock of response stops. Every
command of yours on the incident is a sign of life.`,
		Example: `  steward ack INC-1
  steward ack INC-1 --comment "At my desk in ten minutes"`,
	}
	cmd.Flags().StringVar(&body.Comment, "comment", "", "what there is to say; kept with the event")
	return e.changing(cmd, "acknowledged", func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error) {
		return c.AcknowledgeIncidentWithResponse(cmd.Context(), id, &api.AcknowledgeIncidentParams{IdempotencyKey: e.key(cmd)}, body)
	})
}
