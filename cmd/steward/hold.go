package main

import (
	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

func newHoldCommand(e *env) *cobra.Command {
	var body api.Hold
	var phase string
	cmd := &cobra.Command{
		Use:   "hold ID --for waiting-for-user|waiting-for-supplier",
		Short: "Have an incident wait for its user or a supplier",
		Long: `Has an incident wait. Nobody is paged meanwhile, and the clock of resolution stands
still where the policy says so. Whoever has it wait has acknowledged it.`,
		Example: `  steward hold INC-1 --for waiting-for-supplier --comment "Case 4711 with the bank"`,
	}
	cmd.Flags().StringVar(&phase, "for", "", "`WHOM` it waits for: waiting-for-user or waiting-for-supplier")
	cmd.Flags().StringVar(&body.Comment, "comment", "", "what is waited for; kept with the event")
	_ = cmd.MarkFlagRequired("for")
	complete(cmd, "for", string(itsm.IncidentWaitingUser), string(itsm.IncidentWaitingSupplier))
	return e.changing(cmd, "waits", func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error) {
		body.For = itsm.IncidentPhase(phase)
		return c.HoldIncidentWithResponse(cmd.Context(), id, &api.HoldIncidentParams{IdempotencyKey: e.key(cmd)}, body)
	})
}
