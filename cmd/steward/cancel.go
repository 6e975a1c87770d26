package main

import (
	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newCancelCommand(e *env) *cobra.Command {
	var body api.Remark
	cmd := &cobra.Command{
		Use:   "cancel ID",
		Short: "Give up a transition before it is implemented",
		Long: `Gives up a transition that is not implemented yet. Its planned time is free
again; what was done to prepare it is taken back. One that is implemented can
be rolled back instead.`,
		Example: `  steward cancel CHG-1 --comment "The supplier withdrew the release"`,
	}
	cmd.Flags().StringVar(&body.Comment, "comment", "", "why; kept with the event")
	return e.changing(cmd, "cancelled", func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error) {
		return c.CancelTransitionWithResponse(cmd.Context(), id, &api.CancelTransitionParams{IdempotencyKey: e.key(cmd)}, body)
	})
}
