package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"golang.org/x/sync/errgroup"

	"github.com/steward-itsm/steward/activities"
	"github.com/steward-itsm/steward/engine"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/notify"
	"github.com/steward-itsm/steward/worker"
)

const (
	benchQueue     = "steward-bench"
	benchBareQueue = "steward-bench-bare"
	benchToldQueue = "steward-bench-told"
	benchBare      = "BareWait"
)

// benchDefinitions are flows of one, two and three stages, each with a
// deadline, that one person decides.
const benchDefinitions = `apiVersion: steward/v1
kind: Person
metadata: {name: bench-approver}
spec: {email: approver@bench.test}
---
apiVersion: steward/v1
kind: Person
metadata: {name: bench-requester}
spec: {email: requester@bench.test}
`

// benchReport is what one run measured. Times are in milliseconds.
type benchReport struct {
	Approvals             int       `json:"approvals"`
	Concurrency           int       `json:"concurrency"`
	Rounds                int       `json:"rounds"`
	Ratio                 float64   `json:"ratio"`
	LowestRatio           float64   `json:"lowestRatio"`
	HighestRatio          float64   `json:"highestRatio"`
	Steward               benchSide `json:"steward"`
	Bare                  benchSide `json:"bare"`
	StatementsPerApproval float64   `json:"statementsPerApproval"`
	EventsPerFurtherStage int       `json:"eventsPerFurtherStage"`
	EventsPerNotification int       `json:"eventsPerNotification"`
}

// benchSide is what one of the two sides did.
type benchSide struct {
	PerSecond float64 `json:"perSecond"` // median of the rounds
	P50       float64 `json:"p50"`       // of a decision, over all rounds
	P99       float64 `json:"p99"`
	Events    int     `json:"events"` // of one approval's history
	Bytes     int64   `json:"bytes"`
}

// bench measures one running node.
type bench struct {
	node    *node
	options benchOptions
	url     string
}

func (b *bench) run(ctx context.Context) (benchReport, error) {
	r := benchReport{Approvals: b.options.n, Concurrency: b.options.concurrency, Rounds: b.options.rounds}
	if err := b.apply(ctx); err != nil {
		return r, err
	}
	bare := sdkworker.New(b.node.temporal, benchBareQueue, sdkworker.Options{})
	bare.RegisterWorkflowWithOptions(bareWait, workflow.RegisterOptions{Name: benchBare})
	if err := bare.Start(); err != nil {
		return r, fmt.Errorf("starting the bare worker: %w", err)
	}
	defer bare.Stop()
	if err := b.measureRates(ctx, &r); err != nil {
		return r, err
	}
	return r, b.measureHistories(ctx, &r)
}

// apply puts the people and flows of the benchmark into the directory.
func (b *bench) apply(ctx context.Context) error {
	var text strings.Builder
	text.WriteString(benchDefinitions)
	for stages := 1; stages <= 3; stages++ {
		_, _ = fmt.Fprintf(&text, "---\napiVersion: steward/v1\nkind: ApprovalFlow\nmetadata: {name: bench-%d}\nspec:\n  stages:\n", stages)
		for i := range stages {
			_, _ = fmt.Fprintf(&text, "    - {name: stage-%d, approvers: [{person: bench-approver}], within: 1d}\n", i+1)
		}
	}
	return b.post(ctx, "/v1/definitions", "", "application/yaml", []byte(text.String()), nil)
}

// contestant is one of the two sides: how it starts an approval, and how it
// decides the one that it started.
type contestant struct {
	start  func(context.Context) (id string, err error)
	decide func(ctx context.Context, id string) error
}

