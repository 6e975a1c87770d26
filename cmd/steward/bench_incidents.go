package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/steward-itsm/steward/itsm"
)

// stormScale is how many incidents are open, and how hard it rains.
type stormScale struct {
	open, clients int
	storm, wait   time.Duration
}

func newBenchIncidentsCommand(e *env) *cobra.Command {
	s, o := stormScale{}, benchOptions{}
	cmd := &cobra.Command{
		Use:   "incidents",
		Short: "Lateness of escalations with many open incidents, and intake of repeated alerts",
		Long: `Opens incidents by alerts, each with a running ladder of two rungs, and measures
how late the second rung of each was paged. Meanwhile many clients repeat one
alert as fast as they can. It counts what an open incident costs.

It brings its own Temporal and SQLite in a temporary folder, unless
--temporal-address and --database-url name others. Those get what it writes.`,
		Example: "  steward bench incidents\n  steward bench incidents --open 1000 --wait 30s -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.open < 1 || s.clients < 1 || o.concurrency < 1 || s.storm <= 0 || s.wait < time.Second {
				return itsm.Errorf(itsm.CodeInvalid, "--open, --clients and --concurrency are numbers from 1, --storm and --wait durations")
			}
			run := func(ctx context.Context, b *bench) (stormReport, error) { return b.runStorm(ctx, s) }
			return showMeasured(e, cmd, o, run, stormTable)
		},
	}
	cmd.Flags().IntVar(&s.open, "open", 10000, "incidents that are open")
	cmd.Flags().IntVar(&s.clients, "clients", 50, "clients that repeat an alert")
	cmd.Flags().DurationVar(&s.storm, "storm", 10*time.Second, "how long they do")
	cmd.Flags().DurationVar(&s.wait, "wait", 5*time.Minute, "how long the second rung waits for the first; longer than opening all takes")
	cmd.Flags().IntVar(&o.concurrency, "concurrency", 16, "clients at the same time that open incidents")
	addConfigFlags(cmd, "database-url", "temporal-address", "temporal-namespace")
	return cmd
}

// stormReport is what one run measured. Times are in milliseconds.
type stormReport struct {
	Open                int     `json:"open"`
	OpenedASecond       float64 `json:"openedASecond"`
	Paged               int     `json:"paged"` // second rungs
	LateP50             float64 `json:"lateP50"`
	LateP99             float64 `json:"lateP99"`
	LateMax             float64 `json:"lateMax"`
	RepeatsASecond      float64 `json:"repeatsASecond"`
	StatementsPerRepeat float64 `json:"statementsPerRepeat"`
	KiBPerOpen          float64 `json:"kibPerOpen"`  // memory of the whole process, embedded Temporal included
	EventsOpen          int     `json:"eventsOpen"`  // of the history of one that was opened and paged once
	EventsPaged         int     `json:"eventsPaged"` // and paged twice
}

const stormDefinitions = benchDefinitions + `---
apiVersion: steward/v1
kind: Group
metadata: {name: bench-team}
spec: {members: [bench-approver]}
---
apiVersion: steward/v1
kind: EscalationPolicy
metadata: {name: bench-ladder}
spec:
  steps:
    - {tell: [{person: bench-approver}], wait: %s}
    - {tell: [{person: bench-requester}], wait: 1d}
---
apiVersion: steward/v1
kind: Service
metadata: {name: bench}
spec: {owner: bench-approver, supportGroup: bench-team, escalation: bench-ladder}
`

// runStorm opens incidents, lets it rain, and looks how late the pages were.
func (b *bench) runStorm(ctx context.Context, s stormScale) (stormReport, error) {
	r := stormReport{Open: s.open}
	wait := fmt.Sprintf("%ds", int(s.wait.Seconds()))
	if err := b.post(ctx, "/v1/definitions", "", "application/yaml", fmt.Appendf(nil, stormDefinitions, wait), nil); err != nil {
		return r, err
	}
	ids, err := b.openIncidents(ctx, s.open, &r)
	if err != nil {
		return r, err
	}
	if r.EventsOpen, _, err = b.countHistory(ctx, ids[0]); err != nil {
		return r, err
	}
	if err := b.repeatAlert(ctx, s, &r); err != nil {
		return r, err
	}
	if err := b.measureLateness(ctx, ids, s.wait, &r); err != nil {
		return r, err
	}
	r.EventsPaged, _, err = b.countHistory(ctx, ids[0])
	return r, err
}

