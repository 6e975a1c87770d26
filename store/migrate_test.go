package store_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
)

func TestSchemaGoesUpDownAndUpAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		require.NoError(t, b.Verify(t.Context()))
		applied, err := b.Migrate(t.Context())
		require.NoError(t, err)
		assert.Zero(t, applied, "a second time there is nothing to do")
		mustRecord(t, b.Store, opening("APR-1"))

		require.NoError(t, b.MigrateDown(t.Context()))
		requireCode(t, itsm.CodeSchemaMismatch, b.Verify(t.Context()))

		applied, err = b.Migrate(t.Context())
		require.NoError(t, err)
		assert.Positive(t, applied)
		require.NoError(t, b.Verify(t.Context()))
		mustRecord(t, b.Store, opening("APR-1"))
	})
}

func TestEmptyDatabaseIsToldToMigrateAndLeftAsItIs(t *testing.T) {
	t.Parallel()
	for name, url := range fresh {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := bundle{url: url(t)}
			b.Store = open(t, b.url, store.Options{})
			err := b.Verify(t.Context())
			requireCode(t, itsm.CodeSchemaMismatch, err)
			assert.Contains(t, err.Error(), "steward migrate")
			_, err = b.raw(t).Exec(`SELECT 1 FROM steward_schema`)
			require.Error(t, err, "verifying must not create tables")
		})
	}
}

func TestNewerSchemaIsRefusedAndNotTouched(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		_, err := b.raw(t).Exec(`INSERT INTO steward_schema (version_id, is_applied) VALUES (9999, true)`)
		require.NoError(t, err)
		err = b.Verify(t.Context())
		requireCode(t, itsm.CodeSchemaMismatch, err)
		assert.Contains(t, err.Error(), "newer steward")
		_, err = b.Migrate(t.Context())
		requireCode(t, itsm.CodeSchemaMismatch, err)
	})
}

const migrateVariable = "STEWARD_TEST_MIGRATE"

func TestTwelveProcessesMigrateOneDatabaseAtOnce(t *testing.T) {
	if url := os.Getenv(migrateVariable); url != "" { // one of the twelve
		s := open(t, url, store.Options{MaxConnections: 2})
		_, err := s.Migrate(t.Context())
		require.NoError(t, err)
		require.NoError(t, s.Verify(t.Context()))
		return
	}
	t.Parallel()
	for name, url := range fresh {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := url(t)
			atOnce(12, func(int) {
				migrate := exec.Command(os.Args[0], "-test.run=^"+"TestTwelveProcessesMigrateOneDatabaseAtOnce"+"$")
				migrate.Env = append(os.Environ(), migrateVariable+"="+address)
				said, err := migrate.CombinedOutput()
				assert.NoError(t, err, string(said))
			})
			require.NoError(t, open(t, address, store.Options{}).Verify(t.Context()))
		})
	}
}
