package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/steward-itsm/steward/itsm"
)

// Conflicts lists the slots of other processes that are held and conflict with
// the given one, as itsm.Slot.Conflicts has it, the earliest first. Its cost
// grows with what is planned near that time, and with nothing else.
func (s *Store) Conflicts(ctx context.Context, slot itsm.Slot) ([]itsm.Slot, error) {
	found, err := s.read("conflicts").conflicts(ctx, slot)
	if err != nil {
		return nil, fmt.Errorf("looking for conflicts with %s: %w", slot.Process, err)
	}
	return found, nil
}

func (q query) conflicts(ctx context.Context, slot itsm.Slot) ([]itsm.Slot, error) {
	var bodies []string
	statement, args := conflictsStatement(slot)
	if err := q.list(ctx, &bodies, statement, args...); err != nil {
		return nil, err
	}
	found := make([]itsm.Slot, 0, len(bodies))
	for _, body := range bodies {
		one, err := readSlot(body)
		if err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	return found, nil
}

// conflictsStatement says in SQL what itsm.Slot.Conflicts says: the other's own
// service is one that this slot touches, or the other needs this one's own. No
// slot is longer than itsm.SlotAtMost, so one that overlaps started less than
// that before. Each half is one range of the index for each service. The body is
// a subquery because PostgreSQL, which expects more to overlap than does, would
// rather read the whole table than join it.
func conflictsStatement(slot itsm.Slot) (statement string, args []any) {
	const when = ` AND starts > ? AND starts < ? AND ends > ? AND process <> ?`
	times := []any{micros(slot.Start.Add(-itsm.SlotAtMost)), micros(slot.End), micros(slot.Start), slot.Process}
	touched := touchedBy(slot)
	for _, service := range touched {
		args = append(args, service)
	}
	args = append(args, times...)
	args = append(append(args, slot.Service), times...)
	return `SELECT (SELECT body FROM slots WHERE slots.process = other.process) FROM (
		SELECT process, starts FROM slot_services WHERE own = TRUE AND service IN ` + tuples(1, len(touched)) + when + `
		UNION SELECT process, starts FROM slot_services WHERE own = FALSE AND service = ?` + when + `
		) AS other ORDER BY starts, process`, args
}

// touchedBy lists the services of a slot, its own and those that it needs: each
// once, in the order in which they are locked.
func touchedBy(slot itsm.Slot) []string {
	all := append([]string{slot.Service}, slot.Needs...)
	return slices.Compact(slices.Sorted(slices.Values(all)))
}

// claim is an itsm.Claim in the form in which it is stored.
type claim struct {
	process string
	slot    *itsm.Slot // nil: held no more
	body    string
}

// newClaim is nil for a step that claims nothing.
func newClaim(r itsm.Record) (*claim, error) {
	if r.Claim == nil {
		return nil, nil
	}
	if r.Claim.Slot == nil {
		return &claim{process: r.Process}, nil
	}
	slot := *r.Claim.Slot
	slot.Start, slot.End = kept(slot.Start), kept(slot.End)
	switch {
	case slot.Process != r.Process:
		return nil, conflict(r.Process, "it claims a time for %q", slot.Process)
	case !slot.Start.Before(slot.End):
		return nil, conflict(r.Process, "its planned time ends before it starts")
	case slot.End.Sub(slot.Start) > itsm.SlotAtMost:
		return nil, conflict(r.Process, "its planned time is longer than %d days", itsm.SlotAtMost/(24*time.Hour))
	}
	body, err := encode(slot)
	return &claim{r.Process, &slot, body}, err
}

// claim changes the process's place in the schedule of change.
func (q query) claim(ctx context.Context, c *claim) error {
	if c == nil {
		return nil
	}
	if c.slot == nil {
		return q.giveUpSlot(ctx, c.process)
	}
	if c.slot.Exclusive {
		if err := q.refuseConflicts(ctx, *c.slot); err != nil {
			return err
		}
	}
	return q.holdSlot(ctx, *c.slot, c.body)
}

// giveUpSlot leaves the slot itself, for the calendar.
func (q query) giveUpSlot(ctx context.Context, process string) error {
	_, err := q.exec(ctx, `UPDATE slots SET held = FALSE WHERE process = ?`, process)
	if err != nil {
		return err
	}
	return q.untouch(ctx, process)
}

func (q query) untouch(ctx context.Context, process string) error {
	_, err := q.exec(ctx, `DELETE FROM slot_services WHERE process = ?`, process)
	return err
}

// refuseConflicts looks for conflicts while nobody else can claim what the slot
// touches: of two slots that conflict, each touches the other's service or the
// same one, so both wait for the same lock, and the second sees the first. One
// that is not exclusive refuses nothing and needs no lock: were it to come in
// between, it might as well have come after.
func (q query) refuseConflicts(ctx context.Context, slot itsm.Slot) error {
	if err := q.serialiseBy(ctx, lockServices, touchedBy(slot)); err != nil {
		return fmt.Errorf("waiting for other claims: %w", err)
	}
	others, err := q.conflicts(ctx, slot)
	if err != nil {
		return err
	}
	if len(others) > 0 {
		return scheduleConflict(others)
	}
	return nil
}

// serialiseBy makes the transaction the only one with any of these names.
func (q query) serialiseBy(ctx context.Context, number int64, names []string) error {
	if q.store.dialect.serialiseBy == "" {
		return nil
	}
	_, err := q.exec(ctx, q.store.dialect.serialiseBy, number, pq.Array(names))
	return err
}

func scheduleConflict(others []itsm.Slot) error {
	const atMost = 3
	var named []string
	for _, other := range others[:min(len(others), atMost)] {
		named = append(named, fmt.Sprintf("%s has %s from %s to %s", other.Process, other.Service,
			other.Start.Format(time.RFC3339), other.End.Format(time.RFC3339)))
	}
	if more := len(others) - len(named); more > 0 {
		named = append(named, fmt.Sprintf("and %d more", more))
	}
	return itsm.Errorf(itsm.CodeScheduleConflict, "the planned time is taken: %s; plan another time, or have those moved", strings.Join(named, ", "))
}

func (q query) holdSlot(ctx context.Context, slot itsm.Slot, body string) error {
	const columns = `title, service, starts, ends, exclusive, held, body`
	_, err := q.exec(ctx, `INSERT INTO slots (process, `+columns+`) VALUES `+tuples(1, 8)+` ON CONFLICT (process) DO UPDATE SET (`+columns+`) =
		(excluded.title, excluded.service, excluded.starts, excluded.ends, excluded.exclusive, excluded.held, excluded.body)`,
		slot.Process, slot.Title, slot.Service, micros(slot.Start), micros(slot.End), slot.Exclusive, true, body)
	if err != nil {
		return err
	}
	if err := q.untouch(ctx, slot.Process); err != nil {
		return err
	}
	for chunk := range chunks(touchedBy(slot)) {
		var args []any
		for _, service := range chunk {
			args = append(args, slot.Process, service, service == slot.Service, micros(slot.Start), micros(slot.End))
		}
		_, err := q.exec(ctx, `INSERT INTO slot_services (process, service, own, starts, ends) VALUES `+tuples(len(chunk), 5), args...)
		if err != nil {
			return err
		}
	}
	return nil
}

func readSlot(body string) (slot itsm.Slot, err error) {
	if err := json.Unmarshal([]byte(body), &slot); err != nil {
		return itsm.Slot{}, fmt.Errorf("reading a slot: %w", err)
	}
	return slot, nil
}

// kept is a time as the store keeps it.
func kept(t time.Time) time.Time { return fromMicros(micros(t)) }
