package embedded_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/embedded"
)

func TestDataFolderInUseIsRefusedByNameOfTheProcess(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "data")
	first, err := embedded.Lock(dir)
	require.NoError(t, err)

	_, err = embedded.Lock(dir)
	assert.EqualError(t, err, "data folder "+strconv.Quote(dir)+" is in use by process "+strconv.Itoa(os.Getpid())+
		"; stop it, or choose another with --data")

	require.NoError(t, first.Unlock())
	second, err := embedded.Lock(dir)
	require.NoError(t, err, "free again")
	require.NoError(t, second.Unlock())
}

func TestLockLeftByADeadProcessIsTaken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "steward.lock"), []byte("4194304123\n"), 0o600))
	lock, err := embedded.Lock(dir)
	require.NoError(t, err)
	defer func() { assert.NoError(t, lock.Unlock()) }()
	text, err := os.ReadFile(filepath.Join(dir, "steward.lock"))
	require.NoError(t, err)
	assert.Equal(t, strconv.Itoa(os.Getpid())+"\n", string(text))
}
