package workflows

import (
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/itsm"
)

// patience is how long a step waits for the database within its workflow task.
// After it, an ordinary activity goes on trying, so that an outage costs the
// history two events and not one for every attempt.
const patience = 4 * time.Second

// soon runs an activity within the workflow task, which costs one event; when
// that fails for longer than patience, as an ordinary activity without end.
// It returns an error only when the activity refused for good.
func soon(ctx workflow.Context, activity string, request, result any) error {
	ctx, cancel := workflow.NewDisconnectedContext(ctx) // a step under way is finished, whoever cancels
	defer cancel()
	local := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: patience,
		StartToCloseTimeout:    patience / 2,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 50 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: time.Second,
		},
	})
	err := workflow.ExecuteLocalActivity(local, activity, request).Get(ctx, result)
	if err == nil {
		return nil
	}
	if _, refused := Refusal(err); refused {
		return err
	}
	ordinary := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Second,
		},
	})
	return workflow.ExecuteActivity(ordinary, activity, request).Get(ctx, result)
}

// stateAtMost bounds what commands may make of a state, in bytes. A step hands
// it to an activity three times over, as events, view and state, and Temporal
// takes two MiB.
const stateAtMost = 400 << 10

// record returns when the events, and what the process looks like after them,
// are in the database. Then it has people told, where they can be reached.
//
// A worker may be killed after the database has a step and before Temporal has
// it. Then Temporal has the step done again, perhaps with other commands first.
// What is in the journal stands: record gives what the earlier life recorded,
// and the caller takes it up.
func (p *process) record(ctx workflow.Context, events []itsm.Event, c itsm.Command) (*itsm.Earlier, error) {
	if len(events) == 0 {
		return nil, nil
	}
	now := workflow.Now(ctx)
	snapshot, err := json.Marshal(p.state)
	if err != nil {
		return nil, fmt.Errorf("writing the state of %s: %w", p.id, err)
	}
	if p.recorded != nil && c.Key != "" && c.Actor != itsm.System() && len(snapshot) > stateAtMost {
		return nil, itsm.Errorf(itsm.CodeTooLarge, "%s has no room for this: all that it holds may take %d KiB; keep large texts in files, and name them", p.id, stateAtMost>>10)
	}
	record := itsm.Record{Process: p.id, Events: events, View: p.state.View(p.base, now), Inbox: p.state.Inbox(now), Snapshot: snapshot}
	if placed, ok := p.state.(placing); ok {
		record.Claim = placed.Claim()
	}
	var answer Recorded
	if err = soon(ctx, ActivityRecord, RecordRequest{Record: record}, &answer); err != nil {
		return nil, err
	}
	switch {
	case answer.Earlier != nil:
		events = answer.Earlier.Events
	case p.recorded != nil:
		p.recorded = snapshot
	}
	if answer.Reachable {
		p.tell(ctx, events)
	}
	return answer.Earlier, nil
}
