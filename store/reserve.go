package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/steward-itsm/steward/itsm"
)

// Reservation asks for the ID of a new process, on behalf of one command.
type Reservation struct {
	Actor       itsm.Actor
	Key         string // the command's idempotency key
	Fingerprint string // of the command, to tell a retry from another command
	Kind        itsm.Kind
}

// Reserve gives a new process its ID: "APR-1", "APR-2" … The same actor and key
// get the same ID for ever, and existed tells so. The same key with another
// fingerprint or kind has itsm.CodeKeyReused. No ID is given twice.
func (s *Store) Reserve(ctx context.Context, r Reservation, now time.Time) (processID string, existed bool, err error) {
	err = s.write(ctx, "reserve", func(q query) error {
		processID, err = q.reserve(ctx, r, now)
		return err
	})
	if errors.Is(err, errTaken) {
		processID, err = s.again(ctx, r)
		existed = err == nil
	}
	if err != nil {
		return "", false, fmt.Errorf("reserving a number: %w", err)
	}
	return processID, existed, nil
}

// errTaken rolls the transaction back, and with it the number.
var errTaken = errors.New("the key is taken")

func (q query) reserve(ctx context.Context, r Reservation, now time.Time) (string, error) {
	number, err := q.nextNumber(ctx, string(r.Kind))
	if err != nil {
		return "", missing(err, "there is no kind of process %q", r.Kind)
	}
	id := r.Kind.ID(number)
	inserted, err := q.exec(ctx, `INSERT INTO reservations (actor, key, fingerprint, process, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (actor, key) DO NOTHING`,
		r.Actor.String(), r.Key, r.Fingerprint, id, micros(now))
	if err != nil {
		return "", err
	}
	if inserted == 0 {
		return "", errTaken
	}
	return id, nil
}

// nextNumber counts on: whoever comes next waits until the transaction ends, and
// where that is rolled back, gets the number. sql.ErrNoRows where nothing of the
// kind is counted.
func (q query) nextNumber(ctx context.Context, kind string) (number int64, err error) {
	err = q.get(ctx, &number, `UPDATE counters SET last = last + 1 WHERE kind = ? RETURNING last`, kind)
	return number, err
}

// Reserved tells which process the actor's command with this key was given, and
// the command's fingerprint; not ok where the key is new.
func (s *Store) Reserved(ctx context.Context, actor itsm.Actor, key string) (process, fingerprint string, ok bool, err error) {
	var row struct {
		Process     string `db:"process"`
		Fingerprint string `db:"fingerprint"`
	}
	err = s.read("reserved").get(ctx, &row, `SELECT process, fingerprint FROM reservations WHERE actor = ? AND key = ?`, actor.String(), key)
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", false, nil
	}
	if err != nil {
		return "", "", false, fmt.Errorf("looking for a reserved number: %w", err)
	}
	return row.Process, row.Fingerprint, true, nil
}

// IsReserved tells whether an ID was given to a process, which may not have
// recorded its start yet.
func (s *Store) IsReserved(ctx context.Context, process string) (bool, error) {
	var n int
	if err := s.read("is reserved").get(ctx, &n, `SELECT COUNT(*) FROM reservations WHERE process = ?`, process); err != nil {
		return false, fmt.Errorf("looking for a reserved number: %w", err)
	}
	return n > 0, nil
}

// again gives the process of a key that is taken.
func (s *Store) again(ctx context.Context, r Reservation) (string, error) {
	process, fingerprint, ok, err := s.Reserved(ctx, r.Actor, r.Key)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", errors.New("the reservation of a taken key is gone")
	}
	if kind, _ := itsm.KindOf(process); fingerprint != r.Fingerprint || kind != r.Kind {
		return "", itsm.Errorf(itsm.CodeKeyReused, "this idempotency key was used for another command; take a new key for a new command")
	}
	return process, nil
}
