// Package worker makes a Temporal worker with all of Steward's workflows and
// activities registered. Any number of workers may run side by side.
//
// What does not belong here: what the workflows and activities do.
package worker

import (
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"

	"github.com/steward-itsm/steward/activities"
	"github.com/steward-itsm/steward/workflows"
)

// New makes a worker that is not started yet.
func New(temporal client.Client, taskQueue string, a *activities.Activities) sdkworker.Worker {
	w := sdkworker.New(temporal, taskQueue, sdkworker.Options{
		// A workflow that panics or does not fit its history waits for a worker
		// that can go on with it. It is never failed.
		WorkflowPanicPolicy: sdkworker.BlockWorkflow,
		// What a worker has cached waits so long for it before another takes it up.
		// So a deadline is kept to the second, though the worker was just killed.
		StickyScheduleToStartTimeout: 500 * time.Millisecond,
		// What a page has reached is known soon, so that little of it is sent again
		// where a worker is killed over it.
		MaxHeartbeatThrottleInterval: time.Second,
	})
	workflows.Register(w)
	RegisterActivities(w, a)
	return w
}

// RegisterActivities registers every activity under the name of its contract.
func RegisterActivities(r sdkworker.ActivityRegistry, a *activities.Activities) {
	for name, f := range map[string]any{
		workflows.ActivityPlanStage: a.PlanStage,
		workflows.ActivityRecord:    a.Record,
		workflows.ActivityNotify:    a.Notify,
		workflows.ActivityLookBack:  a.LookBack,

		workflows.ActivityAssess:        a.AssessTransition,
		workflows.ActivityCheckSchedule: a.CheckSchedule,
		workflows.ActivityPlanStep:      a.PlanStep,
		workflows.ActivityOpenApproval:  a.OpenApproval,
		workflows.ActivityCall:          a.Call,
		workflows.ActivityRollBackWhen:  a.RollBackWhen,

		workflows.ActivityFind:     a.FindForIncident,
		workflows.ActivityHandOver: a.HandOverAlerts,
	} {
		r.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
}
