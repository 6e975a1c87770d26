package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/steward-itsm/steward/itsm"
)

// Record writes one step of a process: its events to the journal and, where the
// view is newer than the stored one, the view and the inbox. All of it or
// nothing.
//
// It may be repeated, as a whole or in part: events that are there already are
// passed over, and an older view never replaces a newer one. An event that is
// there with other content, a number that leaves a gap, and another outcome for
// a closed process have itsm.CodeRecordConflict; repeating does not help then.
//
// In the usual case it takes two statements (view, journal) and up to three for
// the inbox. Errors of a database that is away: see IsUnavailable.
func (s *Store) Record(ctx context.Context, r itsm.Record) error {
	st, err := newStep(r)
	if err != nil {
		return err
	}
	err = s.write(ctx, "record", func(q query) error { return q.record(ctx, st) })
	if violates(err) {
		err = fmt.Errorf("%w (%w)", conflict(r.Process, "it breaks a rule of the database"), err)
	}
	if err != nil {
		return fmt.Errorf("recording %s: %w", r.Process, err)
	}
	return nil
}

func (q query) record(ctx context.Context, st step) error {
	advanced, err := q.advance(ctx, st)
	if err != nil {
		return err
	}
	if advanced {
		if err := q.appendEvents(ctx, st.events); err != nil {
			return err
		}
		return q.replaceInbox(ctx, st, st.first() == 1)
	}
	return q.recordCarefully(ctx, st)
}

// advance does the usual case in one statement: the step's first event follows
// the newest stored one, and its view is newer. The condition is in the
// statement, so that a race can't come between check and change; the row that
// it changes stays locked until the commit, and with it the process.
func (q query) advance(ctx context.Context, st step) (done bool, err error) {
	if !st.plain() {
		return false, nil
	}
	var changed int64
	if st.first() == 1 {
		changed, err = q.insertView(ctx, st)
	} else {
		changed, err = q.exec(ctx, updateView+` AND recorded = ? AND last_event < ? AND (state <> 'closed' OR (state = ? AND outcome = ?))`,
			append(st.viewValues(st.last()), st.process, st.first()-1, st.view.LastEvent, st.view.State, st.view.Outcome)...)
	}
	return changed == 1, err
}

// recordCarefully is for repetitions, and finds out what is wrong.
func (q query) recordCarefully(ctx context.Context, st step) error {
	stored, err := q.lockHead(ctx, st.process)
	if err != nil {
		return err
	}
	fresh, err := q.unrecorded(ctx, st, stored.Recorded)
	if err != nil {
		return err
	}
	recorded := stored.Recorded + len(fresh)
	switch {
	case recorded == 0:
		return conflict(st.process, "its first record has no event")
	case st.view.LastEvent > recorded:
		return conflict(st.process, "the view includes event %d, but the journal ends with %d", st.view.LastEvent, recorded)
	case st.view.LastEvent <= stored.LastEvent && stored.Recorded > 0:
		return q.keepView(ctx, st, fresh)
	case stored.State == itsm.StateClosed && (st.view.State != itsm.StateClosed || st.view.Outcome != stored.Outcome):
		return conflict(st.process, "it is closed as %q, and can't become %s %q", stored.Outcome, st.view.State, st.view.Outcome)
	}
	return q.moveView(ctx, st, fresh, stored)
}

// keepView adds events that the stored, newer view may not show yet.
func (q query) keepView(ctx context.Context, st step, fresh []event) error {
	if len(fresh) == 0 {
		return nil
	}
	last := fresh[len(fresh)-1].number
	if _, err := q.exec(ctx, `UPDATE views SET recorded = ? WHERE id = ?`, last, st.process); err != nil {
		return err
	}
	return q.appendEvents(ctx, fresh)
}

func (q query) moveView(ctx context.Context, st step, fresh []event, stored head) error {
	var changed int64
	var err error
	if stored.Recorded == 0 {
		changed, err = q.insertView(ctx, st)
	} else {
		changed, err = q.exec(ctx, updateView, append(st.viewValues(stored.Recorded+len(fresh)), st.process)...)
	}
	if err != nil {
		return err
	}
	if changed == 0 { // another first record of this process came in between
		return errRace
	}
	if err := q.appendEvents(ctx, fresh); err != nil {
		return err
	}
	return q.replaceInbox(ctx, st, stored.Recorded == 0)
}

// head is where a stored process stands; Recorded is 0 where there is none yet.
type head struct {
	Recorded  int        `db:"recorded"`
	LastEvent int        `db:"last_event"`
	State     itsm.State `db:"state"`
	Outcome   string     `db:"outcome"`
}

