package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/steward-itsm/steward/itsm"
)

// ErrDryRun is what the check of ApplyDefinitions returns, together with the
// definitions, to learn what would change without changing it.
var ErrDryRun = errors.New("dry run")

// Action says what applying a definition did.
type Action string

// The actions.
const (
	Created   Action = "created"
	Updated   Action = "updated"
	Unchanged Action = "unchanged"
)

// Change is what applying one definition did.
type Change struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Digest string `json:"digest"`
	Number int    `json:"number"` // the current version after it
	Action Action `json:"action"`
}

// ApplyDefinitions stores what check returns as the current versions: all or
// nothing, and one apply after the other, so that what check saw still holds
// when it is stored. A retry of the command gets the changes that the first try
// made, and makes none: what was applied since stays. The same key with another
// fingerprint has itsm.CodeKeyReused. An error of check is returned as it is, and nothing is
// stored; with ErrDryRun in it the changes are returned, without an error, and
// the command counts as not sent.
//
// The check must ask the catalog it is given and not the store: on SQLite the
// store would wait for the transaction that check is part of. It runs again
// where the database breaks the transaction off.
func (s *Store) ApplyDefinitions(ctx context.Context, c Command, check func(current Catalog) ([]Definition, error), at time.Time) ([]Change, error) {
	var changes []Change
	err := s.write(ctx, "apply", func(q query) error {
		if err := q.serialise(ctx, lockDefinitions); err != nil {
			return fmt.Errorf("waiting for other applies: %w", err)
		}
		answer, begun, err := q.answer(ctx, c)
		if err != nil {
			return err
		}
		if begun {
			return json.Unmarshal(answer, &changes)
		}
		changes, err = q.checkAndApply(ctx, c, check, at)
		return err
	})
	if err != nil && !errors.Is(err, ErrDryRun) {
		return nil, err
	}
	return changes, nil
}

// checkAndApply also keeps the changes as the command's answer.
func (q query) checkAndApply(ctx context.Context, c Command, check func(current Catalog) ([]Definition, error), at time.Time) ([]Change, error) {
	catalog := &reading{ctx: ctx, query: q, known: map[Ref]*Definition{}}
	wanted, refused := check(catalog)
	if catalog.err != nil {
		return nil, fmt.Errorf("reading definitions: %w", catalog.err)
	}
	if refused != nil && !errors.Is(refused, ErrDryRun) {
		return nil, refused
	}
	changes, err := q.apply(ctx, wanted, c.Actor, at)
	if err != nil {
		return nil, fmt.Errorf("storing definitions: %w", err)
	}
	if refused != nil {
		return changes, refused
	}
	answer, err := encode(changes)
	if err != nil {
		return nil, err
	}
	return changes, q.begin(ctx, c, answer, at)
}

// serialise makes the transaction the only one with this number. A SQLite
// transaction that writes is alone from its beginning.
func (q query) serialise(ctx context.Context, number int64) error {
	if q.store.dialect.serialise == "" {
		return nil
	}
	_, err := q.exec(ctx, q.store.dialect.serialise, number)
	return err
}

func (q query) apply(ctx context.Context, wanted []Definition, by itsm.Actor, at time.Time) ([]Change, error) {
	heads, err := q.heads(ctx, wanted)
	if err != nil {
		return nil, err
	}
	changes := make([]Change, 0, len(wanted))
	var fresh []Definition
	for _, d := range wanted {
		head, exists := heads[d.Ref()]
		c := Change{Kind: d.Kind, Name: d.Name, Digest: d.Digest, Number: head.Number, Action: Unchanged}
		switch {
		case !exists:
			c.Action, c.Number = Created, 1
		case head.Digest != d.Digest:
			c.Action, c.Number = Updated, head.Number+1
		}
		if c.Action != Unchanged {
			d.Number, d.AppliedBy, d.AppliedAt = c.Number, by, at
			fresh = append(fresh, d)
		}
		changes = append(changes, c)
	}
	return changes, q.insertVersions(ctx, fresh)
}

func (q query) heads(ctx context.Context, wanted []Definition) (map[Ref]Definition, error) {
	refs := make([]Ref, 0, len(wanted))
	seen := make(map[Ref]bool, len(wanted))
	for _, d := range wanted {
		if seen[d.Ref()] {
			return nil, itsm.Errorf(itsm.CodeDefinitionInvalid, "%s %s is there twice; leave one out", d.Kind, d.Name)
		}
		seen[d.Ref()] = true
		refs = append(refs, d.Ref())
	}
	current, err := q.currentDefinitions(ctx, refs)
	heads := make(map[Ref]Definition, len(current))
	for _, d := range current {
		heads[d.Ref()] = d
	}
	return heads, err
}

func (q query) insertVersions(ctx context.Context, fresh []Definition) error {
	for chunk := range chunks(fresh) {
		var versions, heads []any
		for _, d := range chunk {
			versions = append(versions, d.Kind, d.Name, d.Number, d.Digest, d.Title, d.Owner,
				string(d.Spec), d.Text, micros(d.AppliedAt), d.AppliedBy.String())
			heads = append(heads, d.Kind, d.Name, d.Number)
		}
		_, err := q.exec(ctx, `INSERT INTO definition_versions (kind, name, number, digest, title, owner, spec, text, applied_at, applied_by) VALUES `+
			tuples(len(chunk), 10), versions...)
		if err != nil {
			return err
		}
		_, err = q.exec(ctx, `INSERT INTO definition_heads (kind, name, number) VALUES `+tuples(len(chunk), 3)+
			` ON CONFLICT (kind, name) DO UPDATE SET number = excluded.number`, heads...)
		if err != nil {
			return err
		}
	}
	return nil
}

// Catalog is the current definitions as the check of an apply sees them.
type Catalog interface {
	// Lookup finds a definition by its name.
	Lookup(kind, name string) (Definition, bool)
	// Names gives the names of all definitions of a kind, sorted.
	Names(kind string) []string
	// All gives all definitions of a kind, by name.
	All(kind string) []Definition
}

// reading is the catalog within a transaction. It keeps the first error of the
// database, which ends the apply whatever the check says, and answers nothing
// from then on.
type reading struct {
	ctx   context.Context //nolint:containedctx // lives as long as one call of check
	query query
	known map[Ref]*Definition // nil for what does not exist
	err   error
}

func (r *reading) Lookup(kind, name string) (Definition, bool) {
	ref := Ref{kind, name}
	found, asked := r.known[ref]
	if !asked && r.err == nil {
		var definitions []Definition
		if definitions, r.err = r.query.currentDefinitions(r.ctx, []Ref{ref}); len(definitions) > 0 {
			found = &definitions[0]
		}
		r.known[ref] = found
	}
	if found == nil {
		return Definition{}, false
	}
	return *found, true
}

func (r *reading) Names(kind string) []string {
	var names []string
	if r.err == nil {
		r.err = r.query.list(r.ctx, &names, `SELECT name FROM definition_heads WHERE kind = ? ORDER BY name`, kind)
	}
	return names
}

func (r *reading) All(kind string) []Definition {
	if r.err != nil {
		return nil
	}
	var all []Definition
	all, r.err = r.query.definitions(r.ctx, selectCurrent+` WHERE h.kind = ? ORDER BY h.name`, kind)
	for _, d := range all {
		r.known[d.Ref()] = &d
	}
	return all
}
