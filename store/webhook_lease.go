package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Lease is a webhook that one of those who deliver works on, alone.
type Lease struct {
	Webhook         // with its secret
	Reached  string // the journal is done up to this cursor
	Failures int    // of the last attempts, how many failed in a row
	Holder   string // who has it
}

// ErrLeaseLost is given to who works on a webhook that another has taken over
// meanwhile, or that is removed.
var ErrLeaseLost = errors.New("the lease of the webhook is lost")

// ReadyWebhooks gives the IDs of those webhooks for which there is something to
// deliver now and on which nobody works.
func (s *Store) ReadyWebhooks(ctx context.Context, now time.Time) ([]string, error) {
	end, err := s.StreamEnd(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	err = s.read("ready webhooks").list(ctx, &ids, `SELECT id FROM webhooks WHERE `+free+` AND (reached <> ? OR EXISTS
		(SELECT 1 FROM deliveries WHERE webhook = id AND state = 'pending' AND next_at <= ?)) ORDER BY id`,
		micros(now), micros(now), end, micros(now))
	if err != nil {
		return nil, fmt.Errorf("looking for webhooks that have something to deliver: %w", err)
	}
	return ids, nil
}

// free takes the present twice.
const free = `removed IS NULL AND disabled IS NULL AND lease_until <= ? AND not_before <= ?`

// LeaseWebhook gives a webhook to the holder until the given time; nil where
// another has it, or nothing may be sent now. A holder that is new for each
// lease tells its work from that of an earlier one.
func (s *Store) LeaseWebhook(ctx context.Context, id, holder string, now, until time.Time) (*Lease, error) {
	var row webhookRow
	err := s.write(ctx, "lease webhook", func(q query) error {
		changed, err := q.exec(ctx, `UPDATE webhooks SET lease = ?, lease_until = ? WHERE id = ? AND `+free,
			holder, micros(until), id, micros(now), micros(now))
		if err != nil || changed == 0 {
			return err
		}
		return q.get(ctx, &row, selectWebhooks+` WHERE id = ?`, id)
	})
	if err != nil || row.ID == "" {
		return nil, wrapped(err, "taking webhook %s", id)
	}
	l := &Lease{Reached: row.Reached, Failures: row.Failures, Holder: holder}
	if l.Webhook, err = row.webhook(); err != nil {
		return nil, err
	}
	l.Secret = row.Secret
	return l, nil
}

// Progress is where the work on a webhook is.
type Progress struct {
	Reached   string
	Failures  int
	NotBefore time.Time  // when the next attempt may be made
	Gone      *time.Time // since when its receiver wants nothing more
	Until     time.Time  // how long the lease goes on
	Failed    *Delivery  // what failed, to be kept
	Done      *Delivery  // what failed before and is delivered now
}

// KeepProgress stores where the holder of a lease is, all of it or nothing.
// ErrLeaseLost where it is the holder no longer.
func (s *Store) KeepProgress(ctx context.Context, l *Lease, p Progress) error {
	err := s.write(ctx, "webhook progress", func(q query) error {
		changed, err := q.exec(ctx, `UPDATE webhooks SET reached = ?, failures = ?, not_before = ?, disabled = ?, lease_until = ? WHERE id = ? AND lease = ? AND removed IS NULL`,
			p.Reached, p.Failures, micros(p.NotBefore), optionalMicros(p.Gone), micros(p.Until), l.ID, l.Holder)
		switch {
		case err == nil && changed == 0:
			return ErrLeaseLost
		case err == nil && p.Failed != nil:
			return q.keepDelivery(ctx, l.ID, *p.Failed)
		case err == nil && p.Done != nil:
			_, err = q.exec(ctx, `DELETE FROM deliveries WHERE webhook = ? AND process = ? AND number = ?`, l.ID, p.Done.Event.Process, p.Done.Event.Number)
		}
		return err
	})
	return wrapped(err, "keeping the progress of webhook %s", l.ID)
}

// ReleaseWebhook ends a lease before its time.
func (s *Store) ReleaseWebhook(ctx context.Context, l *Lease) error {
	err := s.write(ctx, "release webhook", func(q query) error {
		_, err := q.exec(ctx, `UPDATE webhooks SET lease = '', lease_until = 0 WHERE id = ? AND lease = ?`, l.ID, l.Holder)
		return err
	})
	return wrapped(err, "giving webhook %s back", l.ID)
}

// hasWebhook refuses what is not there, with itsm.CodeNotFound.
func (q query) hasWebhook(ctx context.Context, id string) error {
	var one int
	err := q.get(ctx, &one, `SELECT 1 FROM webhooks WHERE id = ? AND removed IS NULL`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return noWebhook(id)
	}
	return err
}

func wrapped(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
