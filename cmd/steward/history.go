package main

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newHistoryCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "history ID",
		Short: "Show the workflow history of a process",
		Long: `Shows the history that Temporal keeps of a process: the proof of what happened.
-o json writes Temporal's own JSON as it is, which steward replay and Temporal's
tools read.`,
		Example: `  steward history APR-1
  steward history APR-1 -o json > APR-1.json && steward replay APR-1.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			text, err := c.history(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if cmd.Flag("output").Value.String() == "json" {
				_, err := e.out.Write(text)
				return err
			}
			var history workflowHistory
			if err := json.Unmarshal(text, &history); err != nil {
				return fmt.Errorf("reading the history: %w", err)
			}
			return e.render(cmd, json.RawMessage(text), func(w io.Writer) { e.historyTable(w, history) })
		},
	}
}

// workflowHistory is what the table shows of Temporal's JSON.
type workflowHistory struct {
	Events []struct {
		ID   string    `json:"eventId"`
		Time time.Time `json:"eventTime"`
		Type string    `json:"eventType"`
	} `json:"events"`
}

func (e *env) historyTable(w io.Writer, history workflowHistory) {
	t := table{{"NO.", "TIME", "EVENT"}}
	for _, event := range history.Events {
		t.row(event.ID, e.clock(event.Time), eventName(event.Type))
	}
	t.write(w)
}

var wordStart = regexp.MustCompile(`(^|_)[a-z]`)

// eventName writes a type as Temporal's tools show it: of
// EVENT_TYPE_TIMER_STARTED and of TimerStarted alike, TimerStarted.
func eventName(typ string) string {
	name, long := strings.CutPrefix(typ, "EVENT_TYPE_")
	if !long {
		return typ
	}
	return wordStart.ReplaceAllStringFunc(strings.ToLower(name), func(start string) string {
		return strings.ToUpper(strings.TrimPrefix(start, "_"))
	})
}
