package main

import (
	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newRollbackCommand(e *env) *cobra.Command {
	var body api.Reason
	cmd := &cobra.Command{
		Use:   "rollback ID --comment WHY",
		Short: "Take back whatever a transition did",
		Long: `Ends a transition that is being implemented, watched or reviewed: the undo of
every completed step runs, the latest first. Nothing cuts that short. An undo
that fails blocks it; steward step goes on from there.`,
		Example: `  steward rollback CHG-1 --comment "Payments to France fail"`,
	}
	cmd.Flags().StringVar(&body.Comment, "comment", "", "why; kept with the event")
	_ = cmd.MarkFlagRequired("comment")
	return e.changing(cmd, "is being rolled back", func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error) {
		return c.RollbackTransitionWithResponse(cmd.Context(), id, &api.RollbackTransitionParams{IdempotencyKey: e.key(cmd)}, body)
	})
}
