package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
)

// Options are what an operator may set. The zero value is fit for use.
type Options struct {
	// MaxConnections to PostgreSQL, or readers of a SQLite file; 16 where it is 0.
	MaxConnections int
	// Observe, where set, is told of every statement: the store's operation that
	// it served ("record", "inbox" …), how long it took and its error.
	Observe func(operation string, took time.Duration, err error)
}

const (
	defaultConnections = 16
	minConnections     = 2 // a migration holds its lock on one and works on another
)

// Store is the database. It is safe for concurrent use.
type Store struct {
	dialect    dialect
	reads      *sqlx.DB
	writes     *sqlx.DB // the same as reads, but for a SQLite file
	observe    func(operation string, took time.Duration, err error)
	statements atomic.Int64

	callbackKey atomic.Pointer[[]byte] // once it is known
}

// Open connects to "postgres://…", "sqlite:PATH" or "sqlite::memory:". It does
// not wait for the database: use Ping, and Migrate or Verify, before the rest.
// An unusable URL has itsm.CodeInvalid; no error repeats the URL, which may
// hold a password.
func Open(ctx context.Context, url string, opts Options) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	connections := opts.MaxConnections
	if connections == 0 {
		connections = defaultConnections
	}
	d, reads, writes, err := connect(url, max(connections, minConnections))
	if err != nil {
		return nil, err
	}
	observe := opts.Observe
	if observe == nil {
		observe = func(string, time.Duration, error) {}
	}
	return &Store{dialect: d, reads: reads, writes: writes, observe: observe}, nil
}

// Close ends all connections.
func (s *Store) Close() error {
	if s.reads == s.writes {
		return s.writes.Close()
	}
	return errors.Join(s.reads.Close(), s.writes.Close())
}

// Ping asks whether the database answers; see IsUnavailable.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	if err := s.read("ping").get(ctx, &one, `SELECT 1`); err != nil {
		return fmt.Errorf("asking the database: %w", err)
	}
	return nil
}

// Statements tells how many statements this store has sent so far. BEGIN and
// COMMIT are not counted.
func (s *Store) Statements() int64 { return s.statements.Load() }
