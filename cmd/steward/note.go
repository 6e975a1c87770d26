package main

import (
	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newNoteCommand(e *env) *cobra.Command {
	var body api.Reason
	cmd := &cobra.Command{
		Use:     "note ID --comment TEXT",
		Short:   "Note what you found or did about an incident",
		Example: `  steward note INC-1 --comment "The queue is full since 02:40; restarting the consumer"`,
	}
	cmd.Flags().StringVar(&body.Comment, "comment", "", "the note; kept with the event")
	_ = cmd.MarkFlagRequired("comment")
	return e.changing(cmd, "noted", func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error) {
		return c.NoteIncidentWithResponse(cmd.Context(), id, &api.NoteIncidentParams{IdempotencyKey: e.key(cmd)}, body)
	})
}
