package store_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
)

func upload(name string, content []byte) store.File {
	return store.File{Name: name, Media: "text/plain", Content: content, By: itsm.Person("alice"), At: noon}
}

func digestOf(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }

func TestFileComesBackAsItWasUploaded(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		for name, content := range map[string][]byte{"log.txt": []byte("all 12 tests passed\n"), "raw": {0, 255, 0}} {
			given := upload(name, content)
			given.Digest, given.Size = "sha256:forged", 1
			stored, err := b.PutFile(t.Context(), given)
			require.NoError(t, err)
			given.Digest, given.Size = digestOf(content), int64(len(content))
			assert.Equal(t, given, stored)
			found, err := b.File(t.Context(), stored.Digest)
			require.NoError(t, err)
			assert.Equal(t, stored, found)
		}
		for _, nothing := range [][]byte{nil, {}} {
			stored, err := b.PutFile(t.Context(), upload("nothing", nothing))
			require.NoError(t, err)
			found, err := b.File(t.Context(), stored.Digest)
			require.NoError(t, err)
			assert.Empty(t, found.Content)
		}
		_, err := b.File(t.Context(), "sha256:forged")
		requireCode(t, itsm.CodeNotFound, err)
	})
}

func TestSameContentIsOneFileAndTheFirstUploadStays(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		content := []byte("evidence")
		first, err := b.PutFile(t.Context(), upload("first.txt", content))
		require.NoError(t, err)
		again := upload("second.txt", content)
		again.By, again.At = itsm.Person("bob"), noon.Add(time.Hour)
		atOnce(8, func(int) {
			stored, err := b.PutFile(t.Context(), again)
			assert.NoError(t, err)
			assert.Equal(t, first, stored)
		})
	})
}

func TestSizesAreToldOfFilesThatExist(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		asked := []string{"sha256:unknown"}
		want := map[string]store.FileInfo{}
		for n := range 3 {
			f, err := b.PutFile(t.Context(), upload(fmt.Sprint(n), make([]byte, n)))
			require.NoError(t, err)
			asked = append(asked, f.Digest)
			want[f.Digest] = store.FileInfo{Name: fmt.Sprint(n), Size: int64(n)}
		}
		found, err := b.FileSizes(t.Context(), asked...)
		require.NoError(t, err)
		assert.Equal(t, want, found)
		none, err := b.FileSizes(t.Context())
		require.NoError(t, err)
		assert.Empty(t, none)
	})
}

func TestDatabaseItselfKeepsFiles(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		stored, err := b.PutFile(t.Context(), upload("log.txt", []byte("evidence")))
		require.NoError(t, err)
		for _, statement := range []string{
			`UPDATE files SET content = ''`, `DELETE FROM files`,
			`INSERT INTO files (digest, name, media, size, content, uploaded_by, uploaded_at) SELECT 'sha256:other', name, media, 99, content, uploaded_by, uploaded_at FROM files`,
		} {
			_, err := b.raw(t).Exec(statement)
			require.Error(t, err, statement)
		}
		found, err := b.File(t.Context(), stored.Digest)
		require.NoError(t, err)
		assert.Equal(t, stored, found)
	})
}

func TestEveryServerHasTheSameCallbackKey(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		keys := make([][]byte, 8)
		atOnce(len(keys), func(i int) {
			s := open(t, b.url, store.Options{MaxConnections: 2})
			key, err := s.CallbackKey(t.Context())
			assert.NoError(t, err)
			keys[i] = key
		})
		mine, err := b.CallbackKey(t.Context())
		require.NoError(t, err)
		assert.Len(t, mine, 32)
		assert.NotEqual(t, make([]byte, 32), mine)
		for _, key := range keys {
			assert.Equal(t, mine, key)
		}
	})
}

func TestCallbackKeyIsReadOnceAndIsAnotherInEachDatabase(t *testing.T) {
	t.Parallel()
	var keys [2][]byte
	for i := range keys {
		s := open(t, "sqlite::memory:", store.Options{})
		_, err := s.Migrate(t.Context())
		require.NoError(t, err)
		keys[i], err = s.CallbackKey(t.Context())
		require.NoError(t, err)
		before := s.Statements()
		again, err := s.CallbackKey(t.Context())
		require.NoError(t, err)
		assert.Equal(t, before, s.Statements())
		again[0]++ // what a caller does with its copy is its own affair
		third, err := s.CallbackKey(t.Context())
		require.NoError(t, err)
		assert.Equal(t, keys[i], third)
	}
	assert.NotEqual(t, keys[0], keys[1])
}
