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
	var stored struct {
		Recorded int    `db:"recorded"`
		Snapshot string `db:"snapshot"`
	}
	err := q.get(ctx, &stored, `SELECT recorded, snapshot FROM views WHERE id = ?`+q.store.dialect.forUpdate, process)
	if errors.Is(err, sql.ErrNoRows) || err == nil && stored.Recorded <= after {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var bodies []string
	if err := q.list(ctx, &bodies, `SELECT body FROM journal WHERE process = ? AND number > ? ORDER BY number`, process, after); err != nil {
		return nil, err
	}
	events, err := readEvents(bodies)
	return &itsm.Earlier{Events: events, Snapshot: json.RawMessage(stored.Snapshot)}, err
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
