package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/steward-itsm/steward/itsm"
)

// View tells what a process looks like now; itsm.CodeNotFound where there is no
// such process.
func (s *Store) View(ctx context.Context, id string) (itsm.View, error) {
	var row viewRow
	err := s.read("view").get(ctx, &row, `SELECT id, opened, body FROM views WHERE id = ?`, id)
	if err != nil {
		return itsm.View{}, missing(err, "there is no process %s; see the list of processes", id)
	}
	return row.view()
}

// ProcessFilter narrows a list of processes; what is empty does not.
type ProcessFilter struct {
	Kind      itsm.Kind
	State     itsm.State
	Requester *itsm.Actor
	Service   string
	Cursor    string // Page.Next of the page before
	Limit     int    // 0 is 50, and at most 500
}

// Processes lists processes, the one opened last first, without subject and
// detail. A cursor that is none has itsm.CodeInvalid.
func (s *Store) Processes(ctx context.Context, f ProcessFilter) (Page[itsm.View], error) {
	where, args := f.conditions()
	if f.Cursor != "" {
		from, err := viewRow{}.mark().parse(f.Cursor)
		if err != nil {
			return Page[itsm.View]{}, err
		}
		where = append(where, `(opened, id) < (?, ?)`)
		args = append(args, from.args()...)
	}
	statement := `SELECT id, opened, line AS body FROM views`
	if len(where) > 0 {
		statement += ` WHERE ` + strings.Join(where, ` AND `)
	}
	size := pageSize(f.Limit)
	var rows []viewRow
	err := s.read("processes").list(ctx, &rows, statement+` ORDER BY opened DESC, id DESC LIMIT ?`, append(args, size+1)...)
	if err != nil {
		return Page[itsm.View]{}, fmt.Errorf("listing processes: %w", err)
	}
	return paged(rows, size, viewRow.view, viewRow.mark)
}

func (f ProcessFilter) conditions() (where []string, args []any) {
	equal := func(column, value string) {
		if value != "" {
			where = append(where, column+` = ?`)
			args = append(args, value)
		}
	}
	equal("kind", string(f.Kind))
	equal("state", string(f.State))
	equal("service", f.Service)
	if f.Requester != nil {
		equal("requester", f.Requester.String())
	}
	return where, args
}

// TransitionsIn lists the transitions of a service that are in one of the phases
// and not closed, the one opened first first, without subject and detail. Its
// cost grows with those that are not closed, and with no other process.
func (s *Store) TransitionsIn(ctx context.Context, service string, phases ...itsm.Phase) ([]itsm.View, error) {
	var rows []viewRow
	if err := s.read("transitions in").list(ctx, &rows, selectTransitions, service); err != nil {
		return nil, fmt.Errorf("listing the transitions of %s: %w", service, err)
	}
	var found []itsm.View
	for _, row := range rows {
		view, err := row.view()
		if err != nil {
			return nil, err
		}
		if slices.Contains(phases, view.Phase) {
			found = append(found, view)
		}
	}
	return found, nil
}

// selectTransitions has the very words of the index that it reads.
const selectTransitions = `SELECT id, opened, line AS body FROM views
	WHERE service = ? AND kind = 'transition' AND state <> 'closed' ORDER BY opened, id`

type viewRow struct {
	ID     string `db:"id"`
	Opened int64  `db:"opened"`
	Body   string `db:"body"`
}

func (r viewRow) mark() mark {
	return mark{List: "processes", Numbers: []int64{r.Opened}, Texts: []string{r.ID}}
}

func (r viewRow) view() (view itsm.View, err error) {
	if err := json.Unmarshal([]byte(r.Body), &view); err != nil {
		return itsm.View{}, fmt.Errorf("reading the view of %s: %w", r.ID, err)
	}
	return view, nil
}

// Events lists the events of a process after the one with the given number, in
// order; none where there is no such process. Limit 0 is 50, and at most 500.
func (s *Store) Events(ctx context.Context, process string, after, limit int) ([]itsm.Event, error) {
	var bodies []string
	err := s.read("events").list(ctx, &bodies, `SELECT body FROM journal WHERE process = ? AND number > ? ORDER BY number LIMIT ?`,
		process, after, pageSize(limit))
	if err != nil {
		return nil, fmt.Errorf("reading the journal of %s: %w", process, err)
	}
	events, err := readEvents(bodies)
	for i := range events {
		events[i] = shown(events[i])
	}
	return events, err
}

// EventByKey finds the first event that the command with the given idempotency
// key caused in a process.
func (s *Store) EventByKey(ctx context.Context, process, key string) (found itsm.Event, ok bool, err error) {
	var body string
	err = s.read("event by key").get(ctx, &body,
		`SELECT body FROM journal WHERE process = ? AND key = ? AND key <> '' ORDER BY number LIMIT 1`, process, key)
	if errors.Is(err, sql.ErrNoRows) {
		return itsm.Event{}, false, nil
	}
	if err != nil {
		return itsm.Event{}, false, fmt.Errorf("looking for a command of %s: %w", process, err)
	}
	found, err = readEvent(body)
	return found, err == nil, err
}

func readEvent(body string) (e itsm.Event, err error) {
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		return itsm.Event{}, fmt.Errorf("reading an event: %w", err)
	}
	return e, nil
}