// openIncidents opens one incident for each of many alerts.
func (b *bench) openIncidents(ctx context.Context, n int, r *stormReport) ([]string, error) {
	ids := make([]string, n)
	before, began := heap(), time.Now()
	err := b.each(ctx, n, func(ctx context.Context, i int) (err error) {
		ids[i], err = b.raise(ctx, fmt.Sprintf("key-%d", i))
		return err
	})
	r.OpenedASecond = float64(n) / time.Since(began).Seconds()
	r.KiBPerOpen = float64(heap()-before) / 1024 / float64(n)
	return ids, err
}

// heap is the memory in use, after what is not has been given back.
func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func (b *bench) raise(ctx context.Context, key string) (string, error) {
	var answer struct {
		Incident string `json:"incident"`
	}
	body := fmt.Sprintf(`{"service": "bench", "key": %q, "title": "It is down", "severity": "critical"}`, key)
	err := b.post(ctx, "/v1/alerts", "", "application/json", []byte(body), &answer)
	return answer.Incident, err
}

// repeatAlert has many clients raise the same alert for a while.
func (b *bench) repeatAlert(ctx context.Context, s stormScale, r *stormReport) error {
	before, began := b.node.store.Statements(), time.Now()
	var raised atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range s.clients {
		group.Go(func() error {
			for time.Since(began) < s.storm {
				if _, err := b.raise(ctx, "key-0"); err != nil {
					return err
				}
				raised.Add(1)
			}
			return nil
		})
	}
	err := group.Wait()
	r.RepeatsASecond = float64(raised.Load()) / time.Since(began).Seconds()
	r.StatementsPerRepeat = float64(b.node.store.Statements()-before) / float64(raised.Load())
	return err
}

// measureLateness waits until every second rung is paged, and compares when
// that was with when it should have been.
func (b *bench) measureLateness(ctx context.Context, ids []string, wait time.Duration, r *stormReport) error {
	var late []time.Duration
	for _, id := range ids {
		first, second, err := b.pages(ctx, id, time.Now().Add(wait+time.Minute))
		if err != nil {
			return err
		}
		late = append(late, second.Sub(first)-wait)
	}
	r.Paged = len(late)
	r.LateP50, r.LateP99, r.LateMax = ms(quantile(late, 0.5)), ms(quantile(late, 0.99)), ms(quantile(late, 1))
	return nil
}

// pages gives when the first two rungs of an incident were paged.
func (b *bench) pages(ctx context.Context, id string, until time.Time) (first, second time.Time, err error) {
	for time.Now().Before(until) {
		view, err := b.node.store.View(ctx, id)
		if err != nil {
			return first, second, err
		}
		var detail itsm.IncidentDetail
		if err := json.Unmarshal(view.Detail, &detail); err != nil {
			return first, second, fmt.Errorf("reading %s: %w", id, err)
		}
		if len(detail.Pages) > 1 {
			return detail.Pages[0].At, detail.Pages[1].At, nil
		}
		select {
		case <-ctx.Done():
			return first, second, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return first, second, fmt.Errorf("the second rung of %s was not paged", id)
}

// stormTable shows the report to people.
func stormTable(w io.Writer, r stormReport) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(format string, args ...any) { _, _ = fmt.Fprintf(t, format+"\n", args...) }
	row("open incidents with running ladders\t%d", r.Open)
	row("opened a second\t%.1f", r.OpenedASecond)
	row("second rungs paged\t%d", r.Paged)
	row("lateness, p50\t%.0f ms", r.LateP50)
	row("lateness, p99\t%.0f ms", r.LateP99)
	row("lateness, longest\t%.0f ms", r.LateMax)
	row("repeated alerts a second\t%.0f", r.RepeatsASecond)
	row("SQL statements for each\t%.2f", r.StatementsPerRepeat)
	row("memory for each open incident\t%.0f KiB", r.KiBPerOpen)
	row("history events, opened and paged\t%d", r.EventsOpen)
	row("history events, paged again\t%d", r.EventsPaged)
	_ = t.Flush()
}
