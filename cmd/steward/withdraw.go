package main

import (
	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newWithdrawCommand(e *env) *cobra.Command {
	var body api.Remark
	cmd := &cobra.Command{
		Use:     "withdraw ID",
		Short:   "Take your own request back",
		Example: `  steward withdraw APR-1 --comment "Found one in the cellar"`,
	}
	cmd.Flags().StringVar(&body.Comment, "comment", "", "why; kept with the event")
	return e.changing(cmd, "withdrawn", func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error) {
		return c.WithdrawApprovalWithResponse(cmd.Context(), id, &api.WithdrawApprovalParams{IdempotencyKey: e.key(cmd)}, body)
	})
}
