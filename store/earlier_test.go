package store_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/itsm"
)

func TestLaterTryIsToldWhatTheEarlierRecorded(t *testing.T) {
	first, second := try(step("APR-1", 2, 3), 1), try(step("APR-1", 4, 4), 1)
	later := map[string]struct {
		try  itsm.Record
		told []itsm.Event
	}{
		"other content":                {try(step("APR-1", 2, 3), 2), slices.Concat(first.Events, second.Events)},
		"fewer events":                 {try(step("APR-1", 2, 2), 2), slices.Concat(first.Events, second.Events)},
		"more events":                  {try(step("APR-1", 2, 9), 2), slices.Concat(first.Events, second.Events)},
		"the first of two batches":     {first, slices.Concat(first.Events, second.Events)},
		"from the middle of a batch":   {try(step("APR-1", 3, 3), 2), slices.Concat(first.Events[1:], second.Events)},
		"from the second batch":        {try(step("APR-1", 4, 5), 2), second.Events},
		"an outcome of its own":        {closing("APR-1", 4, "rejected"), second.Events},
		"the same with another state":  {withSnapshot(second, opening("APR-1")), second.Events},
		"from the very first event on": {try(opening("APR-1"), 2), slices.Concat(opening("APR-1").Events, first.Events, second.Events)},
	}
	onBoth(t, func(t *testing.T, b bundle) {
		for _, r := range []itsm.Record{opening("APR-1"), first, second} {
			mustRecord(t, b.Store, r)
		}
		for name, c := range later {
			for range 2 {
				told, err := b.Record(t.Context(), c.try)
				require.NoError(t, err, name)
				assert.Equal(t, &itsm.Earlier{Events: c.told, Snapshot: second.Snapshot}, told, name)
			}
		}
		whole := second
		whole.Events = slices.Concat(opening("APR-1").Events, first.Events, second.Events)
		assertStored(t, b, whole)
		mustRecord(t, b.Store, try(step("APR-1", 5, 6), 2)) // and from there it goes on
	})
}

func withSnapshot(r, of itsm.Record) itsm.Record {
	r.Snapshot = of.Snapshot
	return r
}

func TestClosedProcessTellsItsOutcomeToALaterTry(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		closed := try(closing("APR-1", 2, "approved"), 1)
		mustRecord(t, b.Store, opening("APR-1"))
		mustRecord(t, b.Store, closed)
		for _, later := range []itsm.Record{closing("APR-1", 2, "rejected"), step("APR-1", 2, 4)} {
			told, err := b.Record(t.Context(), later)
			require.NoError(t, err)
			assert.Equal(t, &itsm.Earlier{Events: closed.Events, Snapshot: closed.Snapshot}, told)
		}
		whole := closed
		whole.Events = slices.Concat(opening("APR-1").Events, closed.Events)
		assertStored(t, b, whole)
	})
}

// Whatever tries come, in whatever order, cut and content: what was first under
// a number stands, each try is told it, and a gap is refused.
func TestWhatIsFirstStandsInAnyOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		processes := 0
		rapid.Check(t, func(t *rapid.T) {
			processes++
			whole := itsm.Record{Process: fmt.Sprintf("INC-%d", processes)}
			for range rapid.IntRange(1, 9).Draw(t, "tries") {
				first := rapid.IntRange(1, len(whole.Events)+2).Draw(t, "first")
				length := rapid.IntRange(1, 3).Draw(t, "events")
				r := try(step(whole.Process, first, first+length-1), rapid.IntRange(1, 3).Draw(t, "try"))
				whole = expect(t, b, whole, r)
			}
			if len(whole.Events) > 0 {
				assertStored(t, b, whole)
			}
			mustRecord(t, b.Store, closing(whole.Process, len(whole.Events)+1, "resolved")) // leaves the inboxes empty
		})
	})
}

// expect makes the try, holds the store to the law, and gives what is stored then.
func expect(t require.TestingT, b bundle, whole, r itsm.Record) itsm.Record {
	first := r.Events[0].Number
	if first > len(whole.Events)+1 {
		requireConflict(t, b, r)
		return whole
	}
	stored := whole.Events[first-1:]
	if len(stored) == 0 {
		mustRecord(t, b.Store, r)
		r.Events = slices.Concat(whole.Events, r.Events)
		return r
	}
	if assert.ObjectsAreEqual(stored, r.Events) && assert.ObjectsAreEqual(whole.Snapshot, r.Snapshot) {
		mustRecord(t, b.Store, r)
		return whole
	}
	told, err := b.Record(contextOf(t), r)
	require.NoError(t, err)
	require.Equal(t, &itsm.Earlier{Events: stored, Snapshot: whole.Snapshot}, told)
	return whole
}