func (q query) lockHead(ctx context.Context, process string) (head, error) {
	var h head
	err := q.get(ctx, &h, `SELECT recorded, last_event, state, outcome FROM views WHERE id = ?`+q.store.dialect.forUpdate, process)
	if errors.Is(err, sql.ErrNoRows) {
		return head{}, nil
	}
	return h, err
}

// unrecorded gives the step's events that the journal lacks, after checking
// that the others are there as they are here, and that no number is left out.
func (q query) unrecorded(ctx context.Context, st step, recorded int) ([]event, error) {
	if len(st.events) == 0 {
		return nil, nil
	}
	if st.first() > recorded+1 {
		return nil, conflict(st.process, "event %d follows event %d; record those between first", st.first(), recorded)
	}
	known := min(recorded-st.first()+1, len(st.events))
	var bodies []string
	err := q.list(ctx, &bodies, `SELECT body FROM journal WHERE process = ? AND number BETWEEN ? AND ? ORDER BY number`,
		st.process, st.first(), st.first()+known-1)
	if err != nil {
		return nil, err
	}
	if len(bodies) != known {
		return nil, conflict(st.process, "the journal lacks events before %d", recorded)
	}
	for i, body := range bodies {
		if body != st.events[i].body {
			return nil, conflict(st.process, "event %d is there with other content", st.events[i].number)
		}
	}
	return st.events[known:], nil
}

// appendEvents writes the events, many to a statement.
func (q query) appendEvents(ctx context.Context, events []event) error {
	for chunk := range chunks(events) {
		args := make([]any, 0, len(chunk)*7)
		for _, e := range chunk {
			args = append(args, e.process, e.number, e.at, e.kind, e.actor, e.key, e.body)
		}
		if _, err := q.exec(ctx, `INSERT INTO journal (process, number, at, type, actor, key, body) VALUES `+tuples(len(chunk), 7), args...); err != nil {
			return err
		}
	}
	return nil
}

const viewColumns = `kind, state, outcome, requester, service, opened, recorded, last_event, body`

// updateView takes viewValues and the process's ID.
const updateView = `UPDATE views SET (` + viewColumns + `) = (?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?`

func (q query) insertView(ctx context.Context, st step) (int64, error) {
	return q.exec(ctx, `INSERT INTO views (`+viewColumns+`, id) VALUES `+tuples(1, 10)+` ON CONFLICT (id) DO NOTHING`,
		append(st.viewValues(st.last()), st.process)...)
}

// step is a record in the form in which it is stored.
type step struct {
	process string
	events  []event
	view    itsm.View
	body    string
	inbox   []waiting
}

// event is a row of the journal. Its body is the whole event as JSON: what is
// compared on a repetition, and what a proof can be made of.
type event struct {
	process string
	number  int
	at      int64
	kind    itsm.EventType
	actor   string
	key     string
	body    string
}

func newStep(r itsm.Record) (step, error) {
	st := step{process: r.Process, view: r.View}
	if r.View.ID != r.Process {
		return step{}, conflict(r.Process, "the view is one of %q", r.View.ID)
	}
	for i, e := range r.Events {
		if e.Process != r.Process || e.Number != r.Events[0].Number+i || e.Number < 1 {
			return step{}, conflict(r.Process, "event %d of %q is out of order", e.Number, e.Process)
		}
		e.Time = e.Time.UTC()
		body, err := encode(e)
		if err != nil {
			return step{}, err
		}
		st.events = append(st.events, event{e.Process, e.Number, micros(e.Time), e.Type, e.Actor.String(), e.Key, body})
	}
	var err error
	if st.body, err = encode(r.View); err != nil {
		return step{}, err
	}
	st.inbox, err = newWaiting(r)
	return st, err
}

func (st step) first() int { return st.events[0].number }

func (st step) last() int { return st.events[len(st.events)-1].number }

// plain tells whether the step has events and a view that the journal will back.
func (st step) plain() bool { return len(st.events) > 0 && st.view.LastEvent <= st.last() }

func (st step) viewValues(recorded int) []any {
	v := st.view
	return []any{v.Kind, v.State, v.Outcome, v.Requester.String(), v.Service, micros(v.Opened), recorded, v.LastEvent, st.body}
}

func conflict(process, format string, args ...any) error {
	return itsm.Errorf(itsm.CodeRecordConflict, "%s can't be recorded: %s; compare its workflow history with its journal",
		process, fmt.Sprintf(format, args...))
}

// encode gives compact JSON in which nothing is escaped that JSON leaves alone.
func encode(value any) (string, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "", fmt.Errorf("writing JSON: %w", err)
	}
	return string(bytes.TrimRight(text.Bytes(), "\n")), nil
}
