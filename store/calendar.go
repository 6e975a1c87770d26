package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/steward-itsm/steward/itsm"
)

// PlannedChange is a transition in the schedule of change.
type PlannedChange struct {
	Slot itsm.Slot
	Held bool      // false: it is over or was called off, and its time is free
	View itsm.View // without subject and detail
}

// CalendarFilter says which part of the schedule of change is asked for.
type CalendarFilter struct {
	From, To time.Time // what overlaps them; To is the first instant after
	Service  string    // only slots of this service itself; "" is all
	Cursor   string    // Page.Next of the page before
	Limit    int       // 0 is 50, and at most 500
}

// Calendar lists the planned times of transitions, past and to come, the
// earliest first. A cursor that is none has itsm.CodeInvalid.
func (s *Store) Calendar(ctx context.Context, f CalendarFilter) (Page[PlannedChange], error) {
	statement, args, err := f.statement()
	if err != nil {
		return Page[PlannedChange]{}, err
	}
	var rows []plannedRow
	if err := s.read("calendar").list(ctx, &rows, statement, args...); err != nil {
		return Page[PlannedChange]{}, fmt.Errorf("reading the schedule of change: %w", err)
	}
	return paged(rows, pageSize(f.Limit), plannedRow.change, plannedRow.mark)
}

// statement asks for one row more than the page has. No slot is longer than
// itsm.SlotAtMost, which bounds the look back.
func (f CalendarFilter) statement() (statement string, args []any, err error) {
	statement = `SELECT process, starts, held, body, (SELECT line FROM views WHERE id = process) AS line FROM slots
		WHERE starts > ? AND starts < ? AND ends > ?`
	args = []any{micros(f.From.Add(-itsm.SlotAtMost)), micros(f.To), micros(f.From)}
	if f.Service != "" {
		statement += ` AND service = ?`
		args = append(args, f.Service)
	}
	if f.Cursor != "" {
		from, err := plannedRow{}.mark().parse(f.Cursor)
		if err != nil {
			return "", nil, err
		}
		statement += ` AND (starts, process) > (?, ?)`
		args = append(args, from.args()...)
	}
	return statement + ` ORDER BY starts, process LIMIT ?`, append(args, pageSize(f.Limit)+1), nil
}

type plannedRow struct {
	Process string `db:"process"`
	Starts  int64  `db:"starts"`
	Held    bool   `db:"held"`
	Body    string `db:"body"`
	Line    string `db:"line"`
}

func (r plannedRow) mark() mark {
	return mark{List: "calendar", Numbers: []int64{r.Starts}, Texts: []string{r.Process}}
}

func (r plannedRow) change() (c PlannedChange, err error) {
	c.Held = r.Held
	if c.Slot, err = readSlot(r.Body); err != nil {
		return PlannedChange{}, err
	}
	if err := json.Unmarshal([]byte(r.Line), &c.View); err != nil {
		return PlannedChange{}, fmt.Errorf("reading the view of %s: %w", r.Process, err)
	}
	return c, nil
}
