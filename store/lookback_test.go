package store_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
)

func TestWhoIsBehindIsGivenAllThatIsRecordedSince(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		steps := []itsm.Record{opening("APR-1"), try(step("APR-1", 2, 3), 1), try(step("APR-1", 4, 4), 1)}
		for _, r := range steps {
			mustRecord(t, b.Store, r)
		}
		since, err := b.Since(t.Context(), "APR-1", 1)
		require.NoError(t, err)
		assert.Equal(t, &itsm.Earlier{Events: slices.Concat(steps[1].Events, steps[2].Events), Snapshot: steps[2].Snapshot}, since)
		for process, after := range map[string]int{"APR-1": 4, "APR-2": 0} {
			since, err := b.Since(t.Context(), process, after)
			require.NoError(t, err)
			assert.Nil(t, since, "%s has nothing after %d", process, after)
		}
	})
}

func TestLatestAreTheProcessesOfTheNewestEvents(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		none, err := b.Latest(t.Context(), 10)
		require.NoError(t, err)
		assert.Empty(t, none)
		for _, r := range []itsm.Record{
			opening("APR-1"), opening("APR-2"), opening("APR-3"), step("APR-1", 2, 3), closing("APR-3", 2, "approved"),
		} {
			mustRecord(t, b.Store, r)
		}
		latest, err := b.Latest(t.Context(), 3)
		require.NoError(t, err)
		assert.ElementsMatch(t, []store.Head{
			{Process: "APR-1", Number: 3, State: itsm.StateOpen}, {Process: "APR-3", Number: 2, State: itsm.StateClosed},
		}, latest)
	})
}
