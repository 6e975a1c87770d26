package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newEventsCommand(e *env) *cobra.Command {
	var after int
	cmd := &cobra.Command{
		Use:   "events ID",
		Short: "Show the journal of a process: who did what, when and why",
		Long: `Shows the events of a process in order, numbered from 1 without gaps. The table
shortens what an event holds; -o json has it all.`,
		Example: `  steward events APR-1
  steward events APR-1 --after 7 -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			events, _, err := gather(listOptions{limit: 1, all: true}, func(cursor *string, limit int) ([]api.Event, string, error) {
				if cursor != nil {
					after, _ = strconv.Atoi(*cursor) // a number that was written below
				}
				page, err := answer[api.EventPage](c.ListEventsWithResponse(cmd.Context(), args[0], &api.ListEventsParams{After: &after, Limit: &limit}))
				if page.Next == 0 {
					return page.Items, "", err
				}
				return page.Items, strconv.Itoa(page.Next), err
			})
			if err != nil {
				return err
			}
			return e.render(cmd, api.EventPage{Items: events}, func(w io.Writer) { e.eventTable(w, events) })
		},
	}
	cmd.Flags().IntVar(&after, "after", 0, "only events with a number greater than `N`")
	return cmd
}

func (e *env) eventTable(w io.Writer, events []api.Event) {
	t := table{{"NO.", "TIME", "EVENT", "WHO", "WHAT"}}
	for _, event := range events {
		what := e.gist(event.Data)
		if event.Comment != "" {
			what = strings.TrimSpace(what + fmt.Sprintf(" “%s”", event.Comment))
		}
		t.row(strconv.Itoa(event.Number), e.clock(event.Time), string(event.Type), event.Actor.String(), what)
	}
	t.write(w)
}

// gist gives the plain values of an object: "stage=finance verdict=approve".
func (e *env) gist(data json.RawMessage) string {
	var fields map[string]any
	if json.Unmarshal(data, &fields) != nil {
		return ""
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch value := fields[name].(type) {
		case map[string]any, nil:
		case []any:
			if words := wordsOf(value); words != "" {
				parts = append(parts, name+"="+words)
			}
		case string:
			if t, err := time.Parse(time.RFC3339, value); err == nil {
				value = e.clock(t)
			}
			parts = append(parts, name+"="+value)
		default:
			parts = append(parts, fmt.Sprintf("%s=%v", name, value))
		}
	}
	return strings.Join(parts, " ")
}

func wordsOf(items []any) string {
	var words []string
	for _, item := range items {
		if word, ok := item.(string); ok {
			words = append(words, word)
		}
	}
	return strings.Join(words, ",")
}
