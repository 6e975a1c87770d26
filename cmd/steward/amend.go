package main

import (
	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newAmendCommand(e *env) *cobra.Command {
	var body api.Amendment
	var subject string
	cmd := &cobra.Command{
		Use:   "amend ID --subject JSON",
		Short: "Change what your own request is about",
		Long: `Puts another subject in the place of the one that an approval or a transition
has. Where it differs in a part that approvals are bound to, those already given
are void and the approval begins anew; steward get shows it as another round. A
transition is assessed anew; it can be changed until it is implemented.`,
		Example: `  steward amend APR-1 --subject '{"item": "Oscilloscope", "amount": 6900}' --comment "Better offer"
  steward amend CHG-1 --subject @change.json`,
	}
	addSubjectFlag(cmd, &subject)
	cmd.Flags().StringVar(&body.Comment, "comment", "", "why; kept with the event")
	_ = cmd.MarkFlagRequired("subject")
	return e.changing(cmd, "amended", func(cmd *cobra.Command, c *apiClient, id string) (_ apiReply, err error) {
		if body.Subject, err = e.subject(subject); err != nil {
			return nil, err
		}
		if isTransition(id) {
			return c.AmendTransitionWithResponse(cmd.Context(), id, &api.AmendTransitionParams{IdempotencyKey: e.key(cmd)}, body)
		}
		return c.AmendApprovalWithResponse(cmd.Context(), id, &api.AmendApprovalParams{IdempotencyKey: e.key(cmd)}, body)
	})
}
