package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/steward-itsm/steward/itsm"
)

// Record writes one step of a process, all of it or nothing: its events to the
// journal, the view, the inbox and the snapshot as they are after the last, and
// what it claims of the schedule of change.
//
// Whatever is recorded first under a number stands for ever. A repetition
// changes nothing. Where something else is recorded from its first number on, by
// an earlier try that a crash kept from the process, nothing is written and the
// answer is what that try recorded. A number that leaves a gap, a view of
// another moment than the last event's, and another outcome for a closed process
// have itsm.CodeRecordConflict; repeating does not help then. A claim of a time
// that others have has itsm.CodeScheduleConflict, and nothing of the step is
// recorded; see itsm.Claim. A repetition does not claim anew.
//
// In the usual case it takes two statements (view, journal) and up to three for
// the inbox. Errors of a database that is away: see IsUnavailable.
func (s *Store) Record(ctx context.Context, r itsm.Record) (*itsm.Earlier, error) {
	st, err := newStep(r)
	if err != nil {
		return nil, err
	}
	var earlier *itsm.Earlier
	err = s.write(ctx, "record", func(q query) error {
		earlier, err = q.record(ctx, st)
		return err
	})
	if violates(err) {
		err = fmt.Errorf("%w (%w)", conflict(r.Process, "it breaks a rule of the database"), err)
	}
	if err != nil {
		return nil, fmt.Errorf("recording %s: %w", r.Process, err)
	}
	return earlier, nil
}

func (q query) record(ctx context.Context, st step) (*itsm.Earlier, error) {
	advanced, err := q.advance(ctx, st)
	if err != nil {
		return nil, err
	}
	if !advanced {
		return q.earlier(ctx, st)
	}
	if err := q.appendEvents(ctx, st.events); err != nil {
		return nil, err
	}
	if err := q.replaceInbox(ctx, st, st.first() == 1); err != nil {
		return nil, err
	}
	return nil, q.claim(ctx, st.claim)
}

// advance does the usual case in one statement: the step's first event follows
// the newest stored one. The condition is in the statement, so that a race
// can't come between check and change; the row that it changes stays locked
// until the commit, and with it the process.
func (q query) advance(ctx context.Context, st step) (done bool, err error) {
	var changed int64
	if st.first() == 1 {
		changed, err = q.insertView(ctx, st)
	} else {
		changed, err = q.exec(ctx, updateView, append(st.viewValues(), st.process, st.first()-1)...)
	}
	return changed == 1, err
}

// earlier finds what is recorded from the step's first number on: nil where it
// is this very step.
func (q query) earlier(ctx context.Context, st step) (*itsm.Earlier, error) {
	stored, err := q.tail(ctx, st.process, st.first())
	switch {
	case err != nil:
		return nil, err
	case stored.Recorded == st.first()-1: // the step before was recorded since advance looked
		return nil, errRace
	case stored.Recorded < st.first():
		return nil, conflict(st.process, "event %d does not follow event %d", st.first(), stored.Recorded)
	case st.is(stored):
		return nil, nil
	}
	return stored.earlier()
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

const viewColumns = `kind, state, outcome, requester, service, opened, recorded, body, line, snapshot`

// updateView takes viewValues, the process's ID, and the number of the event
// that the step follows.
const updateView = `UPDATE views SET (` + viewColumns + `) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ? AND recorded = ?`

func (q query) insertView(ctx context.Context, st step) (int64, error) {
	return q.exec(ctx, `INSERT INTO views (`+viewColumns+`, id) VALUES `+tuples(1, 11)+` ON CONFLICT (id) DO NOTHING`,
		append(st.viewValues(), st.process)...)
}

// step is a record in the form in which it is stored.
type step struct {
	process  string
	events   []event
	view     itsm.View
	body     string
	line     string
	inbox    []waiting
	snapshot string
	claim    *claim // nil: the schedule stays as it is
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
	switch {
	case r.View.ID != r.Process:
		return step{}, conflict(r.Process, "the view is one of %q", r.View.ID)
	case len(r.Events) == 0:
		return step{}, conflict(r.Process, "the step has no event")
	case r.View.LastEvent != r.Events[len(r.Events)-1].Number:
		return step{}, conflict(r.Process, "the view includes event %d, and the step ends with %d", r.View.LastEvent, r.Events[len(r.Events)-1].Number)
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
	if st.line, err = encode(line(r.View)); err != nil {
		return step{}, err
	}
	if st.snapshot, err = encode(r.Snapshot); err != nil {
		return step{}, err
	}
	if st.inbox, err = newWaiting(r); err != nil {
		return step{}, err
	}
	st.claim, err = newClaim(r)
	return st, err
}

func (st step) first() int { return st.events[0].number }

func (st step) last() int { return st.events[len(st.events)-1].number }

// is tells whether what is stored from the step's first number on is the step.
func (st step) is(stored tail) bool {
	return st.snapshot == stored.Snapshot && slices.EqualFunc(st.events, stored.bodies, func(e event, body string) bool { return e.body == body })
}

func (st step) viewValues() []any {
	v := st.view
	return []any{v.Kind, v.State, v.Outcome, v.Requester.String(), v.Service, micros(v.Opened), st.last(), st.body, st.line, st.snapshot}
}

// line is the view as lists show it.
func line(v itsm.View) itsm.View {
	v.Subject, v.Detail = nil, nil
	return v
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
