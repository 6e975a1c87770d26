package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/internal/pgtest"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
)

// contextOf gives the test's context, or one without end to a property.
func contextOf(t any) context.Context {
	if owner, ok := t.(interface{ Context() context.Context }); ok {
		return owner.Context()
	}
	return context.Background()
}

func TestManyProcessesAreRecordedAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		atOnce(50, func(i int) {
			id := itsm.KindApproval.ID(int64(i + 1))
			for n := range 4 {
				assertFirst(t, b, step(id, n+1, n+1))
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
			atOnce(16, func(int) { assertFirst(t, b, r) })
		}
		assertStored(t, b, step("APR-1", 1, 5))
	})
}

// assertFirst is mustRecord for goroutines.
func assertFirst(t assert.TestingT, b bundle, r itsm.Record) {
	earlier, err := b.Record(contextOf(t), r)
	assert.NoError(t, err)
	assert.Nil(t, earlier)
}

func TestOneOfManyOutcomesIsStoredAndAllAreToldIt(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustRecord(t, b.Store, opening("APR-1"))
		tries := make([]itsm.Record, 12)
		for i := range tries {
			tries[i] = try(closing("APR-1", 2, fmt.Sprintf("outcome-%d", i)), i)
		}
		winner := winnerOf(t, b, tries)
		whole := tries[winner]
		whole.Events = slices.Concat(opening("APR-1").Events, whole.Events)
		assertStored(t, b, whole)
	})
}

// try gives the record the content of one of several tries.
func try(r itsm.Record, n int) itsm.Record {
	for i := range r.Events {
		r.Events[i].Comment = fmt.Sprintf("try %d", n)
		r.Events[i].Answer, r.Events[i].Tell = answered(r.Events[i].Number)
	}
	r.Snapshot = fmt.Appendf(nil, `{"after":%d,"try":%d}`, r.View.LastEvent, n)
	r.View.Summary = fmt.Sprintf("Oscilloscope by try %d", n)
	r.Inbox = slices.Clone(r.Inbox[:min(n%3, len(r.Inbox))])
	return r
}

// winnerOf makes all tries at once. One is recorded, and every other is told
// exactly that one.
func winnerOf(t require.TestingT, b bundle, tries []itsm.Record) int {
	found, errs := make([]*itsm.Earlier, len(tries)), make([]error, len(tries))
	atOnce(len(tries), func(i int) { found[i], errs[i] = b.Record(contextOf(t), tries[i]) })
	for _, err := range errs {
		require.NoError(t, err)
	}
	winner := slices.Index(found, nil)
	require.NotEqual(t, -1, winner, "no try is recorded")
	for i, told := range found {
		if i != winner {
			require.Equal(t, &itsm.Earlier{Events: tries[winner].Events, Snapshot: tries[winner].Snapshot}, told)
		}
	}
	return winner
}

func TestFirstOfManyTriesAtOnceStands(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		processes := 0
		rapid.Check(t, func(t *rapid.T) {
			processes++
			whole := itsm.Record{Process: fmt.Sprintf("INC-%d", processes)}
			for range rapid.IntRange(1, 3).Draw(t, "steps") {
				first := len(whole.Events) + 1
				tries := make([]itsm.Record, rapid.IntRange(2, 8).Draw(t, "tries"))
				for i := range tries {
					length := rapid.IntRange(1, 3).Draw(t, "events")
					tries[i] = try(step(whole.Process, first, first+length-1), i)
				}
				won := tries[winnerOf(t, b, tries)]
				whole.Events, whole.View, whole.Inbox = append(whole.Events, won.Events...), won.View, won.Inbox
				assertStored(t, b, whole)
			}
			mustRecord(t, b.Store, closing(whole.Process, len(whole.Events)+1, "resolved")) // leaves the inboxes empty
		})
	})
}

// While a process goes on, a try left over from its beginning always sees one
// moment: the snapshot is that of the newest event that it is told.
func TestEarlierIsOfOneMoment(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		const steps = 60
		mustRecord(t, b.Store, opening("APR-1"))
		atOnce(4, func(i int) {
			for n := 2; n <= steps; n++ {
				if i == 0 {
					assertFirst(t, b, step("APR-1", n, n))
					continue
				}
				told, err := b.Record(t.Context(), try(opening("APR-1"), i))
				if assert.NoError(t, err) && assert.NotNil(t, told) {
					assert.Equal(t, step("APR-1", 1, len(told.Events)).Events, told.Events)
					assert.Equal(t, step("APR-1", 1, len(told.Events)).Snapshot, told.Snapshot)
				}
			}
		})
		assertStored(t, b, step("APR-1", 1, steps))
	})
}

// migrated gives a PostgreSQL. A SQLite file has one writer at a time, so that
// nothing there comes between the statements of a transaction.
func migrated(t *testing.T) bundle {
	t.Helper()
	b := bundle{url: pgtest.URL(t)}
	b.Store = open(t, b.url, store.Options{})
	_, err := b.Migrate(t.Context())
	require.NoError(t, err)
	return b
}

// waitsForALock tells whether a statement waits for another transaction.
func waitsForALock(t assert.TestingT, raw *sqlx.DB) bool {
	var waiting int
	assert.NoError(t, raw.Get(&waiting, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`))
	return waiting > 0
}

func TestProcessStandsStillWhileALaterTryIsTold(t *testing.T) {
	t.Parallel()
	b := migrated(t)
	mustRecord(t, b.Store, opening("APR-1"))
	raw, statements, done := b.raw(t), 0, make(chan error, 1)
	goOn := func() {
		go func() {
			_, err := b.Record(t.Context(), step("APR-1", 2, 2))
			done <- err
		}()
		assert.Eventually(t, func() bool { return len(done) > 0 || waitsForALock(t, raw) }, time.Minute, 5*time.Millisecond)
	}
	slow := open(t, b.url, store.Options{Observe: func(string, time.Duration, error) {
		if statements++; statements == 2 { // it has read the snapshot, and will read the journal
			goOn()
		}
	}})
	told, err := slow.Record(t.Context(), try(opening("APR-1"), 1))
	require.NoError(t, err)
	require.NoError(t, <-done)
	assert.Equal(t, &itsm.Earlier{Events: opening("APR-1").Events, Snapshot: opening("APR-1").Snapshot}, told)
	assertStored(t, b, step("APR-1", 1, 2))
}

// A step may begin before the one that it follows is committed, when the answer
// to that one came too late for its sender.
func TestStepThatMeetsItsPredecessorInCommitIsNoGap(t *testing.T) {
	t.Parallel()
	b := migrated(t)
	mustRecord(t, b.Store, opening("APR-1"))
	raw := b.raw(t)
	before, err := raw.Beginx()
	require.NoError(t, err)
	_, err = before.Exec(`UPDATE views SET recorded = 2 WHERE id = 'APR-1'`)
	require.NoError(t, err)

	done := make(chan error, 1)
	go func() {
		_, err := b.Record(t.Context(), step("APR-1", 3, 3))
		done <- err
	}()
	assert.Eventually(t, func() bool { return waitsForALock(t, raw) }, time.Minute, 5*time.Millisecond)
	require.NoError(t, before.Commit())
	require.NoError(t, <-done)
}
