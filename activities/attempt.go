package activities

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/steward-itsm/steward/notify"
)

// giveUp is how long a notification is tried before its outcome is that it failed.
const giveUp = 24 * time.Hour

// pageAgain is the longest that a page waits for its next attempt, whatever
// Temporal's retries and receivers ask for: somebody may be asleep who is needed
// now.
const pageAgain = 30 * time.Second

// attempt is one of the attempts at the notices of a step: what earlier ones
// have reached, and what this one adds. Heartbeats hand it on to the next.
type attempt struct {
	ctx     context.Context
	mu      sync.Mutex // over changes of reached, which heartbeats read
	reached [][]notify.Outcome
}

// newAttempt goes on from what an earlier attempt at so many notices reached.
func newAttempt(ctx context.Context, notices int) (*attempt, error) {
	a := &attempt{ctx: ctx, reached: make([][]notify.Outcome, notices)}
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &a.reached); err != nil || len(a.reached) != notices {
			return nil, fmt.Errorf("reading what an earlier attempt reached: %w", err)
		}
	}
	return a, nil
}

// note keeps what became of a notice.
func (a *attempt) note(i int, outcomes []notify.Outcome) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reached[i] = outcomes
	activity.RecordHeartbeat(a.ctx, a.reached)
}

// keepAlive lets Temporal know that the attempt goes on while slow receivers are
// waited for; otherwise another would begin beside it, and tell people twice.
func (a *attempt) keepAlive() (stop func()) {
	timeout := activity.GetInfo(a.ctx).HeartbeatTimeout
	if timeout <= 0 {
		return func() {}
	}
	ticker, done := time.NewTicker(timeout/4), make(chan struct{})
	var beating sync.WaitGroup
	beating.Go(func() {
		for {
			select {
			case <-ticker.C:
				a.mu.Lock()
				activity.RecordHeartbeat(a.ctx, a.reached)
				a.mu.Unlock()
			case <-done:
				return
			}
		}
	})
	return func() {
		ticker.Stop()
		close(done)
		beating.Wait()
	}
}

// next tells whether there is another attempt, and how long to wait for it; 0 is
// as long as Temporal's retries do.
func (a *attempt) next(page bool) (wait time.Duration, again bool) {
	info := activity.GetInfo(a.ctx)
	outcomes := slices.Concat(a.reached...)
	wait, again = notify.Retry(outcomes)
	if page && again {
		wait = pageWait(outcomes, info.Attempt)
	}
	return wait, again && time.Since(info.ScheduledTime) < giveUp
}

// pageWait is how long a page waits: longer from attempt to attempt, and for the
// receiver that asked for the least. None of them holds up the others.
func pageWait(outcomes []notify.Outcome, attempt int32) time.Duration {
	asked := pageAgain
	for _, outcome := range outcomes {
		if outcome.Retry {
			asked = min(asked, outcome.RetryAfter)
		}
	}
	backoff := time.Second << min(max(attempt-1, 0), 5)
	return min(max(asked, backoff), pageAgain)
}
