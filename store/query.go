package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// query sends statements for one operation, inside a transaction or not. Every
// statement of the store goes through it, to be counted and observed.
type query struct {
	store     *Store
	operation string
	on        connection
}

// connection is a pool, a transaction or a single connection.
type connection interface {
	sqlx.QueryerContext
	sqlx.ExecerContext
}

func (s *Store) read(operation string) query { return query{s, operation, s.reads} }

// write runs the work in a transaction. Where the database says that the
// transaction lost a race (deadlock, serialisation), it is done anew.
func (s *Store) write(ctx context.Context, operation string, work func(query) error) error {
	const attempts = 6
	pause := 5 * time.Millisecond
	for attempt := 1; ; attempt++ {
		err := s.transaction(ctx, operation, work)
		if err == nil || !lostRace(err) || attempt == attempts {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause + rand.N(pause)): //nolint:gosec // spreads the tries; nobody gains by guessing it
		}
		pause *= 2
	}
}

func (s *Store) transaction(ctx context.Context, operation string, work func(query) error) error {
	tx, err := s.writes.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after the commit
	if err := work(query{s, operation, tx}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("committing: %w", translate(err))
	}
	return nil
}

// get reads one row; sql.ErrNoRows where there is none.
func (q query) get(ctx context.Context, dest any, statement string, args ...any) error {
	return q.send(func() error {
		return sqlx.GetContext(ctx, q.on, dest, q.rebind(statement), args...)
	})
}

// list reads all rows into the slice that dest points to.
func (q query) list(ctx context.Context, dest any, statement string, args ...any) error {
	return q.send(func() error {
		return sqlx.SelectContext(ctx, q.on, dest, q.rebind(statement), args...)
	})
}

// exec changes rows and tells how many.
func (q query) exec(ctx context.Context, statement string, args ...any) (changed int64, err error) {
	err = q.send(func() error {
		result, err := q.on.ExecContext(ctx, q.rebind(statement), args...)
		if err != nil {
			return err
		}
		changed, err = result.RowsAffected()
		return err
	})
	return changed, err
}

func (q query) send(statement func() error) error {
	q.store.statements.Add(1)
	start := time.Now()
	err := statement()
	q.store.observe(q.operation, time.Since(start), err)
	return translate(err)
}

func (q query) rebind(statement string) string { return sqlx.Rebind(q.store.dialect.bind, statement) }

// tuples gives "(?, ?), (?, ?)": so many rows of so many values.
func tuples(rows, values int) string {
	row := "(" + strings.TrimSuffix(strings.Repeat("?, ", values), ", ") + ")"
	return strings.TrimSuffix(strings.Repeat(row+", ", rows), ", ")
}

// micros is how times are kept: microseconds since 1970 UTC.
func micros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

func optionalMicros(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	us := micros(*t)
	return &us
}

func optionalTime(us *int64) *time.Time {
	if us == nil {
		return nil
	}
	t := fromMicros(*us)
	return &t
}
