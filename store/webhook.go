package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/steward-itsm/steward/itsm"
)

// Webhook is a URL to which events are sent.
type Webhook struct {
	ID          string
	URL         string
	Types       []itsm.EventType // only these; all where empty
	Kinds       []itsm.Kind      // only of processes of these; all where empty
	Description string
	Secret      string // "whsec_…"; only of one that was just made, or that is leased
	CreatedAt   time.Time
	CreatedBy   itsm.Actor
	DisabledAt  *time.Time // since when nothing is sent, because the receiver is gone
}

// CreateWebhook stores a webhook, which begins with what happens from now on,
// and gives it as it is stored. Callers name webhooks after their idempotency
// keys: the same one again is the one that is there, with its own secret. Another one
// under the same ID, or one that was removed, has itsm.CodeKeyReused.
func (s *Store) CreateWebhook(ctx context.Context, w Webhook) (Webhook, error) {
	var made Webhook
	err := s.write(ctx, "create webhook", func(q query) error {
		if err := q.insertWebhook(ctx, w); err != nil {
			return err
		}
		var row webhookRow
		if err := q.get(ctx, &row, selectWebhooks+` WHERE id = ?`, w.ID); err != nil {
			return err
		}
		var err error
		if made, err = row.webhook(); err != nil {
			return err
		}
		made.Secret = row.Secret
		if row.Removed != nil || !made.asks(w) {
			return itsm.Errorf(itsm.CodeKeyReused, "%s was made under this idempotency key for something else, or is removed; use a new key for a new webhook", w.ID)
		}
		return nil
	})
	if err != nil {
		return Webhook{}, fmt.Errorf("storing a webhook: %w", err)
	}
	return made, nil
}

func (q query) insertWebhook(ctx context.Context, w Webhook) error {
	end, err := q.streamEnd(ctx)
	if err != nil {
		return err
	}
	types, err := encode(append([]itsm.EventType{}, w.Types...))
	if err != nil {
		return err
	}
	kinds, err := encode(append([]itsm.Kind{}, w.Kinds...))
	if err != nil {
		return err
	}
	_, err = q.exec(ctx, `INSERT INTO webhooks (id, url, types, kinds, description, secret, created, created_by, reached) VALUES `+
		tuples(1, 9)+` ON CONFLICT (id) DO NOTHING`,
		w.ID, w.URL, types, kinds, w.Description, w.Secret, micros(w.CreatedAt), w.CreatedBy.String(), end)
	return err
}

// asks reports whether another webhook asks for the same.
func (w Webhook) asks(other Webhook) bool {
	return w.URL == other.URL && w.Description == other.Description &&
		slices.Equal(w.Types, other.Types) && slices.Equal(w.Kinds, other.Kinds)
}

// Webhooks lists the webhooks without their secrets, the newest first. Limit 0
// is 50, and at most 500. A cursor that is none has itsm.CodeInvalid.
func (s *Store) Webhooks(ctx context.Context, cursor string, limit int) (Page[Webhook], error) {
	statement, args := selectWebhooks+` WHERE removed IS NULL`, []any{}
	if cursor != "" {
		from, err := webhookRow{}.mark().parse(cursor)
		if err != nil {
			return Page[Webhook]{}, err
		}
		statement += ` AND (created, id) < (?, ?)`
		args = from.args()
	}
	size := pageSize(limit)
	var rows []webhookRow
	err := s.read("webhooks").list(ctx, &rows, statement+` ORDER BY created DESC, id DESC LIMIT ?`, append(args, size+1)...)
	if err != nil {
		return Page[Webhook]{}, fmt.Errorf("listing webhooks: %w", err)
	}
	return paged(rows, size, webhookRow.webhook, webhookRow.mark)
}

// RemoveWebhook ends a webhook and what it has not delivered; once more changes
// nothing. itsm.CodeNotFound where there is none.
func (s *Store) RemoveWebhook(ctx context.Context, id string, at time.Time) error {
	return s.write(ctx, "remove webhook", func(q query) error {
		changed, err := q.exec(ctx, `UPDATE webhooks SET removed = COALESCE(removed, ?), secret = '', lease = '' WHERE id = ?`, micros(at), id)
		if err == nil && changed == 0 {
			return noWebhook(id)
		}
		if err == nil {
			_, err = q.exec(ctx, `DELETE FROM deliveries WHERE webhook = ?`, id)
		}
		if err != nil {
			return fmt.Errorf("removing webhook %s: %w", id, err)
		}
		return nil
	})
}

func noWebhook(id string) error {
	return itsm.Errorf(itsm.CodeNotFound, "there is no webhook %s; see the list of webhooks", id)
}

const selectWebhooks = `SELECT id, url, types, kinds, description, secret, created, created_by, removed, disabled, reached, failures FROM webhooks`

type webhookRow struct {
	ID          string `db:"id"`
	URL         string `db:"url"`
	Types       string `db:"types"`
	Kinds       string `db:"kinds"`
	Description string `db:"description"`
	Secret      string `db:"secret"`
	Created     int64  `db:"created"`
	CreatedBy   string `db:"created_by"`
	Removed     *int64 `db:"removed"`
	Disabled    *int64 `db:"disabled"`
	Reached     string `db:"reached"`
	Failures    int    `db:"failures"`
}

func (r webhookRow) mark() mark {
	return mark{List: "webhooks", Numbers: []int64{r.Created}, Texts: []string{r.ID}}
}

// webhook leaves the secret out.
func (r webhookRow) webhook() (Webhook, error) {
	by, err := parseActor(r.CreatedBy)
	if err != nil {
		return Webhook{}, err
	}
	w := Webhook{
		ID: r.ID, URL: r.URL, Description: r.Description,
		CreatedAt: fromMicros(r.Created), CreatedBy: by, DisabledAt: optionalTime(r.Disabled),
	}
	if err := json.Unmarshal([]byte(r.Types), &w.Types); err != nil {
		return Webhook{}, fmt.Errorf("reading the types of webhook %s: %w", r.ID, err)
	}
	if err := json.Unmarshal([]byte(r.Kinds), &w.Kinds); err != nil {
		return Webhook{}, fmt.Errorf("reading the kinds of webhook %s: %w", r.ID, err)
	}
	return w, nil
}