// measureRates lets the two sides take turns, so that a machine that slows
// down slows both.
func (b *bench) measureRates(ctx context.Context, r *benchReport) error {
	each := max(b.options.n/b.options.rounds, 1)
	steward := contestant{func(ctx context.Context) (string, error) { return b.start(ctx, 1) }, b.decide}
	bare := contestant{b.startBare, b.decideBare}
	for _, c := range []contestant{steward, bare} { // to warm up
		if _, _, err := b.rate(ctx, b.options.concurrency, c); err != nil {
			return err
		}
	}
	var ratios, ours, theirs []float64
	var decisions, bareDecisions []time.Duration
	var statements int64
	for range b.options.rounds {
		before := b.node.store.Statements()
		rate, took, err := b.rate(ctx, each, steward)
		if err != nil {
			return err
		}
		statements += b.node.store.Statements() - before
		bareRate, bareTook, err := b.rate(ctx, each, bare)
		if err != nil {
			return err
		}
		ours, theirs, ratios = append(ours, rate), append(theirs, bareRate), append(ratios, rate/bareRate)
		decisions, bareDecisions = append(decisions, took...), append(bareDecisions, bareTook...)
	}
	r.Ratio, r.LowestRatio, r.HighestRatio = quantile(ratios, 0.5), slices.Min(ratios), slices.Max(ratios)
	r.Steward = benchSide{PerSecond: quantile(ours, 0.5), P50: ms(quantile(decisions, 0.5)), P99: ms(quantile(decisions, 0.99))}
	r.Bare = benchSide{PerSecond: quantile(theirs, 0.5), P50: ms(quantile(bareDecisions, 0.5)), P99: ms(quantile(bareDecisions, 0.99))}
	r.StatementsPerApproval = float64(statements) / float64(each*b.options.rounds)
	return nil
}

// rate has a side start n approvals, then decide them, each time with all
// clients. It gives how many a second went through both, and how long each
// decision took. Starts come first, so that every approval waits when it is
// decided: a decision that comes at once would spare the bare workflow a task.
func (b *bench) rate(ctx context.Context, n int, c contestant) (perSecond float64, decisions []time.Duration, err error) {
	ids, decisions := make([]string, n), make([]time.Duration, n)
	began := time.Now()
	err = b.each(ctx, n, func(ctx context.Context, i int) (err error) {
		ids[i], err = c.start(ctx)
		return err
	})
	if err != nil {
		return 0, nil, err
	}
	err = b.each(ctx, n, func(ctx context.Context, i int) error {
		sent := time.Now()
		err := c.decide(ctx, ids[i])
		decisions[i] = time.Since(sent)
		return err
	})
	return float64(n) / time.Since(began).Seconds(), decisions, err
}

// each does something n times, with all clients.
func (b *bench) each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(b.options.concurrency)
	for i := range n {
		group.Go(func() error { return do(ctx, i) })
	}
	return group.Wait()
}

// start asks for an approval over HTTP.
func (b *bench) start(ctx context.Context, stages int) (string, error) {
	var receipt itsm.Receipt
	body := fmt.Sprintf(`{"flow": "bench-%d", "subject": {}}`, stages)
	err := b.post(ctx, "/v1/approvals", "bench-requester", "application/json", []byte(body), &receipt)
	return receipt.Process, err
}

// decide approves one over HTTP.
func (b *bench) decide(ctx context.Context, id string) error {
	return b.post(ctx, "/v1/approvals/"+id+"/decisions", "bench-approver", "application/json", []byte(`{"decision": "approve"}`), nil)
}

func (b *bench) startBare(ctx context.Context) (string, error) {
	run, err := b.node.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: benchBareQueue}, benchBare)
	if err != nil {
		return "", fmt.Errorf("starting a bare workflow: %w", err)
	}
	return run.GetID(), nil
}

func (b *bench) decideBare(ctx context.Context, id string) error {
	handle, err := b.node.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: "decide", WaitForStage: client.WorkflowUpdateStageCompleted, Args: []any{"approve"},
	})
	if err != nil {
		return fmt.Errorf("deciding a bare workflow: %w", err)
	}
	return handle.Get(ctx, nil)
}

// bareWait is the least that Temporal's SDK can do for an approval: wait for
// one update, under a timer.
func bareWait(ctx workflow.Context) (string, error) {
	decision := ""
	err := workflow.SetUpdateHandler(ctx, "decide", func(_ workflow.Context, d string) error { decision = d; return nil })
	if err != nil {
		return "", err
	}
	_, err = workflow.AwaitWithTimeout(ctx, 24*time.Hour, func() bool { return decision != "" })
	return decision, err
}

