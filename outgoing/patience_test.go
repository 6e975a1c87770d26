package outgoing

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/notify"
	"github.com/steward-itsm/steward/store"
)

// Whatever a receiver asks for, an event is tried for exactly a day, at least
// every two hours, and never more than once at a time.
func TestEventIsTriedForADay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := noon
		var d store.Delivery
		for d.State != store.DeliveryDead {
			asked := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "asked to wait"))
			d = failed(d, notify.RetryAfter(errors.New("503"), asked), now)
			if d.State == store.DeliveryDead {
				break
			}
			pause := d.NextAt.Sub(now)
			assert.Positive(t, pause)
			assert.LessOrEqual(t, pause, 2*time.Hour)
			if d.NextAt.Before(noon.Add(patience)) {
				assert.GreaterOrEqual(t, pause, asked)
			}
			now = d.NextAt
		}
		assert.Equal(t, noon.Add(patience), now)
		assert.Equal(t, noon, d.FirstAt)
		assert.LessOrEqual(t, d.Attempts, 19)
	})
}

func TestReceiverRestsLongerTheLongerItIsAway(t *testing.T) {
	t.Parallel()
	for failures, want := range map[int]time.Duration{
		1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 6: 32 * time.Second, 7: time.Minute, 8: time.Minute, 1 << 30: time.Minute,
	} {
		assert.Equal(t, want, rest(failures), failures)
	}
}
