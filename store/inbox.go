package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/steward-itsm/steward/itsm"
)

// Inbox lists what waits for a person, the nearest deadline first and what has
// none last. Limit 0 is 50, and at most 500. A cursor that is none has
// itsm.CodeInvalid.
func (s *Store) Inbox(ctx context.Context, person, cursor string, limit int) (Page[itsm.InboxItem], error) {
	statement, args := `SELECT process, task, person, due, since, body FROM inbox WHERE person = ?`, []any{person}
	if cursor != "" {
		from, err := waiting{}.mark().parse(cursor)
		if err != nil {
			return Page[itsm.InboxItem]{}, err
		}
		statement += ` AND (due, since, process, task) > (?, ?, ?, ?)`
		args = append(args, from.args()...)
	}
	size := pageSize(limit)
	var rows []waiting
	err := s.read("inbox").list(ctx, &rows, statement+` ORDER BY due, since, process, task LIMIT ?`, append(args, size+1)...)
	if err != nil {
		return Page[itsm.InboxItem]{}, fmt.Errorf("reading the inbox of %s: %w", person, err)
	}
	return paged(rows, size, waiting.item, waiting.mark)
}

// InboxOfSeat lists what waits for a person's vote, whoever holds it now, by
// process. A person has one vote in a stage, so the order stays while votes pass
// to others. Limit 0 is 50, and at most 500. A cursor that is none has
// itsm.CodeInvalid.
func (s *Store) InboxOfSeat(ctx context.Context, person, cursor string, limit int) (Page[itsm.InboxItem], error) {
	at := func(w waiting) mark { return mark{List: "seat", Texts: []string{w.Process, w.Task}} }
	statement, args := `SELECT process, task, body FROM inbox WHERE seat = ?`, []any{person}
	if cursor != "" {
		from, err := at(waiting{}).parse(cursor)
		if err != nil {
			return Page[itsm.InboxItem]{}, err
		}
		statement += ` AND (process, task) > (?, ?)`
		args = append(args, from.args()...)
	}
	size := pageSize(limit)
	var rows []waiting
	err := s.read("inbox of seat").list(ctx, &rows, statement+` ORDER BY process, task LIMIT ?`, append(args, size+1)...)
	if err != nil {
		return Page[itsm.InboxItem]{}, fmt.Errorf("reading what waits for the vote of %s: %w", person, err)
	}
	return paged(rows, size, waiting.item, at)
}

// waiting is a row of the inbox.
type waiting struct {
	Process string `db:"process"`
	Task    string `db:"task"`
	Person  string `db:"person"`
	Seat    string `db:"seat"`
	Due     int64  `db:"due"`
	Since   int64  `db:"since"`
	Body    string `db:"body"`
}

const noDeadline = math.MaxInt64 // sorts last

func newWaiting(r itsm.Record) ([]waiting, error) {
	rows := make([]waiting, 0, len(r.Inbox))
	seen := make(map[place]bool, len(r.Inbox))
	for _, item := range r.Inbox {
		if item.Process != r.Process {
			return nil, conflict(r.Process, "its inbox has a task of %q", item.Process)
		}
		body, err := encode(item)
		if err != nil {
			return nil, err
		}
		row := waiting{item.Process, item.Task, item.Person, cmp.Or(item.Seat, item.Person), dueOrder(item.Due), micros(item.Since), body}
		if seen[row.place()] {
			return nil, conflict(r.Process, "task %s waits twice for %s", item.Task, item.Person)
		}
		seen[row.place()] = true
		rows = append(rows, row)
	}
	return rows, nil
}

func dueOrder(due *time.Time) int64 {
	if due == nil {
		return noDeadline
	}
	return micros(*due)
}

// place is what names an item within its process.
type place struct{ task, person string }

func (w waiting) place() place { return place{w.Task, w.Person} }

func (w waiting) mark() mark {
	return mark{List: "inbox", Numbers: []int64{w.Due, w.Since}, Texts: []string{w.Process, w.Task}}
}

func (w waiting) item() (item itsm.InboxItem, err error) {
	if err := json.Unmarshal([]byte(w.Body), &item); err != nil {
		return itsm.InboxItem{}, fmt.Errorf("reading a task of %s: %w", w.Process, err)
	}
	return item, nil
}

// replaceInbox makes the stored inbox of the process that of the step, and
// writes only what differs: most steps change one person's items or none.
func (q query) replaceInbox(ctx context.Context, st step, isNew bool) error {
	stored := map[place]string{}
	if !isNew {
		var rows []waiting
		err := q.list(ctx, &rows, `SELECT process, task, person, due, since, body FROM inbox WHERE process = ?`, st.process)
		if err != nil {
			return err
		}
		for _, row := range rows {
			stored[row.place()] = row.Body
		}
	}
	var changed []waiting
	for _, row := range st.inbox {
		if body, exists := stored[row.place()]; !exists || body != row.Body {
			changed = append(changed, row)
		}
		delete(stored, row.place())
	}
	if err := q.removeWaiting(ctx, st.process, stored); err != nil {
		return err
	}
	return q.putWaiting(ctx, changed)
}

func (q query) removeWaiting(ctx context.Context, process string, gone map[place]string) error {
	places := make([]place, 0, len(gone))
	for p := range gone {
		places = append(places, p)
	}
	for chunk := range chunks(places) {
		args := []any{process}
		for _, p := range chunk {
			args = append(args, p.task, p.person)
		}
		if _, err := q.exec(ctx, `DELETE FROM inbox WHERE process = ? AND (task, person) IN (VALUES `+tuples(len(chunk), 2)+`)`, args...); err != nil {
			return err
		}
	}
	return nil
}

func (q query) putWaiting(ctx context.Context, rows []waiting) error {
	for chunk := range chunks(rows) {
		var args []any
		for _, w := range chunk {
			args = append(args, w.Process, w.Task, w.Person, w.Seat, w.Due, w.Since, w.Body)
		}
		_, err := q.exec(ctx, `INSERT INTO inbox (process, task, person, seat, due, since, body) VALUES `+tuples(len(chunk), 7)+
			` ON CONFLICT (process, task, person) DO UPDATE SET seat = excluded.seat, due = excluded.due, since = excluded.since, body = excluded.body`, args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// rowsAtOnce keeps a statement below the databases' limits on parameters.
const rowsAtOnce = 500

func chunks[T any](rows []T) iter.Seq[[]T] { return slices.Chunk(rows, rowsAtOnce) }
