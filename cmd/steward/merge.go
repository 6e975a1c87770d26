package main

import (
	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newMergeCommand(e *env) *cobra.Command {
	var body api.Merger
	cmd := &cobra.Command{
		Use:   "merge ID --into ID",
		Short: "End an incident as a duplicate of another",
		Long: `Ends an incident as the same as another, which goes on for both: it takes the
alerts over, and an alert that fires again is counted there.`,
		Example: `  steward merge INC-2 --into INC-1 --comment "The same broken switch"`,
	}
	cmd.Flags().StringVar(&body.Into, "into", "", "`ID` of the incident that goes on")
	cmd.Flags().StringVar(&body.Comment, "comment", "", "why; kept with the event")
	_ = cmd.MarkFlagRequired("into")
	return e.changing(cmd, "merged", func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error) {
		return c.MergeIncidentWithResponse(cmd.Context(), id, &api.MergeIncidentParams{IdempotencyKey: e.key(cmd)}, body)
	})
}
