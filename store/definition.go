package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/steward-itsm/steward/itsm"
)

// Definition is one immutable version of what a process owner wrote.
type Definition struct {
	Kind      string
	Name      string
	Digest    string
	Title     string
	Owner     string
	Spec      json.RawMessage // the whole document as canonical JSON
	Text      string          // as it was written, in YAML or JSON
	Number    int             // 1, 2, 3 … per kind and name
	AppliedAt time.Time
	AppliedBy itsm.Actor
}

// Ref names a definition, whatever its version.
type Ref struct{ Kind, Name string }

// Ref gives the definition's name.
func (d Definition) Ref() Ref { return Ref{d.Kind, d.Name} }

const (
	selectVersions = `SELECT v.kind, v.name, v.number, v.digest, v.title, v.owner, v.spec, v.text, v.applied_at, v.applied_by FROM definition_versions v`
	selectCurrent  = selectVersions + ` JOIN definition_heads h ON h.kind = v.kind AND h.name = v.name AND h.number = v.number`
)

// CurrentDefinitions gives the current version of each of the named definitions
// in one statement, in no particular order. Those that do not exist are left out.
func (s *Store) CurrentDefinitions(ctx context.Context, refs ...Ref) ([]Definition, error) {
	found, err := s.read("current definitions").currentDefinitions(ctx, refs)
	if err != nil {
		return nil, fmt.Errorf("reading definitions: %w", err)
	}
	return found, nil
}

func (q query) currentDefinitions(ctx context.Context, refs []Ref) ([]Definition, error) {
	var all []Definition
	for chunk := range chunks(refs) {
		var args []any
		for _, ref := range chunk {
			args = append(args, ref.Kind, ref.Name)
		}
		found, err := q.definitions(ctx, selectCurrent+` WHERE (h.kind, h.name) IN (VALUES `+tuples(len(chunk), 2)+`)`, args...)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// Definition gives the version with the given digest, or the current one where
// digest is ""; itsm.CodeNotFound where there is none.
func (s *Store) Definition(ctx context.Context, kind, name, digest string) (Definition, error) {
	statement, args := selectCurrent+` WHERE h.kind = ? AND h.name = ?`, []any{kind, name}
	if digest != "" {
		statement = selectVersions + ` WHERE v.kind = ? AND v.name = ? AND v.digest = ? ORDER BY v.number DESC LIMIT 1`
		args = append(args, digest)
	}
	var row definitionRow
	if err := s.read("definition").get(ctx, &row, statement, args...); err != nil {
		return Definition{}, missing(err, "there is no such %s %s; see the list of definitions and its versions", kind, name)
	}
	return row.definition()
}

// Versions lists all versions of a definition, the newest first. Limit 0 is 50,
// and at most 500. A cursor that is none has itsm.CodeInvalid.
func (s *Store) Versions(ctx context.Context, kind, name, cursor string, limit int) (Page[Definition], error) {
	statement, args := selectVersions+` WHERE v.kind = ? AND v.name = ?`, []any{kind, name}
	at := func(r definitionRow) mark { return mark{List: "versions", Numbers: []int64{int64(r.Number)}} }
	if cursor != "" {
		from, err := at(definitionRow{}).parse(cursor)
		if err != nil {
			return Page[Definition]{}, err
		}
		statement += ` AND v.number < ?`
		args = append(args, from.args()...)
	}
	size := pageSize(limit)
	var rows []definitionRow
	err := s.read("versions").list(ctx, &rows, statement+` ORDER BY v.number DESC LIMIT ?`, append(args, size+1)...)
	if err != nil {
		return Page[Definition]{}, fmt.Errorf("listing the versions of %s %s: %w", kind, name, err)
	}
	return paged(rows, size, definitionRow.definition, at)
}

// Definitions lists the current version of every definition, or of those of one
// kind, by kind and name. Limit 0 is 50, and at most 500. A cursor that is none
// has itsm.CodeInvalid.
func (s *Store) Definitions(ctx context.Context, kind, cursor string, limit int) (Page[Definition], error) {
	var where []string
	var args []any
	if kind != "" {
		where, args = append(where, `h.kind = ?`), append(args, kind)
	}
	at := func(r definitionRow) mark { return mark{List: "definitions", Texts: []string{r.Kind, r.Name}} }
	if cursor != "" {
		from, err := at(definitionRow{}).parse(cursor)
		if err != nil {
			return Page[Definition]{}, err
		}
		where, args = append(where, `(h.kind, h.name) > (?, ?)`), append(args, from.args()...)
	}
	statement := selectCurrent
	if len(where) > 0 {
		statement += ` WHERE ` + strings.Join(where, ` AND `)
	}
	size := pageSize(limit)
	var rows []definitionRow
	err := s.read("definitions").list(ctx, &rows, statement+` ORDER BY h.kind, h.name LIMIT ?`, append(args, size+1)...)
	if err != nil {
		return Page[Definition]{}, fmt.Errorf("listing definitions: %w", err)
	}
	return paged(rows, size, definitionRow.definition, at)
}

func (q query) definitions(ctx context.Context, statement string, args ...any) ([]Definition, error) {
	var rows []definitionRow
	if err := q.list(ctx, &rows, statement, args...); err != nil {
		return nil, err
	}
	found := make([]Definition, 0, len(rows))
	for _, row := range rows {
		d, err := row.definition()
		if err != nil {
			return nil, err
		}
		found = append(found, d)
	}
	return found, nil
}

type definitionRow struct {
	Kind      string `db:"kind"`
	Name      string `db:"name"`
	Number    int    `db:"number"`
	Digest    string `db:"digest"`
	Title     string `db:"title"`
	Owner     string `db:"owner"`
	Spec      string `db:"spec"`
	Text      string `db:"text"`
	AppliedAt int64  `db:"applied_at"`
	AppliedBy string `db:"applied_by"`
}

func (r definitionRow) definition() (Definition, error) {
	by, err := parseActor(r.AppliedBy)
	return Definition{
		Kind: r.Kind, Name: r.Name, Digest: r.Digest, Title: r.Title, Owner: r.Owner,
		Spec: json.RawMessage(r.Spec), Text: r.Text, Number: r.Number,
		AppliedAt: fromMicros(r.AppliedAt), AppliedBy: by,
	}, err
}

// parseActor reads what itsm.Actor.String wrote.
func parseActor(text string) (itsm.Actor, error) {
	kind, name, ok := strings.Cut(text, ":")
	if !ok {
		return itsm.Actor{}, fmt.Errorf("stored actor %q has no kind", text)
	}
	return itsm.Actor{Kind: itsm.ActorKind(kind), Name: name}, nil
}
