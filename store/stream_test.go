package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The journal's columns must let a stream read in an order in which nothing is
// passed over, although positions are given out before the commit.
func TestStreamNeverPassesOverAnEventThatCommitsLate(t *testing.T) {
	t.Parallel()
	b := migrated(t)
	raw := b.raw(t)
	stream := func(columns string) (processes []string) {
		require.NoError(t, raw.Select(&processes, `SELECT process FROM journal WHERE `+columns+` ORDER BY xact, position`))
		return processes
	}
	const settled = `xact < pg_snapshot_xmin(pg_current_snapshot())::text::bigint`

	late, err := raw.Beginx()
	require.NoError(t, err)
	_, err = late.Exec(`INSERT INTO journal (process, number, at, type, actor, key, body) VALUES ('APR-1', 1, 0, 'opened', 'person:raj', '', '{}')`)
	require.NoError(t, err)
	mustRecord(t, b.Store, opening("APR-2"))

	assert.Equal(t, []string{"APR-2"}, stream(`true`), "it is committed, and has the greater position")
	assert.Empty(t, stream(settled), "but is held back until the earlier one is decided")
	require.NoError(t, late.Commit())
	assert.EventuallyWithT(t, func(t *assert.CollectT) { // transactions of other tests on the server hold it back too
		assert.Equal(t, []string{"APR-1", "APR-2"}, stream(settled))
	}, time.Minute, 10*time.Millisecond)
}