// measureHistories counts what one approval leaves behind.
func (b *bench) measureHistories(ctx context.Context, r *benchReport) error {
	bareID, err := b.startBare(ctx)
	if err != nil {
		return err
	}
	if err := b.awaitFirstTask(ctx, bareID); err != nil {
		return err
	}
	if err := b.decideBare(ctx, bareID); err != nil {
		return err
	}
	if r.Bare.Events, r.Bare.Bytes, err = b.history(ctx, bareID); err != nil {
		return err
	}
	events := make([]int, 4)
	for stages := 3; stages >= 1; stages-- {
		if events[stages], r.Steward.Bytes, err = b.wholeApproval(ctx, stages, nil); err != nil {
			return err
		}
	}
	r.Steward.Events = events[1]
	r.EventsPerFurtherStage = max(events[2]-events[1], events[3]-events[2])
	return b.measureNotification(ctx, r)
}

// awaitFirstTask returns when a workflow waits, after its first task.
func (b *bench) awaitFirstTask(ctx context.Context, id string) error {
	for {
		workflow, err := b.node.temporal.DescribeWorkflowExecution(ctx, id, "")
		if err != nil {
			return fmt.Errorf("looking at %s: %w", id, err)
		}
		if workflow.GetPendingWorkflowTask() == nil && workflow.GetWorkflowExecutionInfo().GetHistoryLength() > 3 {
			return nil
		}
	}
}

// measureNotification carries one more approval out with a channel: two
// notices, one to the approver and one to the requester.
func (b *bench) measureNotification(ctx context.Context, r *benchReport) error {
	sender, err := notify.New(notify.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	told := worker.New(b.node.temporal, benchToldQueue, &activities.Activities{Store: b.node.store, Sender: sender, Log: b.node.log})
	if err := told.Start(); err != nil {
		return fmt.Errorf("starting the worker that tells: %w", err)
	}
	defer told.Stop()
	events, _, err := b.wholeApproval(ctx, 1, engine.New(b.node.temporal, b.node.store, benchToldQueue))
	r.EventsPerNotification = (events - r.Steward.Events + 1) / 2
	return err
}

// wholeApproval carries out one approval, through the API or a given engine,
// and counts its history.
func (b *bench) wholeApproval(ctx context.Context, stages int, direct *engine.Engine) (events int, size int64, err error) {
	id := ""
	if direct == nil {
		id, err = b.start(ctx, stages)
	} else {
		var receipt itsm.Receipt
		receipt, err = direct.StartApproval(ctx, engine.Call{Actor: itsm.Person("bench-requester"), Key: "told"},
			engine.StartApproval{Flow: fmt.Sprintf("bench-%d", stages)})
		id = receipt.Process
	}
	for range stages {
		if err == nil {
			err = b.decide(ctx, id)
		}
	}
	if err != nil {
		return 0, 0, err
	}
	return b.history(ctx, id)
}

// history waits for a workflow's end and counts its history.
func (b *bench) history(ctx context.Context, id string) (events int, size int64, err error) {
	if err := b.node.temporal.GetWorkflow(ctx, id, "").Get(ctx, nil); err != nil {
		return 0, 0, fmt.Errorf("waiting for the end of %s: %w", id, err)
	}
	return b.countHistory(ctx, id)
}

// countHistory counts a workflow's history as it is now.
func (b *bench) countHistory(ctx context.Context, id string) (events int, size int64, err error) {
	all := b.node.temporal.GetWorkflowHistory(ctx, id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for all.HasNext() {
		event, err := all.Next()
		if err != nil {
			return 0, 0, fmt.Errorf("reading the history of %s: %w", id, err)
		}
		events++
		size += int64(event.Size())
	}
	return events, size, nil
}

// post sends one request and reads its answer.
func (b *bench) post(ctx context.Context, path, as, contentType string, body []byte, answer any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, b.url+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	request.Header.Set("Content-Type", contentType)
	if as != "" {
		request.Header.Set("Steward-As", as)
	}
	response, err := benchClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it is read
	text, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return fmt.Errorf("reading the answer of %s: %w", path, err)
	case response.StatusCode >= 300:
		return errors.New(path + ": " + string(text))
	case answer == nil:
		return nil
	}
	return json.Unmarshal(text, answer)
}

// benchClient keeps as many connections as there may be clients.
var benchClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}

// quantile gives the value below which a share of the others are.
func quantile[T float64 | time.Duration](values []T, share float64) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(float64(len(sorted))*share), len(sorted)-1)]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
