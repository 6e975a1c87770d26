package workflows

import (
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
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 15 * time.Second,
		},
	})
	return workflow.ExecuteActivity(ordinary, activity, request).Get(ctx, result)
}

// recorder writes what happens to a process, in order and each event once.
// Handlers that interleave share its queue: whoever writes takes along what
// the others have added.
type recorder struct {
	process  string
	queue    []itsm.Event
	notices  []itsm.Notice
	recorded int // number of the newest event that is written
	writing  workflow.Mutex
	view     func(workflow.Context) itsm.View
	inbox    func(workflow.Context) []itsm.InboxItem
	tell     func(workflow.Context, []itsm.Notice, []itsm.Event)
}

// add queues events and the notices about them.
func (r *recorder) add(events []itsm.Event, notices []itsm.Notice) {
	r.queue = append(r.queue, events...)
	r.notices = append(r.notices, notices...)
}

// flush returns when everything that was queued before the call is written.
func (r *recorder) flush(ctx workflow.Context) error {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if err := r.writing.Lock(ctx); err != nil {
		return err
	}
	defer r.writing.Unlock()
	if len(r.queue) == 0 {
		return nil
	}
	events, notices := r.queue, r.notices
	r.queue, r.notices = nil, nil
	request := RecordRequest{
		Record:  itsm.Record{Process: r.process, Events: events, View: r.view(ctx), Inbox: r.inbox(ctx)},
		Notices: notices,
	}
	var answer Recorded
	if err := soon(ctx, ActivityRecord, request, &answer); err != nil {
		return err
	}
	r.recorded = events[len(events)-1].Number
	if answer.Reachable {
		r.tell(ctx, notices, events)
	}
	return nil
}
