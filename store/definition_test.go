package store_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
)

func definition(kind, name, digest string) store.Definition {
	return store.Definition{
		Kind: kind, Name: name, Digest: digest, Title: "Title of " + name, Owner: "change-managers",
		Spec: json.RawMessage(`{"z":1,"a":"<&>"}`), Text: "# as written\nkind: " + kind + "\n",
	}
}

// wanting is a check that lets all through.
func wanting(definitions ...store.Definition) func(store.Catalog) ([]store.Definition, error) {
	return func(store.Catalog) ([]store.Definition, error) { return definitions, nil }
}

// applying is a command that was not sent before.
func applying() store.Command {
	return store.Command{Actor: itsm.Person("alice"), Key: rand.Text(), Fingerprint: "f1"}
}

func apply(t *testing.T, b bundle, definitions ...store.Definition) []store.Action {
	t.Helper()
	changes, err := b.ApplyDefinitions(t.Context(), applying(), wanting(definitions...), noon)
	require.NoError(t, err)
	var actions []store.Action
	for _, c := range changes {
		actions = append(actions, c.Action)
	}
	return actions
}

func TestDefinitionsAreVersionedByDigest(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		one, two := definition("ApprovalFlow", "purchase", "d1"), definition("ApprovalFlow", "purchase", "d2")
		assert.Equal(t, []store.Action{store.Created, store.Created}, apply(t, b, one, definition("Group", "cab", "d1")))
		assert.Equal(t, []store.Action{store.Unchanged}, apply(t, b, one))
		assert.Equal(t, []store.Action{store.Updated, store.Unchanged}, apply(t, b, two, definition("Group", "cab", "d1")))
		assert.Equal(t, []store.Action{store.Updated}, apply(t, b, one), "an old digest becomes current again")

		current, err := b.Definition(t.Context(), "ApprovalFlow", "purchase", "")
		require.NoError(t, err)
		one.Number, one.AppliedAt, one.AppliedBy = 3, noon, itsm.Person("alice")
		assert.Equal(t, one, current)
		old, err := b.Definition(t.Context(), "ApprovalFlow", "purchase", "d2")
		require.NoError(t, err)
		assert.Equal(t, 2, old.Number)
		_, err = b.Definition(t.Context(), "ApprovalFlow", "purchase", "d9")
		requireCode(t, itsm.CodeNotFound, err)
		_, err = b.Definition(t.Context(), "Person", "purchase", "")
		requireCode(t, itsm.CodeNotFound, err)

		versions := everyPage(t, func(cursor string) (store.Page[store.Definition], error) {
			return b.Versions(t.Context(), "ApprovalFlow", "purchase", cursor, 1)
		})
		assert.Equal(t, []string{"d1", "d2", "d1"}, namesOf(versions, func(d store.Definition) string { return d.Digest }))
	})
}

func TestDefinitionsAreListedByKindAndName(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		apply(t, b, definition("Person", "bob", "d1"), definition("Group", "cab", "d1"), definition("Person", "alice", "d1"), definition("Person", "Zoe", "d1"))
		apply(t, b, definition("Person", "bob", "d2"))
		list := func(kind string) []string {
			found := everyPage(t, func(cursor string) (store.Page[store.Definition], error) {
				return b.Definitions(t.Context(), kind, cursor, 1)
			})
			return namesOf(found, func(d store.Definition) string { return d.Name + " " + d.Digest })
		}
		assert.Equal(t, []string{"cab d1", "Zoe d1", "alice d1", "bob d2"}, list(""))
		assert.Equal(t, []string{"Zoe d1", "alice d1", "bob d2"}, list("Person"))
		assert.Empty(t, list("Calendar"))

		before := b.Statements()
		found, err := b.CurrentDefinitions(t.Context(), store.Ref{Kind: "Person", Name: "bob"}, store.Ref{Kind: "Group", Name: "cab"}, store.Ref{Kind: "Group", Name: "none"})
		require.NoError(t, err)
		assert.ElementsMatch(t, []string{"bob", "cab"}, namesOf(found, func(d store.Definition) string { return d.Name }))
		assert.EqualValues(t, 1, b.Statements()-before)
	})
}

func TestCheckSeesWhatIsCurrent(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		apply(t, b, definition("Person", "bob", "d1"), definition("Person", "alice", "d1"))
		apply(t, b, definition("Person", "bob", "d2"))
		_, err := b.ApplyDefinitions(t.Context(), applying(), func(current store.Catalog) ([]store.Definition, error) {
			bob, ok := current.Lookup("Person", "bob")
			assert.True(t, ok)
			assert.Equal(t, "d2", bob.Digest)
			_, ok = current.Lookup("Person", "nobody")
			assert.False(t, ok)
			assert.Equal(t, []string{"alice", "bob"}, current.Names("Person"))
			assert.Equal(t, []string{"d1", "d2"}, namesOf(current.All("Person"), func(d store.Definition) string { return d.Digest }))
			assert.Empty(t, current.All("Group"))
			return nil, nil
		}, noon)
		require.NoError(t, err)
	})
}

func TestRefusedOrDryRunAppliesStoreNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		changes, err := b.ApplyDefinitions(t.Context(), applying(), func(store.Catalog) ([]store.Definition, error) {
			return []store.Definition{definition("Person", "bob", "d1")}, store.ErrDryRun
		}, noon)
		require.NoError(t, err)
		assert.Equal(t, []store.Change{{Kind: "Person", Name: "bob", Digest: "d1", Number: 1, Action: store.Created}}, changes)

		refusal := errors.New("a typo")
		_, err = b.ApplyDefinitions(t.Context(), applying(), func(store.Catalog) ([]store.Definition, error) {
			return []store.Definition{definition("Person", "bob", "d1")}, refusal
		}, noon)
		require.ErrorIs(t, err, refusal)

		_, err = b.ApplyDefinitions(t.Context(), applying(), wanting(definition("Person", "bob", "d1"), definition("Person", "bob", "d2")), noon)
		requireCode(t, itsm.CodeDefinitionInvalid, err)

		page, err := b.Definitions(t.Context(), "", "", 0)
		require.NoError(t, err)
		assert.Empty(t, page.Items)
	})
}

// Each apply adds one person only if it sees as many as it expects: were two to
// overlap, both would see the same number.
func TestAppliesGoOneAfterTheOther(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		const applies = 12
		atOnce(applies, func(i int) {
			_, err := b.ApplyDefinitions(t.Context(), applying(), func(current store.Catalog) ([]store.Definition, error) {
				seen := len(current.Names("Person"))
				return []store.Definition{
					definition("Person", fmt.Sprintf("p%02d", seen), "d1"),
					definition("Group", "all", fmt.Sprintf("d%d", seen)),
				}, nil
			}, noon.Add(time.Duration(i)))
			assert.NoError(t, err)
		})
		people, err := b.Definitions(t.Context(), "Person", "", 0)
		require.NoError(t, err)
		assert.Len(t, people.Items, applies)
		all, err := b.Definition(t.Context(), "Group", "all", "")
		require.NoError(t, err)
		assert.Equal(t, applies, all.Number)
	})
}
