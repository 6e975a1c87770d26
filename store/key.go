package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
)

const (
	keyOfCallbacks = "callback"
	keyLength      = 32 // bytes
)

// CallbackKey gives the key that callback URLs are made with: 32 random bytes,
// made at the first use, and from then on the same for every server and worker.
// The database is asked only once.
func (s *Store) CallbackKey(ctx context.Context) ([]byte, error) {
	if known := s.callbackKey.Load(); known != nil {
		return bytes.Clone(*known), nil
	}
	fresh := make([]byte, keyLength)
	_, _ = rand.Read(fresh) // never fails
	var key []byte
	err := s.write(ctx, "callback key", func(q query) error {
		_, err := q.exec(ctx, `INSERT INTO keys (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`, keyOfCallbacks, fresh)
		if err != nil {
			return err
		}
		return q.get(ctx, &key, `SELECT value FROM keys WHERE name = ?`, keyOfCallbacks)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the key of callbacks: %w", err)
	}
	s.callbackKey.Store(&key)
	return bytes.Clone(key), nil
}
