package outgoing

import (
	"time"

	"github.com/steward-itsm/steward/notify"
	"github.com/steward-itsm/steward/store"
)

// pauses are those after the first attempts; later ones are each as long as the
// last of them.
var pauses = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour,
}

const (
	// patience is how long an event is tried.
	patience = 24 * time.Hour
	// longestRest bounds how long a receiver that does not answer is left alone.
	longestRest = time.Minute
)

// failed is what becomes of a delivery after an attempt that failed: it is tried
// again, the last time when a day is over, or is dead.
func failed(d store.Delivery, failure error, now time.Time) store.Delivery {
	if d.Attempts == 0 {
		d.FirstAt = now
	}
	d.Attempts++
	d.State, d.Fault = store.DeliveryPending, notify.Detail(failure)
	last := d.FirstAt.Add(patience)
	if !now.Before(last) {
		d.State = store.DeliveryDead
	}
	pause := pauses[min(d.Attempts, len(pauses))-1]
	d.NextAt = now.Add(max(pause, notify.Wait(failure)))
	if d.NextAt.After(last) {
		d.NextAt = last
	}
	return d
}

// rest is how long nothing at all is sent after so many failures in a row. So a
// receiver that is away is not sent every event in vain: they wait in the
// journal.
func rest(failures int) time.Duration {
	const doublings = 6 // make it more than a minute
	return min(time.Second<<min(failures-1, doublings), longestRest)
}
