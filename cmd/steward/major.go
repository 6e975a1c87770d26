package main

import (
	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newMajorCommand(e *env) *cobra.Command {
	var body api.MajorDeclaration
	cmd := &cobra.Command{
		Use:   "major ID",
		Short: "Declare a major incident",
		Long: `Declares a major incident, if the policy has not done so, and names who commands
it. The service's owner, its support group and the commander are told. Once it is
resolved it has a review, and it closes when that and what it wants done are over.`,
		Example: `  steward major INC-1 --commander maria --comment "Three banks called"
  steward major INC-1 --commander tom     # hand the command over`,
	}
	cmd.Flags().StringVar(&body.Commander, "commander", "", "`NAME` of the person who commands it")
	cmd.Flags().StringVar(&body.Comment, "comment", "", "why; kept with the event")
	return e.changing(cmd, "declared a major incident", func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error) {
		return c.DeclareMajorWithResponse(cmd.Context(), id, &api.DeclareMajorParams{IdempotencyKey: e.key(cmd)}, body)
	})
}
