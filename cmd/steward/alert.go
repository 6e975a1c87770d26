package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

func newAlertCommand(e *env) *cobra.Command {
	var body api.AlertRequest
	var severity, status, details string
	cmd := &cobra.Command{
		Use:   "alert --key KEY",
		Short: "Raise an alert, and print the ID of its incident",
		Long: `Says what monitoring sees. While an incident is open for a service and a key, the
same key is the same incident: an alert that says nothing new is only counted,
however often it comes. Another status or a worse severity reaches the incident.

Prints the ID of the incident, and on standard error what became of the alert.
What is over or acknowledged needs no more than its key; where no incident is
open for it, nothing is printed.`,
		Example: `  steward alert --service payments --key latency --title "Payments are slow" --severity warning
  steward alert --service payments --key latency --status resolved
  steward alert --key db1/disk --title "Disk is full" --severity error --details '{"host": "db1", "used": "98%"}'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if details != "" {
				if body.Details, err = e.object("details", details); err != nil {
					return err
				}
			}
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			body.Severity, body.Status = itsm.Severity(severity), itsm.AlertStatus(status)
			raised, err := answer[api.Raised](c.RaiseAlertWithResponse(cmd.Context(), &api.RaiseAlertParams{IdempotencyKey: e.key(cmd)}, body))
			if err != nil {
				return err
			}
			return e.render(cmd, raised, func(w io.Writer) {
				fmt.Fprintln(e.errOut, becameOf(raised))
				if raised.Incident != "" {
					fmt.Fprintln(w, printable(raised.Incident))
				}
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&body.Service, "service", "", "`NAME` of the service that it is of; that of the token, if it has one")
	flags.StringVar(&body.Key, "key", "", "what tells this alert from others of the service, as `TEXT`")
	flags.StringVar(&body.Title, "title", "", "what is wrong, as `TEXT`; one that is firing needs it")
	flags.StringVar(&severity, "severity", "", "how bad it is, as a `WORD`: critical, error, warning or info; one that is firing needs it")
	flags.StringVar(&status, "status", "", "how it stands, as a `WORD`: firing, acknowledged or resolved (default: firing)")
	flags.StringVar(&body.Source, "source", "", "`NAME` of the system that says it")
	flags.StringVar(&body.Link, "link", "", "`URL` where to read on")
	flags.StringVar(&details, "details", "", "what else is known, as `JSON`: an object, @FILE, or - for standard input")
	_ = cmd.MarkFlagRequired("key")
	complete(cmd, "severity", string(itsm.SeverityCritical), string(itsm.SeverityError), string(itsm.SeverityWarning), string(itsm.SeverityInfo))
	complete(cmd, "status", string(itsm.AlertFiring), string(itsm.AlertAcknowledged), string(itsm.AlertResolved))
	addKeyFlag(cmd)
	return cmd
}

// becameOf says what an alert did.
func becameOf(r api.Raised) string {
	switch {
	case r.Incident == "":
		return "No incident is open for it; there is nothing to do."
	case r.Opened:
		return "It opened an incident."
	default:
		return fmt.Sprintf("Its incident is open already; it came again %d time(s).", r.Repeats)
	}
}
