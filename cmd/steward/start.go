package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newStartCommand(e *env) *cobra.Command {
	return group(&cobra.Command{
		Use:   "start",
		Short: "Start a process",
	}, newStartApprovalCommand(e), newStartTransitionCommand(e), newStartIncidentCommand(e))
}

func newStartApprovalCommand(e *env) *cobra.Command {
	var body api.ApprovalStart
	var subject string
	cmd := &cobra.Command{
		Use:   "approval --flow NAME",
		Short: "Start an approval, and print its ID",
		Example: `  steward start approval --flow purchase --subject '{"item": "Oscilloscope", "amount": 7400}'
  steward start approval --flow normal-change-approval --service payments --subject @change.json
  id=$(steward start approval --flow four-eyes)`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if subject != "" {
				if body.Subject, err = e.subject(subject); err != nil {
					return err
				}
			}
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			receipt, err := answer[api.Receipt](c.StartApprovalWithResponse(cmd.Context(), &api.StartApprovalParams{IdempotencyKey: e.key(cmd)}, body))
			if err != nil {
				return err
			}
			return e.render(cmd, receipt, func(w io.Writer) { fmt.Fprintln(w, printable(receipt.Process)) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&body.Flow, "flow", "", "`NAME` of the approval flow")
	flags.StringVar(&body.Service, "service", "", "`NAME` of the service that it is about")
	flags.StringVar(&body.Requester, "requester", "", "`NAME` of the person on whose behalf an integration asks")
	flags.StringVar(&body.Comment, "comment", "", "why; kept with the event")
	addSubjectFlag(cmd, &subject)
	_ = cmd.MarkFlagRequired("flow")
	addKeyFlag(cmd)
	return cmd
}
