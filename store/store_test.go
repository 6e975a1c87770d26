package store_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/internal/pgtest"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 123456000, time.UTC)

// fresh gives a URL of an empty database, per database that Steward supports.
var fresh = map[string]func(t testing.TB) string{
	"postgres": pgtest.URL,
	"sqlite": func(t testing.TB) string {
		return "sqlite:" + filepath.Join(t.TempDir(), "odd name?#%.db")
	},
}

// bundle is what a test of the suite works with.
type bundle struct {
	*store.Store
	url string
}

// onBoth runs a test of the conformance suite on a migrated PostgreSQL and
// SQLite, each its own.
func onBoth(t *testing.T, test func(t *testing.T, b bundle)) {
	t.Helper()
	t.Parallel()
	for name, url := range fresh {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := bundle{url: url(t)}
			b.Store = open(t, b.url, store.Options{})
			_, err := b.Migrate(t.Context())
			require.NoError(t, err)
			test(t, b)
		})
	}
}

func open(t testing.TB, url string, opts store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url, opts)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

// raw goes past the store, as somebody with access to the database could.
func (b bundle) raw(t *testing.T) *sqlx.DB {
	t.Helper()
	driver, source := "postgres", b.url
	if path, isFile := strings.CutPrefix(b.url, "sqlite:"); isFile {
		driver, source = "sqlite", "file:"+strings.NewReplacer("?", "%3f", "#", "%23", "%", "%25").Replace(path)+"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)"
	}
	db, err := sqlx.Open(driver, source)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	return db
}

// atOnce runs the work so many times at the same moment.
func atOnce(n int, work func(i int)) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			work(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}

// mustRecord records what is the first under its numbers, or a repetition.
func mustRecord(t require.TestingT, s *store.Store, r itsm.Record) {
	earlier, err := s.Record(contextOf(t), r)
	require.NoError(t, err)
	require.Nil(t, earlier, "%s is recorded otherwise", r.Process)
}

func requireConflict(t require.TestingT, b bundle, r itsm.Record) {
	earlier, err := b.Record(contextOf(t), r)
	require.Equal(t, itsm.CodeRecordConflict, itsm.ErrorCode(err), "%v", err)
	require.Nil(t, earlier)
}

func requireCode(t *testing.T, want itsm.Code, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, want, itsm.ErrorCode(err), err.Error())
}

func TestOpenRefusesWhatIsNoDatabaseWithoutRepeatingIt(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "mysql://u:hunter2@h/d", "sqlite:", "hunter2",
		"postgres://u:hunter2@h:port/d", "postgres://u:hunter2%zz@h/d", "postgres://u:hunter2@h/d?sslmode=sideways",
	} {
		_, err := store.Open(t.Context(), url, store.Options{})
		requireCode(t, itsm.CodeInvalid, err)
		assert.NotContains(t, err.Error(), "hunter2")
	}
}

func TestMemoryDatabaseWorks(t *testing.T) {
	t.Parallel()
	s := open(t, "sqlite::memory:", store.Options{})
	_, err := s.Migrate(t.Context())
	require.NoError(t, err)
	mustRecord(t, s, opening("APR-1"))
	_, err = s.View(t.Context(), "APR-1")
	require.NoError(t, err)
}

func TestEveryStatementIsCountedAndObserved(t *testing.T) {
	t.Parallel()
	var seen []string
	s := open(t, "sqlite::memory:", store.Options{Observe: func(operation string, took time.Duration, err error) {
		assert.GreaterOrEqual(t, took, time.Duration(0))
		if err == nil {
			seen = append(seen, operation)
		}
	}})
	require.NoError(t, s.Ping(t.Context()))
	require.NoError(t, s.Ping(t.Context()))
	assert.Equal(t, []string{"ping", "ping"}, seen)
	assert.EqualValues(t, 2, s.Statements())
}

func TestDatabaseThatIsAwayIsUnavailableAndComesBack(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	s := open(t, cluster.URL(), store.Options{})
	_, err := s.Migrate(t.Context())
	require.NoError(t, err)
	mustRecord(t, s, opening("APR-1"))

	cluster.Stop(t)
	for name, call := range map[string]func() error{
		"ping":   func() error { return s.Ping(t.Context()) },
		"record": func() error { _, err := s.Record(t.Context(), opening("APR-2")); return err },
		"view":   func() error { _, err := s.View(t.Context(), "APR-1"); return err },
		"verify": func() error { return s.Verify(t.Context()) },
	} {
		err := call()
		require.Error(t, err, name)
		assert.True(t, store.IsUnavailable(err), "%s: %v", name, err)
	}

	cluster.Start(t)
	mustRecord(t, s, opening("APR-2"))
	mustRecord(t, s, opening("APR-1"))
	_, err = s.View(t.Context(), "APR-2")
	require.NoError(t, err)
}

func TestMissingAndWrongAreNotUnavailable(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		_, err := b.View(t.Context(), "APR-404")
		requireCode(t, itsm.CodeNotFound, err)
		assert.False(t, store.IsUnavailable(err))

		wrong := opening("APR-1")
		wrong.View.Kind = "party"
		_, err = b.Record(t.Context(), wrong)
		requireCode(t, itsm.CodeRecordConflict, err)
		assert.False(t, store.IsUnavailable(err))
		assert.False(t, store.IsUnavailable(nil))
	})
}

func TestTextThatNoDatabaseHoldsFindsNothingAndBreaksNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		for _, text := range []string{"a\x00b", "a\xffb"} {
			_, err := b.View(t.Context(), text)
			require.Contains(t, []itsm.Code{itsm.CodeNotFound, itsm.CodeInvalid}, itsm.ErrorCode(err))
			_, err = b.Definition(t.Context(), "Person", text, "")
			require.Contains(t, []itsm.Code{itsm.CodeNotFound, itsm.CodeInvalid}, itsm.ErrorCode(err))
		}
	})
}

func TestCancelledCallsEnd(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := b.Record(ctx, opening("APR-1"))
		require.ErrorIs(t, err, context.Canceled)
		mustRecord(t, b.Store, opening("APR-1"))
	})
}
