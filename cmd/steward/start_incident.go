package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// levels are the values of impact and urgency.
var levels = []string{string(itsm.LevelHigh), string(itsm.LevelMedium), string(itsm.LevelLow)}

func newStartIncidentCommand(e *env) *cobra.Command {
	var body api.IncidentStart
	var class classFlags
	cmd := &cobra.Command{
		Use:   "incident --service NAME --title TEXT",
		Short: "Report an incident, and print its ID",
		Long: `Reports that something is wrong with a service. Priority and clocks follow from
impact and urgency by the service's policy; whoever its escalation policy names
is paged until somebody takes it on. Monitoring uses steward alert instead,
which knows what it has said before.`,
		Example: `  steward start incident --service payments --title "Nobody can pay" --impact high --urgency high
  steward start incident --service ledger --title "Reports are a day late" --category data --reporter tom`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			body.Category, body.Impact, body.Urgency = class.category, itsm.Level(class.impact), itsm.Level(class.urgency)
			receipt, err := answer[api.Receipt](c.StartIncidentWithResponse(cmd.Context(), &api.StartIncidentParams{IdempotencyKey: e.key(cmd)}, body))
			if err != nil {
				return err
			}
			return e.render(cmd, receipt, func(w io.Writer) { fmt.Fprintln(w, printable(receipt.Process)) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&body.Service, "service", "", "`NAME` of the service that is disturbed; that of the token, if it has one")
	flags.StringVar(&body.Title, "title", "", "`TEXT` under which it is listed")
	flags.StringVar(&body.Description, "description", "", "`TEXT` for those who work on it")
	class.addFlags(cmd)
	flags.StringVar(&body.Reporter, "reporter", "", "`NAME` of the person on whose behalf an integration reports it")
	flags.StringVar(&body.Comment, "comment", "", "what there is to say; kept with the event")
	_ = cmd.MarkFlagRequired("title")
	addKeyFlag(cmd)
	return cmd
}

// classFlags are the flags that classify an incident.
type classFlags struct{ category, impact, urgency string }

func (f *classFlags) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.category, "category", "", "`WORD` for the sort of disturbance, such as network or data")
	cmd.Flags().StringVar(&f.impact, "impact", "", "how much it harms, as a `LEVEL`: high, medium or low")
	cmd.Flags().StringVar(&f.urgency, "urgency", "", "how soon it must be dealt with, as a `LEVEL`: high, medium or low")
	complete(cmd, "impact", levels...)
	complete(cmd, "urgency", levels...)
}
