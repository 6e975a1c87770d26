package store_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
)

// A stream must read in an order in which nothing is passed over, although
// positions are given out before the commit.
func TestStreamNeverPassesOverAnEventThatCommitsLate(t *testing.T) {
	t.Parallel()
	b := migrated(t)
	late, err := b.raw(t).Beginx()
	require.NoError(t, err)
	_, err = late.Exec(`INSERT INTO journal (process, number, at, type, actor, key, body)
		VALUES ('APR-1', 1, 0, 'opened', 'person:raj', '', '{"process": "APR-1", "number": 1}')`)
	require.NoError(t, err)
	mustRecord(t, b.Store, opening("APR-2"))

	page, err := b.Stream(t.Context(), store.StreamStart, store.StreamFilter{}, 0)
	require.NoError(t, err)
	assert.Empty(t, page.Events, "APR-2 is committed, but is held back until the earlier one is decided")
	end, err := b.StreamEnd(t.Context())
	require.NoError(t, err)
	require.NoError(t, late.Commit())
	assert.Equal(t, []string{"APR-1/1", "APR-2/1"}, follow(t, b, end, store.StreamFilter{}, 2), "the end was before both")
}

func TestStreamHasEveryEventOnceWhileManyWrite(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		const processes, steps = 8, 6
		var writers sync.WaitGroup
		for p := range processes {
			writers.Go(func() {
				for n := range steps {
					_, err := b.Record(t.Context(), step(itsm.KindApproval.ID(int64(p+1)), 2*n+1, 2*n+2))
					assert.NoError(t, err)
				}
			})
		}
		got := follow(t, b, store.StreamStart, store.StreamFilter{}, processes*steps*2)
		writers.Wait()
		var want []string
		for p := range processes {
			of := itsm.KindApproval.ID(int64(p + 1))
			for n := range steps * 2 {
				want = append(want, fmt.Sprintf("%s/%d", of, n+1))
			}
			assert.Equal(t, want[p*steps*2:], slices.DeleteFunc(slices.Clone(got), func(id string) bool {
				return id[:len(of)+1] != of+"/"
			}), "a process's events come in their order")
		}
		assert.ElementsMatch(t, want, got)
	})
}

func TestStreamGoesOnAfterACursor(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustRecord(t, b.Store, step("APR-1", 1, 3))
		mustRecord(t, b.Store, step("APR-2", 1, 2))
		follow(t, b, store.StreamStart, store.StreamFilter{}, 5)
		whole, err := b.Stream(t.Context(), store.StreamStart, store.StreamFilter{}, 0)
		require.NoError(t, err)
		require.Len(t, whole.Events, 5)
		assert.Equal(t, whole.Events[4].Cursor, whole.Next)
		end, err := b.StreamEnd(t.Context())
		require.NoError(t, err)
		assert.Equal(t, whole.Next, end)
		for i, e := range whole.Events {
			rest, err := b.Stream(t.Context(), e.Cursor, store.StreamFilter{}, 0)
			require.NoError(t, err)
			assert.Equal(t, whole.Events[i+1:], append([]store.StreamEvent{}, rest.Events...))
			assert.Equal(t, end, rest.Next)
		}
	})
}

func TestStreamOfSomeEventsStillMovesOnOverTheOthers(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustRecord(t, b.Store, step("APR-1", 1, 3))
		mustRecord(t, b.Store, step("CHG-1", 1, 2))
		follow(t, b, store.StreamStart, store.StreamFilter{}, 5)
		for _, c := range []struct {
			filter store.StreamFilter
			want   []string
		}{
			{store.StreamFilter{Process: "APR-1"}, []string{"APR-1/1", "APR-1/2", "APR-1/3"}},
			{store.StreamFilter{Process: "CHG-1", Kinds: []itsm.Kind{itsm.KindApproval}}, nil},
			{store.StreamFilter{Kinds: []itsm.Kind{itsm.KindTransition, itsm.KindIncident}}, []string{"CHG-1/1", "CHG-1/2"}},
			{store.StreamFilter{Types: []itsm.EventType{"decision.made"}}, []string{"APR-1/1", "APR-1/2", "APR-1/3", "CHG-1/1", "CHG-1/2"}},
			{store.StreamFilter{Types: []itsm.EventType{"stage.opened"}}, nil},
		} {
			page, err := b.Stream(t.Context(), store.StreamStart, c.filter, 0)
			require.NoError(t, err)
			assert.Equal(t, c.want, ids(page.Events))
			again, err := b.Stream(t.Context(), page.Next, c.filter, 0)
			require.NoError(t, err)
			assert.Empty(t, again.Events)
			assert.Equal(t, page.Next, again.Next)
		}
		page, err := b.Stream(t.Context(), store.StreamStart, store.StreamFilter{Kinds: []itsm.Kind{itsm.KindTransition}}, 2)
		require.NoError(t, err)
		assert.Empty(t, page.Events, "the first two are of an approval")
		page, err = b.Stream(t.Context(), page.Next, store.StreamFilter{Kinds: []itsm.Kind{itsm.KindTransition}}, 2)
		require.NoError(t, err)
		assert.Equal(t, []string{"CHG-1/1"}, ids(page.Events))
	})
}

