package main

import (
	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newResumeCommand(e *env) *cobra.Command {
	var body api.Resumption
	cmd := &cobra.Command{
		Use:   "resume ID",
		Short: "Go on with a blocked process, or an incident that waits",
		Long: `Lets a blocked process take the step again that it could not take. steward get
says why it is blocked; put that right first. Of a transition every blocked
step gets its turn again; steward step does that, and more, for a single one.

An incident that waits for its user or a supplier (steward hold) goes on.`,
		Example: `  steward resume APR-1 --comment "The group has members now"
  steward resume CHG-1 --override --comment "The vendor is here tonight only"
  steward resume INC-1 --comment "The user has answered"`,
	}
	cmd.Flags().StringVar(&body.Comment, "comment", "", "what was put right; kept with the event")
	addOverrideFlag(cmd, &body.Override)
	return e.changing(cmd, "resumed", func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error) {
		if isIncident(id) {
			if body.Override {
				return nil, usagef("--override is about the schedule of change; leave it out for an incident")
			}
			return c.ResumeIncidentWithResponse(cmd.Context(), id, &api.ResumeIncidentParams{IdempotencyKey: e.key(cmd)}, api.Remark{Comment: body.Comment})
		}
		return c.ResumeProcessWithResponse(cmd.Context(), id, &api.ResumeProcessParams{IdempotencyKey: e.key(cmd)}, body)
	})
}
