package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/itsm"
)

// benchScale is how full the schedule of change is that is measured.
type benchScale struct{ open, planned, closed, checks int }

func newBenchTransitionsCommand(e *env) *cobra.Command {
	s, o := benchScale{}, benchOptions{}
	cmd := &cobra.Command{
		Use:   "transitions",
		Short: "Conflict checks in a full schedule of change",
		Long: `Fills the schedule of change: transitions that run, and others that are planned,
over fifty services that depend on one another. Then it measures how long the
database takes to find the conflicts of one more, and again after as many
transitions have been closed as --closed says.

It brings its own Temporal and SQLite in a temporary folder, unless
--temporal-address and --database-url name others. Those get what it writes.`,
		Example: "  steward bench transitions\n  steward bench transitions --closed 50000 -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.open < 1 || s.planned < 1 || s.closed < 0 || s.checks < 1 || o.concurrency < 1 {
				return itsm.Errorf(itsm.CodeInvalid, "--open, --planned, --checks and --concurrency are numbers from 1")
			}
			run := func(ctx context.Context, b *bench) (scheduleReport, error) { return b.runSchedule(ctx, s) }
			return showMeasured(e, cmd, o, run, scheduleTable)
		},
	}
	cmd.Flags().IntVar(&s.open, "open", 1000, "transitions that run")
	cmd.Flags().IntVar(&s.planned, "planned", 5000, "others in the schedule")
	cmd.Flags().IntVar(&s.closed, "closed", 20000, "transitions that are over, for the second measurement")
	cmd.Flags().IntVar(&s.checks, "checks", 2000, "conflict checks in each measurement")
	cmd.Flags().IntVar(&o.concurrency, "concurrency", 16, "clients at the same time")
	addConfigFlags(cmd, "database-url", "temporal-address", "temporal-namespace")
	return cmd
}

// scheduleReport is what one run measured. Times are in milliseconds.
type scheduleReport struct {
	Open          int        `json:"open"`
	Planned       int        `json:"planned"`
	Closed        int        `json:"closed"`
	StartsASecond float64    `json:"startsASecond"`
	Events        int        `json:"events"` // of the history of one that runs and waits for its task
	Bytes         int64      `json:"bytes"`
	Statements    float64    `json:"statements"` // SQL, for each start
	Before        checkTimes `json:"before"`     // conflict checks while none is closed
	After         checkTimes `json:"after"`      // and with all that are closed
}

// checkTimes is how long conflict checks took in the database.
type checkTimes struct {
	P50       float64 `json:"p50"`
	P99       float64 `json:"p99"`
	Max       float64 `json:"max"`
	Conflicts float64 `json:"conflicts"` // found by each, on average
}

const benchServices = 50

// benchModel is what the transitions run under that are open: one task, which
// nobody does.
const benchModel = `---
apiVersion: steward/v1
kind: Group
metadata: {name: bench-team}
spec: {members: [bench-approver]}
---
apiVersion: steward/v1
kind: TransitionModel
metadata: {name: bench-change}
spec:
  type: standard
  schedule: {conflicts: warn}
  stages:
    - name: work
      steps: [{task: Do it, assign: {group: bench-team}}]
`

// runSchedule fills the schedule and measures.
func (b *bench) runSchedule(ctx context.Context, s benchScale) (scheduleReport, error) {
	r := scheduleReport{Open: s.open, Planned: s.planned, Closed: s.closed}
	var text strings.Builder
	text.WriteString(benchDefinitions + benchModel)
	for i := range benchServices {
		_, _ = fmt.Fprintf(&text, "---\napiVersion: steward/v1\nkind: Service\nmetadata: {name: %s}\nspec: {owner: bench-approver, supportGroup: bench-team", benchService(i))
		if i+1 < benchServices {
			_, _ = fmt.Fprintf(&text, ", dependsOn: [%s]", benchService(i+1))
		}
		text.WriteString("}\n")
	}
	if err := b.post(ctx, "/v1/definitions", "", "application/yaml", []byte(text.String()), nil); err != nil {
		return r, err
	}
	if err := b.startTransitions(ctx, s.open, &r); err != nil {
		return r, err
	}
	now := time.Now().UTC().Truncate(time.Second)
	if err := b.fill(ctx, s.planned, 1_000_000, now, false); err != nil {
		return r, err
	}
	var err error
	if r.Before, err = b.checkConflicts(ctx, s.checks, now); err != nil {
		return r, err
	}
	if err := b.fill(ctx, s.closed, 2_000_000, now, true); err != nil {
		return r, err
	}
	r.After, err = b.checkConflicts(ctx, s.checks, now)
	return r, err
}

func benchService(i int) string { return fmt.Sprintf("bench-service-%d", i) }

