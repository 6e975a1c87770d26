package main

import (
	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newReopenCommand(e *env) *cobra.Command {
	var body api.Reason
	cmd := &cobra.Command{
		Use:   "reopen ID --comment TEXT",
		Short: "Say that an incident is not resolved after all",
		Long: `Goes on with a resolved incident that is not closed yet. Its clocks go on where
they stopped, and the ladder begins again from its first rung.`,
		Example: `  steward reopen INC-1 --comment "Payments to France still fail"`,
	}
	cmd.Flags().StringVar(&body.Comment, "comment", "", "what is still wrong; kept with the event")
	_ = cmd.MarkFlagRequired("comment")
	return e.changing(cmd, "reopened", func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error) {
		return c.ReopenIncidentWithResponse(cmd.Context(), id, &api.ReopenIncidentParams{IdempotencyKey: e.key(cmd)}, body)
	})
}
