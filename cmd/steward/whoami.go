package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newWhoamiCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:     "whoami",
		Short:   "Tell who you are to the server, and what you may do",
		Example: "  steward whoami",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			me, err := answer[api.Me](c.GetMeWithResponse(cmd.Context()))
			if err != nil {
				return err
			}
			return e.render(cmd, me, func(w io.Writer) {
				t := table{{"actor", me.Actor.String()}, {"roles", listed(me.Roles)}}
				if me.Service != "" {
					t.row("service", me.Service)
				}
				t.row("may", strings.Join(me.Actions, " "))
				t.write(w)
			})
		},
	}
}

// listed joins names; a dash stands for none.
func listed(names []string) string {
	if len(names) == 0 {
		return "-"
	}
	return strings.Join(names, ", ")
}
