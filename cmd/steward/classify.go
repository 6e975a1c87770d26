package main

import (
	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

func newClassifyCommand(e *env) *cobra.Command {
	var body api.Reclassification
	var class classFlags
	cmd := &cobra.Command{
		Use:   "classify ID --comment WHY",
		Short: "Change category, impact or urgency of an incident",
		Long: `Changes how an incident is classified; what is not given stays. The priority
follows by the policy, and the clocks by the priority: time that has passed
counts on.`,
		Example: `  steward classify INC-1 --impact high --comment "Every shop is affected"
  steward classify INC-1 --urgency low --category network --comment "There is a way around it"`,
	}
	class.addFlags(cmd)
	cmd.MarkFlagsOneRequired("category", "impact", "urgency")
	cmd.Flags().StringVar(&body.Comment, "comment", "", "why; kept with the event")
	_ = cmd.MarkFlagRequired("comment")
	return e.changing(cmd, "classified", func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error) {
		body.Category, body.Impact, body.Urgency = class.category, itsm.Level(class.impact), itsm.Level(class.urgency)
		return c.ClassifyIncidentWithResponse(cmd.Context(), id, &api.ClassifyIncidentParams{IdempotencyKey: e.key(cmd)}, body)
	})
}
