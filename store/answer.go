package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/steward-itsm/steward/itsm"
)

// Command is a request that changes something and that no process records, such
// as an apply: its answer is kept here, so that a retry gets the same one.
type Command struct {
	Actor       itsm.Actor
	Key         string // the caller's idempotency key
	Fingerprint string // of the request, to tell a retry from another one
}

// Answer gives what the command was answered; nil where it is new, or was not
// finished. The same key with another fingerprint has itsm.CodeKeyReused.
func (s *Store) Answer(ctx context.Context, c Command) (json.RawMessage, error) {
	answer, _, err := s.read("answer").answer(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("looking for an earlier answer: %w", err)
	}
	return answer, nil
}

// FinishCommand keeps the answer of a command that was begun, and gives the one
// that holds: that of the try that finished first.
func (s *Store) FinishCommand(ctx context.Context, c Command, answer json.RawMessage) (json.RawMessage, error) {
	var holds json.RawMessage
	err := s.write(ctx, "finish command", func(q query) (err error) {
		_, err = q.exec(ctx, `UPDATE answers SET answer = ? WHERE actor = ? AND key = ? AND fingerprint = ? AND answer = ''`,
			string(answer), c.Actor.String(), c.Key, c.Fingerprint)
		if err == nil {
			holds, _, err = q.answer(ctx, c)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("keeping an answer: %w", err)
	}
	return holds, nil
}

// answer also tells whether the command was begun.
func (q query) answer(ctx context.Context, c Command) (answer json.RawMessage, begun bool, err error) {
	var row struct {
		Fingerprint string `db:"fingerprint"`
		Answer      string `db:"answer"`
	}
	err = q.get(ctx, &row, `SELECT fingerprint, answer FROM answers WHERE actor = ? AND key = ?`, c.Actor.String(), c.Key)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	case row.Fingerprint != c.Fingerprint:
		return nil, false, itsm.Errorf(itsm.CodeKeyReused, "this idempotency key was used for another request; use a new key for a new request")
	case row.Answer == "":
		return nil, true, nil
	}
	return json.RawMessage(row.Answer), true, nil
}

// begin notes a command, with its answer where that is known already. Where
// another transaction has noted it meanwhile, this one is done anew.
func (q query) begin(ctx context.Context, c Command, answer string, at time.Time) error {
	inserted, err := q.exec(ctx, `INSERT INTO answers (actor, key, fingerprint, answer, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (actor, key) DO NOTHING`,
		c.Actor.String(), c.Key, c.Fingerprint, answer, micros(at))
	if err == nil && inserted == 0 {
		err = errRace
	}
	return err
}
