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

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

func newEventsCommand(e *env) *cobra.Command {
	var after int
	var follow, fromStart bool
	var kinds, types []string
	cmd := &cobra.Command{
		Use:   "events [ID]",
		Short: "Show the journal: who did what, when and why",
		Long: `Shows the events of a process in order, numbered from 1 without gaps. The table
shortens what an event holds; -o json has it all.

With --follow it goes on as they happen, until it is interrupted, and comes back
by itself when the connection breaks: nothing is left out or shown twice.
Without ID it then shows those of all processes, from now on. -o json gives one
line for each.`,
		Example: `  steward events APR-1
  steward events APR-1 --after 7 -o json
  steward events --follow --kind transition --type step.failed --type step.blocked`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !follow {
				if len(args) == 0 || fromStart || len(kinds)+len(types) > 0 {
					return usagef("name a process; all of them, --kind, --type and --from-start go with --follow")
				}
				return e.events(cmd, args[0], after)
			}
			if len(args) == 0 && after > 0 {
				return usagef("--after is a number in one process; name it")
			}
			params := api.StreamEventsParams{Kind: many[itsm.Kind](kinds), Type: many[string](types)}
			if len(args) == 1 {
				params.Process = &args[0]
			}
			if fromStart || len(args) == 1 {
				params.From = new("start")
			}
			return e.follow(cmd, params, after)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&after, "after", 0, "only events of the process with a number greater than `N`")
	flags.BoolVarP(&follow, "follow", "f", false, "go on with what happens from now on")
	flags.BoolVar(&fromStart, "from-start", false, "follow all processes from the very first event on")
	flags.StringSliceVar(&kinds, "kind", nil, "only follow processes of this `KIND`; may be given more than once")
	flags.StringSliceVar(&types, "type", nil, "only follow events of this `TYPE`; may be given more than once")
	complete(cmd, "kind", processKinds...)
	return cmd
}

// processKinds are the kinds of processes, for the shell.
var processKinds = []string{"approval", "transition", "incident", "improvement", "problem", "request"}

// many gives nil for what was not said.
func many[T ~string](values []string) *[]T {
	if len(values) == 0 {
		return nil
	}
	typed := make([]T, len(values))
	for i, value := range values {
		typed[i] = T(value)
	}
	return &typed
}

// events shows what is in the journal of a process now.
func (e *env) events(cmd *cobra.Command, id string, after int) error {
	c, err := e.client(cmd)
	if err != nil {
		return err
	}
	events, _, err := gather(listOptions{limit: 1, all: true}, func(cursor *string, limit int) ([]api.Event, string, error) {
		if cursor != nil {
			after, _ = strconv.Atoi(*cursor) // a number that was written below
		}
		page, err := answer[api.EventPage](c.ListEventsWithResponse(cmd.Context(), id, &api.ListEventsParams{After: &after, Limit: &limit}))
		if page.Next == 0 {
			return page.Items, "", err
		}
		return page.Items, strconv.Itoa(page.Next), err
	})
	if err != nil {
		return err
	}
	return e.render(cmd, api.EventPage{Items: events}, func(w io.Writer) { e.eventTable(w, events) })
}

func (e *env) eventTable(w io.Writer, events []api.Event) {
	t := table{{"NO.", "TIME", "EVENT", "WHO", "WHAT"}}
	for _, event := range events {
		t.row(strconv.Itoa(event.Number), e.clock(event.Time), string(event.Type), event.Actor.String(), e.what(event))
	}
	t.write(w)
}

// what shortens what an event holds.
func (e *env) what(event api.Event) string {
	text := e.gist(event.Data)
	switch event.Type {
	case itsm.EventAlertChanged:
		var changed itsm.AlertChanged
		_ = json.Unmarshal(event.Data, &changed) // ours; what is missing is left out
		text = fmt.Sprintf("%s is %s, %s", changed.Alert.Key, changed.Alert.Status, changed.Alert.Severity)
	case itsm.EventIncidentClassified:
		var class itsm.IncidentClassified
		_ = json.Unmarshal(event.Data, &class) // as above
		text = "from " + priorityOf(class.From) + " to " + priorityOf(class.To)
	}
	if event.Comment != "" {
		text = strings.TrimSpace(text + fmt.Sprintf(" “%s”", event.Comment))
	}
	return text
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
