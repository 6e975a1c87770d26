package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/steward-itsm/steward/itsm"
)

// Token is what the store knows of a bearer token: all but its secret.
type Token struct {
	ID        string
	Hash      []byte // SHA-256 of the secret, 32 bytes
	Subject   itsm.Actor
	Roles     []string
	Service   string // of an integration
	Label     string
	CreatedAt time.Time
	ExpiresAt *time.Time
	RevokedAt *time.Time
}

// CreateToken stores a new token. An ID that is taken has itsm.CodeKeyReused:
// callers name tokens after their idempotency keys, and no secret is kept with
// which the first answer could be repeated.
func (s *Store) CreateToken(ctx context.Context, t Token) error {
	roles, err := json.Marshal(t.Roles)
	if err != nil {
		return fmt.Errorf("writing the roles: %w", err)
	}
	err = s.write(ctx, "create token", func(q query) error {
		inserted, err := q.exec(ctx, `INSERT INTO tokens (id, hash, subject, roles, service, label, created, expires, revoked) VALUES `+tuples(1, 9)+` ON CONFLICT (id) DO NOTHING`,
			t.ID, t.Hash, t.Subject.String(), string(roles), t.Service, t.Label, micros(t.CreatedAt), optionalMicros(t.ExpiresAt), optionalMicros(t.RevokedAt))
		if err == nil && inserted == 0 {
			err = itsm.Errorf(itsm.CodeKeyReused, "%s was made under this key, and its secret is kept nowhere; revoke it and make another under a new key", t.ID)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("storing a token: %w", err)
	}
	return nil
}

const selectTokens = `SELECT id, hash, subject, roles, service, label, created, expires, revoked FROM tokens` //nolint:gosec // columns, not a token

// TokenByHash finds a token, be it expired or revoked; itsm.CodeNotFound where
// there is none.
func (s *Store) TokenByHash(ctx context.Context, hash []byte) (Token, error) {
	var row tokenRow
	if err := s.read("token").get(ctx, &row, selectTokens+` WHERE hash = ?`, hash); err != nil {
		return Token{}, missing(err, "there is no such token; ask an administrator for a new one")
	}
	return row.token()
}

// RevokeToken ends a token; once more changes nothing. itsm.CodeNotFound where
// there is none.
func (s *Store) RevokeToken(ctx context.Context, id string, at time.Time) error {
	return s.write(ctx, "revoke token", func(q query) error {
		changed, err := q.exec(ctx, `UPDATE tokens SET revoked = COALESCE(revoked, ?) WHERE id = ?`, micros(at), id)
		if err != nil {
			return fmt.Errorf("revoking a token: %w", err)
		}
		if changed == 0 {
			return itsm.Errorf(itsm.CodeNotFound, "there is no token %s; see the list of tokens", id)
		}
		return nil
	})
}

// Tokens lists all tokens, the newest first. Limit 0 is 50, and at most 500. A
// cursor that is none has itsm.CodeInvalid.
func (s *Store) Tokens(ctx context.Context, cursor string, limit int) (Page[Token], error) {
	statement, args := selectTokens, []any{}
	if cursor != "" {
		from, err := tokenRow{}.mark().parse(cursor)
		if err != nil {
			return Page[Token]{}, err
		}
		statement += ` WHERE (created, id) < (?, ?)`
		args = from.args()
	}
	size := pageSize(limit)
	var rows []tokenRow
	err := s.read("tokens").list(ctx, &rows, statement+` ORDER BY created DESC, id DESC LIMIT ?`, append(args, size+1)...)
	if err != nil {
		return Page[Token]{}, fmt.Errorf("listing tokens: %w", err)
	}
	return paged(rows, size, tokenRow.token, tokenRow.mark)
}

type tokenRow struct {
	ID      string `db:"id"`
	Hash    []byte `db:"hash"`
	Subject string `db:"subject"`
	Roles   string `db:"roles"`
	Service string `db:"service"`
	Label   string `db:"label"`
	Created int64  `db:"created"`
	Expires *int64 `db:"expires"`
	Revoked *int64 `db:"revoked"`
}

func (r tokenRow) mark() mark {
	return mark{List: "tokens", Numbers: []int64{r.Created}, Texts: []string{r.ID}}
}

func (r tokenRow) token() (Token, error) {
	subject, err := parseActor(r.Subject)
	if err != nil {
		return Token{}, err
	}
	t := Token{
		ID: r.ID, Hash: r.Hash, Subject: subject, Service: r.Service, Label: r.Label,
		CreatedAt: fromMicros(r.Created), ExpiresAt: optionalTime(r.Expires), RevokedAt: optionalTime(r.Revoked),
	}
	if err := json.Unmarshal([]byte(r.Roles), &t.Roles); err != nil {
		return Token{}, fmt.Errorf("reading the roles of token %s: %w", r.ID, err)
	}
	return t, nil
}
