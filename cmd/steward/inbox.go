package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

func newInboxCommand(e *env) *cobra.Command {
	var list listOptions
	var person string
	cmd := &cobra.Command{
		Use:   "inbox",
		Short: "List what waits for you, the most urgent first",
		Example: `  steward inbox
  steward inbox --person tom     # somebody else's, where your role allows it`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			items, next, err := gather(list, func(cursor *string, limit int) ([]api.InboxItem, string, error) {
				page, err := answer[api.InboxPage](c.ListInboxWithResponse(cmd.Context(), &api.ListInboxParams{
					Person: optional(person), Cursor: cursor, Limit: &limit,
				}))
				return page.Items, page.Next, err
			})
			if err != nil {
				return err
			}
			return e.render(cmd, api.InboxPage{Items: items, Next: next}, func(w io.Writer) {
				e.tellMore(len(items), next)
				e.inboxTable(w, items)
			})
		},
	}
	cmd.Flags().StringVar(&person, "person", "", "`NAME` of the person whose inbox is meant")
	list.addFlags(cmd)
	return cmd
}

func (e *env) inboxTable(w io.Writer, items []api.InboxItem) {
	if len(items) == 0 {
		fmt.Fprintln(w, "Nothing waits.")
		return
	}
	t := table{{"PROCESS", "TASK", "ACTION", "TITLE", "SINCE", "DUE"}}
	for _, item := range items {
		due := "-"
		if item.Due != nil {
			due = e.moment(*item.Due)
		}
		t.row(item.Process, item.Task, item.Action, item.Title, e.moment(item.Since), due)
	}
	t.write(w)
	tellTasks(w, items)
}

// tellTasks says how each is finished that waits: tasks, and incidents to be
// resolved.
func tellTasks(w io.Writer, items []api.InboxItem) {
	head := "\nTo finish them:\n"
	for _, item := range items {
		if line := toFinish(item); line != "" {
			fmt.Fprintf(w, "%s  steward %s\n", head, printable(line))
			head = ""
		}
	}
}

// toFinish is the command that finishes what waits; empty for what is decided,
// which the table says enough of.
func toFinish(item api.InboxItem) string {
	switch {
	case item.Action == itsm.ActionResolve:
		return "resolve " + item.Process + " --cause CODE --fix CODE"
	case item.Action != itsm.ActionComplete:
		return ""
	case item.Task == itsm.ReviewStep && isIncident(item.Process):
		return "task complete " + itsm.TaskID(item.Process, item.Task) + ` --lessons TEXT --action "title=TEXT,who=NAME"`
	case item.Task == itsm.ReviewStep:
		return "task complete " + itsm.TaskID(item.Process, item.Task) + " --result successful --lessons TEXT"
	default:
		return "task complete " + itsm.TaskID(item.Process, item.Task)
	}
}
