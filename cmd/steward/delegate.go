package main

import (
	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newDelegateCommand(e *env) *cobra.Command {
	var body api.Delegation
	cmd := &cobra.Command{
		Use:   "delegate ID --to NAME",
		Short: "Hand your vote in the open stage to another person",
		Example: `  steward delegate APR-1 --to tom
  steward delegate APR-1 --to tom --comment "Knows the supplier"`,
	}
	cmd.Flags().StringVar(&body.To, "to", "", "`NAME` of the person who decides instead")
	cmd.Flags().StringVar(&body.Comment, "comment", "", "why; kept with the event")
	_ = cmd.MarkFlagRequired("to")
	return e.changing(cmd, "handed over", func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error) {
		return c.DelegateApprovalWithResponse(cmd.Context(), id, &api.DelegateApprovalParams{IdempotencyKey: e.key(cmd)}, body)
	})
}