// startTransitions starts those that run, over HTTP.
func (b *bench) startTransitions(ctx context.Context, n int, r *scheduleReport) error {
	began, before := time.Now(), b.node.store.Statements()
	ids := make([]string, n)
	err := b.each(ctx, n, func(ctx context.Context, i int) error {
		var receipt itsm.Receipt
		body := fmt.Sprintf(`{"model": "bench-change", "service": %q}`, benchService(i%benchServices))
		err := b.post(ctx, "/v1/transitions", "bench-requester", "application/json", []byte(body), &receipt)
		ids[i] = receipt.Process
		return err
	})
	if err != nil {
		return err
	}
	r.StartsASecond = float64(n) / time.Since(began).Seconds()
	r.Statements = float64(b.node.store.Statements()-before) / float64(n)
	r.Events, r.Bytes, err = b.countHistory(ctx, ids[0])
	return err
}

// fill puts transitions into the schedule as their workflows would, or such as
// were in it and are closed.
func (b *bench) fill(ctx context.Context, n int, from int64, now time.Time, closed bool) error {
	return b.each(ctx, n, func(ctx context.Context, i int) error {
		slot := randomSlot(itsm.KindTransition.ID(from+int64(i)), now)
		opened := record(slot, 1, now)
		opened.Claim = &itsm.Claim{Slot: &slot}
		if _, err := b.node.store.Record(ctx, opened); err != nil || !closed {
			return err
		}
		over := record(slot, 2, now)
		over.View.State, over.View.Outcome, over.View.Closed = itsm.StateClosed, itsm.OutcomeSuccessful, &now
		over.Claim = &itsm.Claim{}
		_, err := b.node.store.Record(ctx, over)
		return err
	})
}

// randomSlot is some hours on a day of the next two months.
func randomSlot(id string, now time.Time) itsm.Slot {
	service := rand.IntN(benchServices)                           //nolint:gosec // nothing to guess
	start := now.Add(time.Duration(rand.IntN(60*24)) * time.Hour) //nolint:gosec // nothing to guess
	slot := itsm.Slot{Process: id, Title: "Planned", Service: benchService(service), Start: start, End: start.Add(2 * time.Hour)}
	for i := service + 1; i < benchServices; i++ {
		slot.Needs = append(slot.Needs, benchService(i))
	}
	return slot
}

func record(slot itsm.Slot, number int, now time.Time) itsm.Record {
	return itsm.Record{
		Process:  slot.Process,
		Events:   []itsm.Event{{Process: slot.Process, Number: number, Time: now, Type: itsm.EventSchedulePlanned, Actor: itsm.System()}},
		Snapshot: json.RawMessage(`{}`),
		View: itsm.View{
			ID: slot.Process, Kind: itsm.KindTransition, Summary: slot.Title, State: itsm.StateOpen, Requester: itsm.System(),
			Service: slot.Service, Opened: now, Updated: now, LastEvent: number,
		},
	}
}

// checkConflicts looks for the conflicts of one more, again and again.
func (b *bench) checkConflicts(ctx context.Context, n int, now time.Time) (checkTimes, error) {
	took := make([]time.Duration, n)
	found := 0
	for i := range n {
		slot := randomSlot("CHG-9000000", now)
		began := time.Now()
		conflicts, err := b.node.store.Conflicts(ctx, slot)
		if err != nil {
			return checkTimes{}, err
		}
		took[i], found = time.Since(began), found+len(conflicts)
	}
	return checkTimes{
		P50: ms(quantile(took, 0.5)), P99: ms(quantile(took, 0.99)), Max: ms(quantile(took, 1)), Conflicts: float64(found) / float64(n),
	}, nil
}

// scheduleTable shows the report to people.
func scheduleTable(w io.Writer, r scheduleReport) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(format string, args ...any) { _, _ = fmt.Fprintf(t, format+"\n", args...) }
	row("CONFLICT CHECK\tNONE CLOSED\t%d CLOSED", r.Closed)
	row("database time, p50\t%.2f ms\t%.2f ms", r.Before.P50, r.After.P50)
	row("database time, p99\t%.2f ms\t%.2f ms", r.Before.P99, r.After.P99)
	row("database time, longest\t%.2f ms\t%.2f ms", r.Before.Max, r.After.Max)
	row("conflicts found\t%.1f\t%.1f", r.Before.Conflicts, r.After.Conflicts)
	_ = t.Flush()
	_, _ = fmt.Fprintf(w, "\n%d open, %d planned; %.1f started a second, each with %d history events (%d bytes) and %.1f SQL statements\n",
		r.Open, r.Planned, r.StartsASecond, r.Events, r.Bytes, r.Statements)
}
