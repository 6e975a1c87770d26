package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/steward-itsm/steward/itsm"
)

// StreamFilter narrows a stream; what is empty does not.
type StreamFilter struct {
	Process string
	Kinds   []itsm.Kind
	Types   []itsm.EventType
}

// StreamEvent is an event and its place in the journal of all processes.
type StreamEvent struct {
	Cursor string
	Event  itsm.Event
}

// StreamPage is a part of the journal. Next is the cursor of what follows, also
// where none of the part's events passed the filter: whoever remembers it goes
// on there. It is the cursor that was given where nothing follows yet.
type StreamPage struct {
	Events []StreamEvent
	Next   string
}

// StreamStart is the cursor before the first event.
const StreamStart = "0.0"

// Stream reads the journal of all processes after a cursor, in an order in
// which nothing is ever passed over: what commits later comes later. At most
// limit events are looked at, so a page may be empty before the end. An event is
// held back while a writing transaction that is older than its own goes on.
// Limit 0 is 50, and at most 500. A cursor that is none has itsm.CodeInvalid.
func (s *Store) Stream(ctx context.Context, after string, f StreamFilter, limit int) (StreamPage, error) {
	from, err := parsePlace(after)
	if err != nil {
		return StreamPage{}, err
	}
	where, args, order := s.dialect.placeAfter, []any{from.Xact, from.Position}, `xact, position`
	if f.Process != "" { // its own index, in which it has the same order
		where, args, order = where+` AND process = ?`, append(args, f.Process), `number`
	}
	var rows []journalRow
	err = s.read("stream").list(ctx, &rows, `SELECT `+s.dialect.place+`, body FROM journal WHERE `+where+` AND `+s.dialect.settled+
		` ORDER BY `+order+` LIMIT ?`, append(args, pageSize(limit))...)
	if err != nil {
		return StreamPage{}, fmt.Errorf("reading the journal: %w", err)
	}
	return f.page(rows, after)
}

func (f StreamFilter) page(rows []journalRow, after string) (StreamPage, error) {
	page := StreamPage{Next: after}
	for _, row := range rows {
		one, err := row.event()
		if err != nil {
			return StreamPage{}, err
		}
		page.Next = one.Cursor
		if f.wants(one.Event) {
			page.Events = append(page.Events, one)
		}
	}
	return page, nil
}

func (f StreamFilter) wants(e itsm.Event) bool {
	kind, _ := itsm.KindOf(e.Process)
	return (len(f.Kinds) == 0 || slices.Contains(f.Kinds, kind)) &&
		(len(f.Types) == 0 || slices.Contains(f.Types, e.Type))
}

// StreamEnd gives the cursor of the newest event that a stream shows, to follow
// the journal from now on. It costs one look into an index.
func (s *Store) StreamEnd(ctx context.Context) (string, error) {
	return s.read("stream end").streamEnd(ctx)
}

func (q query) streamEnd(ctx context.Context) (string, error) {
	var end streamPlace
	d := q.store.dialect
	err := q.get(ctx, &end, `SELECT `+d.place+` FROM journal WHERE `+d.settled+` ORDER BY `+d.newestFirst+` LIMIT 1`)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("looking for the journal's end: %w", err)
	}
	return end.cursor(), nil
}

// streamPlace is where an event stands in the journal of all processes. SQLite, with
// its one writer, needs no transaction in it.
type streamPlace struct {
	Xact     int64 `db:"xact"`
	Position int64 `db:"position"`
}

// A cursor is short, because a stream sends one with every event.
var cursorForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,17})\.(0|[1-9][0-9]{0,17})$`)

func (p streamPlace) cursor() string { return fmt.Sprintf("%d.%d", p.Xact, p.Position) }

func parsePlace(cursor string) (p streamPlace, err error) {
	parts := cursorForm.FindStringSubmatch(cursor)
	if parts == nil {
		return streamPlace{}, itsm.FieldErrorf(itsm.CodeInvalid, "/after", "%q is not the ID of an event of a stream; leave it out to begin with what happens from now on", cursor)
	}
	p.Xact, _ = strconv.ParseInt(parts[1], 10, 64) // 18 digits fit
	p.Position, _ = strconv.ParseInt(parts[2], 10, 64)
	return p, nil
}

// journalRow is an event as a stream reads it.
type journalRow struct {
	streamPlace
	Body string `db:"body"`
}

func (r journalRow) event() (StreamEvent, error) {
	e, err := readEvent(r.Body)
	return StreamEvent{Cursor: r.cursor(), Event: shown(e)}, err
}

// shown is an event without what is for the process itself.
func shown(e itsm.Event) itsm.Event {
	e.Answer, e.Tell = nil, nil
	return e
}