func TestStreamHidesWhatIsForTheProcessItself(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		r := opening("APR-1")
		r.Events[0].Answer = &itsm.Receipt{Process: "APR-1", Fingerprint: "f00d"}
		r.Events[0].Tell = []itsm.Notice{{Event: 1, To: []string{"maria"}}}
		mustRecord(t, b.Store, r)
		follow(t, b, store.StreamStart, store.StreamFilter{}, 1)
		page, err := b.Stream(t.Context(), store.StreamStart, store.StreamFilter{}, 0)
		require.NoError(t, err)
		require.Len(t, page.Events, 1)
		r.Events[0].Answer, r.Events[0].Tell = nil, nil
		assert.Equal(t, r.Events[0], page.Events[0].Event)
	})
}

func TestCursorOfNoStreamIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		for _, cursor := range []string{"", "1", "1.", ".1", "-1.2", "01.2", "1.2.3", "1.9999999999999999999", "a.b", "1.2\x00", " 1.2"} {
			_, err := b.Stream(t.Context(), cursor, store.StreamFilter{}, 0)
			requireCode(t, itsm.CodeInvalid, err)
		}
		end, err := b.StreamEnd(t.Context())
		require.NoError(t, err)
		page, err := b.Stream(t.Context(), end, store.StreamFilter{}, 0)
		require.NoError(t, err)
		assert.Equal(t, store.StreamPage{Next: end}, page, "the end of an empty journal is a cursor")
	})
}

// A dump that is restored into a younger cluster has events of transactions
// that are still to come there; docs/operations.md says how to pass over them.
func TestRestoredJournalStreamsOnceTheClusterIsAsOld(t *testing.T) {
	t.Parallel()
	b := migrated(t)
	raw := b.raw(t)
	_, err := raw.Exec(`INSERT INTO journal (xact, process, number, at, type, actor, key, body)
		VALUES (pg_current_xact_id()::text::bigint + 5000, 'APR-1', 1, 0, 'opened', 'person:raj', '', '{"process": "APR-1", "number": 1}')`)
	require.NoError(t, err)
	page, err := b.Stream(t.Context(), store.StreamStart, store.StreamFilter{}, 0)
	require.NoError(t, err)
	require.Empty(t, page.Events)
	manual, err := os.ReadFile("../docs/operations.md")
	require.NoError(t, err)
	statement := regexp.MustCompile(`(?s)DO \$\$.*?\$\$;`).FindString(string(manual))
	_, err = raw.Exec(statement)
	require.NoError(t, err)
	mustRecord(t, b.Store, opening("APR-2"))
	assert.Equal(t, []string{"APR-1/1", "APR-2/1"}, follow(t, b, store.StreamStart, store.StreamFilter{}, 2))
}

// follow reads until there are so many events. Transactions of other tests on
// the same PostgreSQL may hold them back for a while.
func follow(t *testing.T, b bundle, cursor string, f store.StreamFilter, want int) (got []string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		page, err := b.Stream(t.Context(), cursor, f, 7)
		if !assert.NoError(c, err) {
			return
		}
		cursor = page.Next
		got = append(got, ids(page.Events)...)
		assert.GreaterOrEqual(c, len(got), want)
	}, time.Minute, time.Millisecond)
	return got
}

func ids(events []store.StreamEvent) (all []string) {
	for _, e := range events {
		all = append(all, fmt.Sprintf("%s/%d", e.Event.Process, e.Event.Number))
	}
	return all
}
