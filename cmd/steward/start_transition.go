package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newStartTransitionCommand(e *env) *cobra.Command {
	var body api.TransitionStart
	var subject string
	var planned plannedFlags
	cmd := &cobra.Command{
		Use:   "transition --model NAME --service NAME",
		Short: "Start a transition (a change), and print its ID",
		Long: `Opens a change of a service under a transition model. A planned time that the
schedule of change refuses is refused at once, and nothing is opened; the error
says when there is room.`,
		Example: `  steward start transition --model standard-restart --service payments
  steward start transition --model normal-change --service payments --title "Payments 4.2" --subject @change.json \
    --planned-start 2026-12-05T21:00 --planned-end 2026-12-05T23:00
  id=$(steward start transition --model emergency-fix --service payments --subject '{"incident": "INC-7", "plan": "Restart the queue"}')`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if subject != "" {
				if body.Subject, err = e.subject(subject); err != nil {
					return err
				}
			}
			if body.PlannedStart, body.PlannedEnd, err = planned.optional(e); err != nil {
				return err
			}
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			receipt, err := answer[api.Receipt](c.StartTransitionWithResponse(cmd.Context(), &api.StartTransitionParams{IdempotencyKey: e.key(cmd)}, body))
			if err != nil {
				return err
			}
			return e.render(cmd, receipt, func(w io.Writer) { fmt.Fprintln(w, printable(receipt.Process)) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&body.Model, "model", "", "`NAME` of the transition model")
	flags.StringVar(&body.Service, "service", "", "`NAME` of the service that is changed")
	flags.StringVar(&body.Title, "title", "", "`TEXT` under which it is listed; else the model's and the service's")
	flags.StringVar(&body.Description, "description", "", "`TEXT` for those who decide")
	flags.StringVar(&body.Requester, "requester", "", "`NAME` of the person on whose behalf an integration asks")
	flags.StringVar(&body.Comment, "comment", "", "why; kept with the event")
	planned.addFlags(cmd)
	addOverrideFlag(cmd, &body.Override)
	addSubjectFlag(cmd, &subject)
	_ = cmd.MarkFlagRequired("model")
	_ = cmd.MarkFlagRequired("service")
	cmd.MarkFlagsRequiredTogether("planned-start", "planned-end")
	addKeyFlag(cmd)
	return cmd
}

// plannedFlags are the flags of a planned time, as people wrote them.
type plannedFlags struct{ start, end string }

func (p *plannedFlags) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.start, "planned-start", "", "`TIME` at which it is to begin: 2026-12-24T09:00, with a zone or in that of TZ")
	cmd.Flags().StringVar(&p.end, "planned-end", "", "`TIME` at which it is to be over")
}

// times gives both times.
func (p *plannedFlags) times(e *env) (start, end time.Time, err error) {
	if start, err = e.instant("planned-start", p.start); err == nil {
		end, err = e.instant("planned-end", p.end)
	}
	return start, end, err
}

// optional gives both times, or nothing where none was given.
func (p *plannedFlags) optional(e *env) (start, end *time.Time, err error) {
	if p.start == "" && p.end == "" {
		return nil, nil, nil
	}
	from, to, err := p.times(e)
	return &from, &to, err
}

func addOverrideFlag(cmd *cobra.Command, override *bool) {
	cmd.Flags().BoolVar(override, "override", false, "go on though the schedule refuses it; takes a role, and the reason as --comment")
}
