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
		processID, err = s.reserved(ctx, r)
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
	var number int64
	if err := q.get(ctx, &number, `UPDATE counters SET last = last + 1 WHERE kind = ? RETURNING last`, r.Kind); err != nil {
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

func (s *Store) reserved(ctx context.Context, r Reservation) (string, error) {
	var row struct {
		Process     string `db:"process"`
		Fingerprint string `db:"fingerprint"`
	}
	err := s.read("reserve").get(ctx, &row, `SELECT process, fingerprint FROM reservations WHERE actor = ? AND key = ?`, r.Actor.String(), r.Key)
	if errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("the reservation of a taken key is gone: %w", err)
	}
	if err != nil {
		return "", err
	}
	if kind, _ := itsm.KindOf(row.Process); row.Fingerprint != r.Fingerprint || kind != r.Kind {
		return "", itsm.Errorf(itsm.CodeKeyReused, "this idempotency key was used for another command; take a new key for a new command")
	}
	return row.Process, nil
}
