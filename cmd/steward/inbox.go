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

// tellTasks says how each task is finished that waits.
func tellTasks(w io.Writer, items []api.InboxItem) {
	head := "\nTo finish them:\n"
	for _, item := range items {
		if item.Action != itsm.ActionComplete {
			continue
		}
		fmt.Fprint(w, head, "  steward task complete ", printable(itsm.TaskID(item.Process, item.Task)))
		head = ""
		if item.Task == itsm.ReviewStep {
			fmt.Fprint(w, " --result successful --lessons TEXT")
		}
		fmt.Fprintln(w)
	}
}
