//go:build unix

package pgtest_test

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/internal/pgtest"
)

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	t.Parallel()
	first, second := open(t, pgtest.URL(t)), open(t, pgtest.URL(t))
	_, err := first.Exec(`CREATE TABLE mine (n INT)`)
	require.NoError(t, err)

	var exists bool
	require.NoError(t, second.QueryRow(`SELECT to_regclass('mine') IS NOT NULL`).Scan(&exists))
	require.False(t, exists)
}

func TestClusterGoesAwayAndComesBackWithWhatWasCommitted(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	db := open(t, cluster.URL())
	_, err := db.Exec(`CREATE TABLE kept AS SELECT 7 AS n`)
	require.NoError(t, err)

	cluster.Stop(t)
	require.Error(t, db.Ping())

	cluster.Start(t)
	var n int
	require.NoError(t, db.QueryRow(`SELECT n FROM kept`).Scan(&n))
	require.Equal(t, 7, n)
}

func open(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}
