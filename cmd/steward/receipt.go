package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// changing makes a command that changes one process and prints the receipt.
// What it sends is send's alone.
func (e *env) changing(cmd *cobra.Command, done string, send func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error)) *cobra.Command {
	return e.changingAt(cmd, done, 1, func(cmd *cobra.Command, c *apiClient, args []string) (apiReply, error) {
		return send(cmd, c, args[0])
	})
}

// changingAt does the same for what takes several words to name.
func (e *env) changingAt(cmd *cobra.Command, done string, words int, send func(cmd *cobra.Command, c *apiClient, args []string) (apiReply, error)) *cobra.Command {
	cmd.Args = cobra.ExactArgs(words)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := e.client(cmd)
		if err != nil {
			return err
		}
		receipt, err := answer[api.Receipt](send(cmd, c, args))
		if err != nil {
			return err
		}
		return e.render(cmd, receipt, func(w io.Writer) {
			fmt.Fprintf(w, "%s %s (event %d); %s\n", printable(strings.Join(args, " ")), done, receipt.Event, standing(receipt))
		})
	}
	addKeyFlag(cmd)
	return cmd
}

// standing says how things are after a command.
func standing(r api.Receipt) string {
	switch {
	case r.State == itsm.StateClosed:
		return "it is closed: " + printable(r.Outcome)
	case r.State == itsm.StateBlocked:
		return "it is blocked; `steward get " + printable(r.Process) + "` says why"
	case r.Stage != "" && hasPhases(r.Process):
		return "in phase " + printable(r.Stage)
	case r.Stage != "":
		return "open at stage " + printable(r.Stage)
	default:
		return "open"
	}
}

// hasPhases reports whether a process goes on in phases, and not in stages.
func hasPhases(id string) bool { return isTransition(id) || isIncident(id) }

func isTransition(id string) bool {
	kind, _ := itsm.KindOf(id)
	return kind == itsm.KindTransition
}

func isIncident(id string) bool {
	kind, _ := itsm.KindOf(id)
	return kind == itsm.KindIncident
}
