package main

import (
	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newAssignCommand(e *env) *cobra.Command {
	var body api.Assignment
	cmd := &cobra.Command{
		Use:   "assign ID --to NAME",
		Short: "Give an incident to somebody",
		Long: `Gives an incident to somebody, who is told. The ladder goes on until somebody
acknowledges the incident, whoever that is.`,
		Example: `  steward assign INC-1 --to chen --comment "Chen knows the queue"`,
	}
	cmd.Flags().StringVar(&body.To, "to", "", "`NAME` of the person")
	cmd.Flags().StringVar(&body.Comment, "comment", "", "why; kept with the event")
	_ = cmd.MarkFlagRequired("to")
	return e.changing(cmd, "assigned", func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error) {
		return c.AssignIncidentWithResponse(cmd.Context(), id, &api.AssignIncidentParams{IdempotencyKey: e.key(cmd)}, body)
	})
}
