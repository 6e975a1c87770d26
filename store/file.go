package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/steward-itsm/steward/itsm"
)

// File is an uploaded piece of evidence. It never changes.
type File struct {
	Digest  string // of the content: "sha256:" and 64 hex digits
	Name    string
	Media   string // its media type, as the uploader gave it
	Size    int64  // in bytes
	Content []byte
	By      itsm.Actor
	At      time.Time // UTC
}

// FileInfo is a file without its content.
type FileInfo struct {
	Name string
	Size int64 // in bytes
}

// PutFile stores a file under the digest of its content, and gives it as it is
// stored; its Digest and Size are worked out, whatever the caller set. Of the
// same content the first upload stays, with its name, uploader and time.
func (s *Store) PutFile(ctx context.Context, f File) (File, error) {
	sum := sha256.Sum256(f.Content)
	f.Digest, f.Size, f.At = "sha256:"+hex.EncodeToString(sum[:]), int64(len(f.Content)), kept(f.At)
	if f.Content == nil {
		f.Content = []byte{} // an empty file is no NULL
	}
	stored := f
	err := s.write(ctx, "put file", func(q query) error {
		inserted, err := q.exec(ctx, `INSERT INTO files (digest, name, media, size, content, uploaded_by, uploaded_at) VALUES `+tuples(1, 7)+` ON CONFLICT (digest) DO NOTHING`,
			f.Digest, f.Name, f.Media, f.Size, f.Content, f.By.String(), micros(f.At))
		if err == nil && inserted == 0 {
			stored, err = q.file(ctx, f.Digest)
		}
		return err
	})
	if err != nil {
		return File{}, fmt.Errorf("storing a file: %w", err)
	}
	return stored, nil
}

// File gives the file with a digest; itsm.CodeNotFound where there is none.
func (s *Store) File(ctx context.Context, digest string) (File, error) {
	found, err := s.read("file").file(ctx, digest)
	if err != nil {
		return File{}, missing(err, "there is no file %s; upload it first", digest)
	}
	return found, nil
}

func (q query) file(ctx context.Context, digest string) (File, error) {
	var row fileRow
	err := q.get(ctx, &row, `SELECT digest, name, media, size, content, uploaded_by, uploaded_at FROM files WHERE digest = ?`, digest)
	if err != nil {
		return File{}, err
	}
	return row.file()
}

// FileSizes tells of files without reading them. Those that do not exist are
// left out.
func (s *Store) FileSizes(ctx context.Context, digests ...string) (map[string]FileInfo, error) {
	found := make(map[string]FileInfo, len(digests))
	for chunk := range chunks(digests) {
		args := make([]any, 0, len(chunk))
		for _, digest := range chunk {
			args = append(args, digest)
		}
		var rows []fileRow
		err := s.read("file sizes").list(ctx, &rows, `SELECT digest, name, size FROM files WHERE digest IN `+tuples(1, len(chunk)), args...)
		if err != nil {
			return nil, fmt.Errorf("looking for files: %w", err)
		}
		for _, row := range rows {
			found[row.Digest] = FileInfo{row.Name, row.Size}
		}
	}
	return found, nil
}

type fileRow struct {
	Digest     string `db:"digest"`
	Name       string `db:"name"`
	Media      string `db:"media"`
	Size       int64  `db:"size"`
	Content    []byte `db:"content"`
	UploadedBy string `db:"uploaded_by"`
	UploadedAt int64  `db:"uploaded_at"`
}

func (r fileRow) file() (File, error) {
	by, err := parseActor(r.UploadedBy)
	return File{
		Digest: r.Digest, Name: r.Name, Media: r.Media, Size: r.Size, Content: r.Content,
		By: by, At: fromMicros(r.UploadedAt),
	}, err
}
