package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// DeliveryState says whether a delivery that failed is tried again.
type DeliveryState string

// The states of deliveries. What is delivered has none: it is forgotten.
const (
	DeliveryPending DeliveryState = "pending" // it is tried again
	DeliveryDead    DeliveryState = "dead"    // it is tried again only when somebody says so
)

// Delivery is an event that a webhook's receiver did not take at once.
type Delivery struct {
	StreamEvent
	State    DeliveryState
	Attempts int
	FirstAt  time.Time // of the first attempt
	NextAt   time.Time // of the next one
	Fault    string    // what the last attempt met
}

// DueDeliveries gives what a webhook is to deliver again by now, in the order
// of the events.
func (s *Store) DueDeliveries(ctx context.Context, webhook string, now time.Time, limit int) ([]Delivery, error) {
	var rows []deliveryRow
	err := s.read("due deliveries").list(ctx, &rows, selectDeliveries+` AND d.state = 'pending' AND d.next_at <= ? ORDER BY d.xact, d.position LIMIT ?`,
		webhook, micros(now), pageSize(limit))
	due := make([]Delivery, len(rows))
	for i, row := range rows {
		if err == nil {
			due[i], err = row.delivery()
		}
	}
	return due, wrapped(err, "reading what webhook %s is to deliver again", webhook)
}

// Deliveries lists what a webhook has not delivered, in the order of the
// events; only of one state unless it is "". Limit 0 is 50, and at most 500.
// itsm.CodeNotFound where there is no such webhook; a cursor that is none has
// itsm.CodeInvalid.
func (s *Store) Deliveries(ctx context.Context, webhook string, state DeliveryState, cursor string, limit int) (Page[Delivery], error) {
	q := s.read("deliveries")
	if err := q.hasWebhook(ctx, webhook); err != nil {
		return Page[Delivery]{}, err
	}
	statement, args := selectDeliveries, []any{webhook}
	if state != "" {
		statement, args = statement+` AND d.state = ?`, append(args, state)
	}
	if cursor != "" {
		from, err := deliveryRow{}.mark().parse(cursor)
		if err != nil {
			return Page[Delivery]{}, err
		}
		statement, args = statement+` AND (d.xact, d.position) > (?, ?)`, append(args, from.args()...)
	}
	size := pageSize(limit)
	var rows []deliveryRow
	if err := q.list(ctx, &rows, statement+` ORDER BY d.xact, d.position LIMIT ?`, append(args, size+1)...); err != nil {
		return Page[Delivery]{}, fmt.Errorf("listing the deliveries of webhook %s: %w", webhook, err)
	}
	return paged(rows, size, deliveryRow.delivery, deliveryRow.mark)
}

// Resend has a webhook deliver an event again that is dead, and tells how many
// that were: none where it is pending anyway. itsm.CodeNotFound where the
// webhook has no such delivery.
func (s *Store) Resend(ctx context.Context, c Command, webhook, process string, number int, now time.Time) (int, error) {
	return s.resend(ctx, c, webhook, now, func(q query) (int64, error) {
		var state DeliveryState
		err := q.get(ctx, &state, `SELECT state FROM deliveries WHERE webhook = ? AND process = ? AND number = ?`, webhook, process, number)
		if err != nil {
			return 0, missing(err, "webhook %s has no failed delivery of event %d of %s; see its list of deliveries", webhook, number, process)
		}
		return q.revive(ctx, now, ` AND process = ? AND number = ?`, webhook, process, number)
	})
}

// ResendDead has a webhook deliver all again that is dead, and tells how many
// that were. One whose receiver was gone is sent to again, too, from where it
// stopped.
func (s *Store) ResendDead(ctx context.Context, c Command, webhook string, now time.Time) (int, error) {
	return s.resend(ctx, c, webhook, now, func(q query) (int64, error) {
		if _, err := q.exec(ctx, `UPDATE webhooks SET disabled = NULL, failures = 0, not_before = 0 WHERE id = ?`, webhook); err != nil {
			return 0, err
		}
		return q.revive(ctx, now, ``, webhook)
	})
}

// resend does the work once for each key.
func (s *Store) resend(ctx context.Context, c Command, webhook string, now time.Time, work func(query) (int64, error)) (resent int, err error) {
	err = s.write(ctx, "resend", func(q query) error {
		answer, begun, err := q.answer(ctx, c)
		if err != nil {
			return err
		}
		if begun {
			return json.Unmarshal(answer, &resent)
		}
		if err := q.hasWebhook(ctx, webhook); err != nil {
			return err
		}
		changed, err := work(q)
		if err != nil {
			return err
		}
		resent = int(changed)
		return q.begin(ctx, c, strconv.Itoa(resent), now)
	})
	return resent, wrapped(err, "sending again what webhook %s did not deliver", webhook)
}

// revive makes dead deliveries new ones: they have another day.
func (q query) revive(ctx context.Context, now time.Time, which string, args ...any) (int64, error) {
	return q.exec(ctx, `UPDATE deliveries SET state = 'pending', attempts = 0, first_at = ?, next_at = ? WHERE webhook = ? AND state = 'dead'`+which,
		append([]any{micros(now), micros(now)}, args...)...)
}

func (q query) keepDelivery(ctx context.Context, webhook string, d Delivery) error {
	at, err := parsePlace(d.Cursor)
	if err != nil {
		return err
	}
	_, err = q.exec(ctx, `INSERT INTO deliveries (webhook, process, number, xact, position, state, attempts, first_at, next_at, fault) VALUES `+tuples(1, 10)+
		` ON CONFLICT (webhook, process, number) DO UPDATE SET state = excluded.state, attempts = excluded.attempts, first_at = excluded.first_at, next_at = excluded.next_at, fault = excluded.fault`,
		webhook, d.Event.Process, d.Event.Number, at.Xact, at.Position, d.State, d.Attempts, micros(d.FirstAt), micros(d.NextAt), d.Fault)
	return err
}

// selectDeliveries takes the webhook's ID.
const selectDeliveries = `SELECT d.xact, d.position, d.state, d.attempts, d.first_at, d.next_at, d.fault, j.body
	FROM deliveries AS d JOIN journal AS j ON j.process = d.process AND j.number = d.number WHERE d.webhook = ?`

type deliveryRow struct {
	journalRow
	State    DeliveryState `db:"state"`
	Attempts int           `db:"attempts"`
	FirstAt  int64         `db:"first_at"`
	NextAt   int64         `db:"next_at"`
	Fault    string        `db:"fault"`
}

func (r deliveryRow) mark() mark {
	return mark{List: "deliveries", Numbers: []int64{r.Xact, r.Position}}
}

func (r deliveryRow) delivery() (Delivery, error) {
	e, err := r.event()
	return Delivery{
		StreamEvent: e, State: r.State, Attempts: r.Attempts,
		FirstAt: fromMicros(r.FirstAt), NextAt: fromMicros(r.NextAt), Fault: r.Fault,
	}, err
}
