package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/audit"
	"github.com/steward-itsm/steward/itsm"
)

func newReplayCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "replay ID|FILE",
		Short: "Replay a history on this binary's code, and show the state after each step",
		Long: `Replays a process's workflow history, or one saved with "steward history ID
-o json", on the workflow code of this very binary. It says whether the code
takes the way that the history took (exit code 0) or another (exit code 1), and
shows the state after each workflow task.

Replaying needs no Temporal, no database and no trust in those who run them.`,
		Example: "  steward replay APR-1\n  steward history APR-1 -o json > apr-1.json && steward replay apr-1.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := readHistory(cmd, e, args[0])
			if err != nil {
				return err
			}
			history, err := audit.ParseHistory(raw)
			if err != nil {
				return err
			}
			replay := audit.ReplayHistory(history)
			if err := e.render(cmd, replay, func(w io.Writer) { replayTable(w, replay) }); err != nil {
				return err
			}
			if !replay.Deterministic {
				return itsm.Errorf(itsm.CodeHistoryUnfaithful, "this binary's code does not take the way of the history: %s", replay.Fault)
			}
			return nil
		},
	}
}

// readHistory reads a file of that name, or else asks the API for the process.
func readHistory(cmd *cobra.Command, e *env, arg string) ([]byte, error) {
	raw, err := os.ReadFile(arg)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return raw, err
	}
	if _, isID := itsm.KindOf(arg); !isID {
		return nil, itsm.Errorf(itsm.CodeNotFound, "%s is neither a file nor the ID of a process", arg)
	}
	c, err := e.client(cmd)
	if err != nil {
		return nil, err
	}
	return c.history(cmd.Context(), arg)
}

// replayTable shows one line a workflow task.
func replayTable(w io.Writer, r audit.Replay) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "EVENT\tTIME\tSTATE\tSTAGE\tWAITING FOR\tOUTCOME\tJOURNAL")
	for _, step := range r.Steps {
		detail := stageOf(step.View)
		_, _ = fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\t%d\n", step.Event, step.Time.UTC().Format("2006-01-02 15:04:05.000Z"),
			step.View.State, detail.stage, strings.Join(detail.waitsFor, ", "), step.View.Outcome, step.View.LastEvent)
	}
	_ = table.Flush()
	verdict := "deterministic: this binary's code takes the same way"
	if !r.Deterministic {
		verdict = "NOT deterministic: " + r.Fault
	}
	_, _ = fmt.Fprintf(w, "\n%s, %d events: %s\n", r.Workflow, r.Events, verdict)
}

// standingAt is where a process stands, whatever its kind.
type standingAt struct {
	stage    string
	waitsFor []string
}

func stageOf(v itsm.View) standingAt {
	if v.Kind != itsm.KindTransition {
		detail := approvalDetail(v)
		return standingAt{detail.Stage, detail.WaitingFor}
	}
	at := standingAt{stage: string(v.Phase)}
	for _, waiting := range transitionDetail(v).WaitingFor {
		at.waitsFor = append(at.waitsFor, waiting.For)
	}
	return at
}
