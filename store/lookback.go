package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/steward-itsm/steward/itsm"
)

// Since gives what is recorded of a process after the event with the given
// number, and the state after the newest: nil where nothing is. Events and
// snapshot are of one moment.
func (s *Store) Since(ctx context.Context, process string, after int) (*itsm.Earlier, error) {
	var found *itsm.Earlier
	err := s.write(ctx, "since", func(q query) (err error) { // a read that locks, so that no step comes between
		found, err = q.since(ctx, process, after)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading what is recorded of %s: %w", process, err)
	}
	return found, nil
}

func (q query) since(ctx context.Context, process string, after int) (*itsm.Earlier, error) {
	stored, err := q.tail(ctx, process, after+1)
	if err != nil || stored.Recorded <= after {
		return nil, err
	}
	return stored.earlier()
}

// tail is what is recorded of a process from one of its events on.
type tail struct {
	Recorded int    `db:"recorded"` // the newest event's number; 0 where there is no such process
	Snapshot string `db:"snapshot"`
	bodies   []string
}

// tail reads from the event with the given number on. The lock keeps events and
// snapshot of one moment.
func (q query) tail(ctx context.Context, process string, first int) (stored tail, err error) {
	err = q.get(ctx, &stored, `SELECT recorded, snapshot FROM views WHERE id = ?`+q.store.dialect.forUpdate, process)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return tail{}, err
	}
	if stored.Recorded < first {
		return stored, nil
	}
	err = q.list(ctx, &stored.bodies, `SELECT body FROM journal WHERE process = ? AND number >= ? ORDER BY number`, process, first)
	return stored, err
}

func (t tail) earlier() (*itsm.Earlier, error) {
	events, err := readEvents(t.bodies)
	return &itsm.Earlier{Events: events, Snapshot: json.RawMessage(t.Snapshot)}, err
}

// Head is how far the journal of one process goes.
type Head struct {
	Process string     `db:"id"`
	Number  int        `db:"recorded"`
	State   itsm.State `db:"state"`
}

// Latest gives the heads of the processes of the newest events of the whole
// journal, in no particular order.
func (s *Store) Latest(ctx context.Context, events int) ([]Head, error) {
	var heads []Head
	err := s.read("latest").list(ctx, &heads, `SELECT id, recorded, state FROM views WHERE id IN (SELECT process FROM
		(SELECT process FROM journal ORDER BY `+s.dialect.newestFirst+` LIMIT ?) AS newest)`, events)
	if err != nil {
		return nil, fmt.Errorf("reading the newest events: %w", err)
	}
	return heads, nil
}

func readEvents(bodies []string) ([]itsm.Event, error) {
	events := make([]itsm.Event, 0, len(bodies))
	for _, body := range bodies {
		one, err := readEvent(body)
		if err != nil {
			return nil, err
		}
		events = append(events, one)
	}
	return events, nil
}
