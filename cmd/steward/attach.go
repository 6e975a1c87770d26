package main

import (
	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newAttachCommand(e *env) *cobra.Command {
	var body api.Attachment
	cmd := &cobra.Command{
		Use:   "attach ID --to ID",
		Short: "Attach an incident to a transition in early life",
		Long: `Says that an incident comes of a transition. Those of the service that are in early
life when it opens are attached by themselves; a transition may be rolled back
by what its model says of its incidents.`,
		Example: `  steward attach INC-1 --to CHG-3 --comment "It began with the release"`,
	}
	cmd.Flags().StringVar(&body.Transition, "to", "", "`ID` of the transition")
	cmd.Flags().StringVar(&body.Comment, "comment", "", "why; kept with the event")
	_ = cmd.MarkFlagRequired("to")
	return e.changing(cmd, "attached", func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error) {
		return c.AttachIncidentWithResponse(cmd.Context(), id, &api.AttachIncidentParams{IdempotencyKey: e.key(cmd)}, body)
	})
}
