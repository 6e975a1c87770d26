package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// alarm is one timer that is moved as rarely as possible: a timer that rings
// before it is needed costs less than cancelling and setting one with every
// change, because most changes put the next moment off.
type alarm struct {
	at     time.Time
	timer  workflow.Future
	cancel workflow.CancelFunc
}

// set makes sure that the alarm rings no later than the next due moment.
func (a *alarm) set(ctx workflow.Context, nextDue func() (time.Time, bool)) {
	due, ok := nextDue()
	if !ok || a.timer != nil && !a.timer.IsReady() && !due.Before(a.at) {
		return
	}
	if a.cancel != nil {
		a.cancel()
	}
	var timerCtx workflow.Context
	timerCtx, a.cancel = workflow.WithCancel(ctx)
	a.at = due
	a.timer = workflow.NewTimer(timerCtx, max(due.Sub(workflow.Now(ctx)), 0))
}

// needsCare reports whether something is due, the alarm rang before it was
// needed, or it must be set to ring earlier.
func (a *alarm) needsCare(ctx workflow.Context, nextDue func() (time.Time, bool)) bool {
	due, ok := nextDue()
	if !ok {
		return false
	}
	return !due.After(workflow.Now(ctx)) || a.timer == nil || a.timer.IsReady() || due.Before(a.at)
}
