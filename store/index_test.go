package store_test

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
)

// crowd fills the schedule by hand with transitions that are over and some that
// are to come: one an hour, of ten services that all need the same database.
func crowd(t *testing.T, raw *sqlx.DB, over, toCome int) {
	t.Helper()
	const n = `WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < CAST($1 AS BIGINT)) `
	first, hour := noon.Add(-time.Duration(over)*time.Hour).UnixMicro(), time.Hour.Microseconds()
	for _, insert := range []struct {
		statement string
		args      []any
	}{
		{n + `INSERT INTO views (id, kind, state, outcome, requester, service, opened, recorded, body, line, snapshot)
			SELECT 'CHG-' || i, 'transition', 'open', '', 'person:raj', 'service-' || i % 10, 0, 1, '{}', '{}', '{}' FROM n`, []any{over + toCome}},
		{n + `INSERT INTO slots (process, title, service, starts, ends, exclusive, held, body)
			SELECT 'CHG-' || i, '', 'service-' || i % 10, CAST($2 AS BIGINT) + i * CAST($3 AS BIGINT), CAST($2 AS BIGINT) + (i + 1) * CAST($3 AS BIGINT),
				TRUE, i > CAST($4 AS BIGINT), '{}' FROM n`, []any{over + toCome, first, hour, over}},
		{`INSERT INTO slot_services (process, service, own, starts, ends) SELECT process, service, TRUE, starts, ends FROM slots WHERE held`, nil},
		{`INSERT INTO slot_services (process, service, own, starts, ends) SELECT process, 'database', FALSE, starts, ends FROM slots WHERE held`, nil},
		{`ANALYZE`, nil},
	} {
		_, err := raw.Exec(insert.statement, insert.args...)
		require.NoError(t, err)
	}
}

// questions are what is asked of the schedule, a month after noon.
func questions(t *testing.T) map[string]store.Question {
	t.Helper()
	soon := noon.Add(30 * 24 * time.Hour)
	slot := itsm.Slot{Process: "CHG-0", Service: "service-3", Needs: []string{"database"}, Start: soon, End: soon.Add(4 * time.Hour)}
	onDatabase := slot
	onDatabase.Service = "database"
	return map[string]store.Question{
		"conflicts of a service":                store.ConflictsQuestion(slot),
		"conflicts of one that all others need": store.ConflictsQuestion(onDatabase),
		"calendar":                              store.CalendarFilter{From: soon, To: soon.Add(24 * time.Hour)}.Question(),
		"calendar of a service":                 store.CalendarFilter{From: soon, To: soon.Add(24 * time.Hour), Service: "service-3"}.Question(),
	}
}

// Counted in pages of tables and indexes, which no machine makes faster.
func TestPastCostsTheScheduleNothing(t *testing.T) {
	t.Parallel()
	few, many := pagesRead(t, 100), pagesRead(t, 20_000)
	for name, pages := range few {
		assert.InDelta(t, pages, many[name], 30, name)
	}
}

// pagesRead tells how many pages PostgreSQL touches for each question, with so
// many transitions that are over and 5,000 to come.
func pagesRead(t *testing.T, over int) map[string]int {
	t.Helper()
	raw := migrated(t).raw(t)
	crowd(t, raw, over, 5_000)
	pages := map[string]int{}
	for name, q := range questions(t) {
		pages[name] = pagesOf(t, raw, q)
	}
	return pages
}

func pagesOf(t *testing.T, raw *sqlx.DB, q store.Question) int {
	t.Helper()
	var text string
	require.NoError(t, raw.Get(&text, `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) `+raw.Rebind(q.Statement), q.Args...))
	var explained []struct {
		Plan struct {
			Hit  int `json:"Shared Hit Blocks"`
			Read int `json:"Shared Read Blocks"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(text), &explained))
	return explained[0].Plan.Hit + explained[0].Plan.Read
}

func TestListsAreReadByTheirIndexes(t *testing.T) {
	t.Parallel()
	b := bundle{url: fresh["sqlite"](t)}
	b.Store = open(t, b.url, store.Options{})
	_, err := b.Migrate(t.Context())
	require.NoError(t, err)
	all := questions(t)
	maps.Copy(all, stormQuestions)
	for name, q := range all {
		var steps []struct {
			ID, Parent, Notused int
			Detail              string
		}
		require.NoError(t, b.raw(t).Select(&steps, `EXPLAIN QUERY PLAN `+q.Statement, q.Args...))
		require.NotEmpty(t, steps)
		for _, step := range steps {
			assert.NotRegexp(t, `^SCAN (slots|slot_services|views|maintenances)`, step.Detail, name)
		}
	}
}

// storm fills the views by hand with incidents of one service that are open, and
// as many maintenances of it that are over.
func storm(t *testing.T, raw *sqlx.DB, incidents int) {
	t.Helper()
	const n = `WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < CAST($1 AS BIGINT)) `
	for _, statement := range []string{
		n + `INSERT INTO views (id, kind, state, outcome, requester, service, opened, recorded, body, line, snapshot)
			SELECT 'INC-' || i, 'incident', 'open', '', 'person:raj', 'payments', 0, 1, '{}', '{}', '{}' FROM n`,
		n + `INSERT INTO maintenances (id, service, starts, ends, reason, entered_by, entered_at)
			SELECT 'MNT-' || i, 'payments', i, i + 1, '', 'person:raj', 0 FROM n`,
	} {
		_, err := raw.Exec(statement, incidents)
		require.NoError(t, err)
	}
	_, err := raw.Exec(`ANALYZE`)
	require.NoError(t, err)
}

var stormQuestions = map[string]store.Question{
	"transitions":                  store.TransitionsQuestion("payments"),
	"maintenances":                 store.MaintenanceFilter{From: noon}.Question(),
	"maintenances of a service":    store.MaintenanceFilter{From: noon, Service: "payments"}.Question(),
	"maintenance of a service now": store.MaintenanceAtQuestion("payments", noon),
}

func TestStormOfIncidentsDoesNotSlowWhatEachOfThemAsks(t *testing.T) {
	t.Parallel()
	raw := migrated(t).raw(t)
	storm(t, raw, 20_000)
	for name, q := range stormQuestions {
		assert.Less(t, pagesOf(t, raw, q), 10, name)
	}
}
