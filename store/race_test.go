package store_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/itsm"
)

// contextOf gives the test's context, or one without end to a property.
func contextOf(t any) context.Context {
	if owner, ok := t.(interface{ Context() context.Context }); ok {
		return owner.Context()
	}
	return context.Background()
}

// Whatever way the engine cuts a process into records and repeats them, the
// same is stored.
func TestAnySplitAndRepetitionGivesTheSameJournalAndView(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		processes := 0
		rapid.Check(t, func(t *rapid.T) {
			processes++
			id := fmt.Sprintf("INC-%d", processes)
			total := rapid.IntRange(1, 9).Draw(t, "events")
			recorded := 0
			for recorded < total {
				first := rapid.IntRange(1, recorded+1).Draw(t, "first")
				last := rapid.IntRange(first, total).Draw(t, "last")
				r := step(id, first, last)
				r.Inbox = r.Inbox[:rapid.IntRange(0, 2).Draw(t, "waiting")]
				if last == total {
					r.Inbox = nil
				}
				require.NoError(t, b.Record(contextOf(t), r))
				recorded = max(recorded, last)
			}
			whole := step(id, 1, total)
			whole.Inbox = nil
			assertStored(t, b, whole)
			require.NoError(t, b.Record(contextOf(t), closing(id, total+1, "resolved")))
		})
	})
}

func TestManyProcessesAreRecordedAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		atOnce(50, func(i int) {
			id := itsm.KindApproval.ID(int64(i + 1))
			for n := range 4 {
				assert.NoError(t, b.Record(t.Context(), step(id, n+1, n+1)))
			}
		})
		for i := range 50 {
			events, err := b.Events(t.Context(), itsm.KindApproval.ID(int64(i+1)), 0, 0)
			require.NoError(t, err)
			require.Len(t, events, 4)
		}
	})
}

func TestSameRecordAtOnceIsStoredOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		for _, r := range []itsm.Record{step("APR-1", 1, 2), step("APR-1", 3, 5)} {
			atOnce(16, func(int) { assert.NoError(t, b.Record(t.Context(), r)) })
		}
		assertStored(t, b, step("APR-1", 1, 5))
	})
}

func TestOnlyOneOfManyOutcomesIsStored(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		require.NoError(t, b.Record(t.Context(), opening("APR-1")))
		outcomes := make([]error, 12)
		atOnce(len(outcomes), func(i int) {
			outcomes[i] = b.Record(t.Context(), closing("APR-1", 2, fmt.Sprintf("outcome-%d", i)))
		})
		view, err := b.View(t.Context(), "APR-1")
		require.NoError(t, err)
		for i, err := range outcomes {
			if fmt.Sprintf("outcome-%d", i) == view.Outcome {
				assert.NoError(t, err)
			}
		}
		events, err := b.Events(t.Context(), "APR-1", 0, 0)
		require.NoError(t, err)
		assert.Len(t, events, 2)
	})
}
