package main

import (
	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newResolveCommand(e *env) *cobra.Command {
	var body api.Resolving
	cmd := &cobra.Command{
		Use:   "resolve ID --cause CODE --fix CODE",
		Short: "Say that an incident is resolved",
		Long: `Ends the work on an incident; its reporter is told. It closes by itself after the
policy's time, unless somebody reopens it. Cause and fix are codes of your own;
use few of them, so that they can be counted.`,
		Example: `  steward resolve INC-1 --cause deployment --fix rolled-back --comment "4.2 leaked connections"
  steward resolve INC-2 --cause unknown --fix restarted`,
	}
	cmd.Flags().StringVar(&body.Cause, "cause", "", "`CODE` of the cause, such as deployment, capacity, hardware, supplier, human-error or unknown")
	cmd.Flags().StringVar(&body.Fix, "fix", "", "`CODE` of the fix, such as rolled-back, restarted, replaced, worked-around or none")
	cmd.Flags().StringVar(&body.Comment, "comment", "", "what there is to say; kept with the event")
	_ = cmd.MarkFlagRequired("cause")
	_ = cmd.MarkFlagRequired("fix")
	return e.changing(cmd, "resolved", func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error) {
		return c.ResolveIncidentWithResponse(cmd.Context(), id, &api.ResolveIncidentParams{IdempotencyKey: e.key(cmd)}, body)
	})
}
