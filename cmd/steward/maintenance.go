package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newMaintenanceCommand(e *env) *cobra.Command {
	return group(&cobra.Command{
		Use:   "maintenance",
		Short: "Announce when nobody is to be paged for a service",
		Long: `A maintenance is a time at which a service is expected to be disturbed. Incidents
open as ever, and their clocks run; nobody is paged for them until it is over.`,
	}, newMaintenanceAddCommand(e), newMaintenanceListCommand(e), newMaintenanceEndCommand(e))
}

func newMaintenanceAddCommand(e *env) *cobra.Command {
	var body api.MaintenanceRequest
	var from, to string
	cmd := &cobra.Command{
		Use:   "add --service NAME --to TIME --reason TEXT",
		Short: "Announce a maintenance, and print its ID",
		Example: `  steward maintenance add --service payments --from 2026-12-05T22:00 --to 2026-12-06T02:00 --reason "New switch in rack 4"
  steward maintenance add --service ledger --to 2026-12-05T23:00 --reason "Restore test"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if body.From, err = e.optionalInstant("from", from); err != nil {
				return err
			}
			if body.To, err = e.instant("to", to); err != nil {
				return err
			}
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			added, err := answer[api.Maintenance](c.AddMaintenanceWithResponse(cmd.Context(), &api.AddMaintenanceParams{IdempotencyKey: e.key(cmd)}, body))
			if err != nil {
				return err
			}
			return e.render(cmd, added, func(w io.Writer) { fmt.Fprintln(w, printable(added.Id)) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&body.Service, "service", "", "`NAME` of the service")
	flags.StringVar(&from, "from", "", "`TIME` at which it begins: 2026-12-24, 2026-12-24T09:00 (default: now)")
	flags.StringVar(&to, "to", "", "`TIME` at which it is over")
	flags.StringVar(&body.Reason, "reason", "", "what is done, as `TEXT`; whoever wonders why nobody was paged reads it")
	for _, flag := range []string{"service", "to", "reason"} {
		_ = cmd.MarkFlagRequired(flag)
	}
	addKeyFlag(cmd)
	return cmd
}

func newMaintenanceListCommand(e *env) *cobra.Command {
	var list listOptions
	var service, from string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List maintenances that are not over, by the time at which they end",
		Example: `  steward maintenance list
  steward maintenance list --service payments --from 2026-01-01`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			since, err := e.optionalInstant("from", from)
			if err != nil {
				return err
			}
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			items, next, err := gather(list, func(cursor *string, limit int) ([]api.Maintenance, string, error) {
				page, err := answer[api.MaintenancePage](c.ListMaintenancesWithResponse(cmd.Context(), &api.ListMaintenancesParams{
					Service: optional(service), From: since, Cursor: cursor, Limit: &limit,
				}))
				return page.Items, page.Next, err
			})
			if err != nil {
				return err
			}
			return e.render(cmd, api.MaintenancePage{Items: items, Next: next}, func(w io.Writer) {
				e.tellMore(len(items), next)
				e.maintenanceTable(w, items)
			})
		},
	}
	cmd.Flags().StringVar(&service, "service", "", "only of the service of this `NAME`")
	cmd.Flags().StringVar(&from, "from", "", "also those that ended after this `TIME`")
	list.addFlags(cmd)
	return cmd
}

func (e *env) maintenanceTable(w io.Writer, items []api.Maintenance) {
	t := table{{"ID", "SERVICE", "FROM", "TO", "STATE", "BY", "REASON"}}
	for _, m := range items {
		t.row(m.Id, m.Service, e.clock(m.From), e.clock(m.To), e.stateOfMaintenance(m), m.By.String(), m.Reason)
	}
	t.write(w)
}

func (e *env) stateOfMaintenance(m api.Maintenance) string {
	now := e.now()
	switch {
	case m.Ended != nil:
		return "ended " + e.clock(*m.Ended)
	case now.Before(m.From):
		return "begins in " + span(m.From.Sub(now))
	case now.Before(m.To):
		return "under way"
	default:
		return "over"
	}
}

func newMaintenanceEndCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "end ID",
		Short:   "End a maintenance now",
		Long:    `Ends a maintenance before its time. Who was not paged meanwhile is paged within 15 minutes.`,
		Example: `  steward maintenance end MNT-1`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			ended, err := answer[api.Maintenance](c.EndMaintenanceWithResponse(cmd.Context(), args[0], &api.EndMaintenanceParams{IdempotencyKey: e.key(cmd)}))
			if err != nil {
				return err
			}
			return e.render(cmd, ended, func(w io.Writer) {
				fmt.Fprintf(w, "%s is over since %s\n", printable(ended.Id), e.clock(endOf(ended)))
			})
		},
	}
	addKeyFlag(cmd)
	return cmd
}

// endOf is when a maintenance was over.
func endOf(m api.Maintenance) time.Time {
	if m.Ended != nil {
		return *m.Ended
	}
	return m.To
}
