package main

import (
	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newResumeCommand(e *env) *cobra.Command {
	var body api.Resumption
	cmd := &cobra.Command{
		Use:   "resume ID",
		Short: "Let a blocked process try again",
		Long: `Lets a blocked process take the step again that it could not take. steward get
says why it is blocked; put that right first. Of a transition every blocked
step gets its turn again; steward step does that, and more, for a single one.`,
		Example: `  steward resume APR-1 --comment "The group has members now"
  steward resume CHG-1 --override --comment "The vendor is here tonight only"`,
	}
	cmd.Flags().StringVar(&body.Comment, "comment", "", "what was put right; kept with the event")
	addOverrideFlag(cmd, &body.Override)
	return e.changing(cmd, "resumed", func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error) {
		return c.ResumeProcessWithResponse(cmd.Context(), id, &api.ResumeProcessParams{IdempotencyKey: e.key(cmd)}, body)
	})
}
