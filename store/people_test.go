package store_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
)

func TestAbsencesAreFoundWhereTheyOverlap(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		day := func(n int) time.Time { return noon.AddDate(0, 0, n) }
		away := func(person string, from, to int) itsm.Absence {
			return itsm.Absence{Person: person, From: day(from), To: day(to), Delegate: "ines"}
		}
		all := []itsm.Absence{away("maria", 0, 2), away("maria", 4, 6), away("tom", 1, 5)}
		for _, a := range append(all, all...) {
			require.NoError(t, b.AddAbsence(t.Context(), applying(), a, noon))
		}
		both := []string{"maria", "tom", "nobody"}
		for _, c := range []struct {
			persons  []string
			from, to int
			want     []itsm.Absence
		}{
			{both, 0, 10, all},
			{both, 2, 4, all[2:]}, // the end is excluded on both sides
			{[]string{"maria"}, 1, 5, all[:2]},
			{both, 6, 9, nil},
			{nil, 0, 10, nil},
		} {
			found, err := b.Absences(t.Context(), c.persons, day(c.from), day(c.to))
			require.NoError(t, err)
			assert.Equal(t, c.want, found, "%v", c)
		}
		requireCode(t, itsm.CodeAbsenceInvalid, b.AddAbsence(t.Context(), applying(), away("maria", 3, 3), noon))
	})
}

func TestTokensAreKnownByTheirHashAlone(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		hash := func(secret string) []byte { sum := sha256.Sum256([]byte(secret)); return sum[:] }
		expires := noon.Add(time.Hour)
		tokens := []store.Token{
			{ID: "t3", Hash: hash("c"), Subject: itsm.Integration("ci:build"), Roles: []string{}, Service: "payments", CreatedAt: noon.Add(time.Second)},
			{ID: "t2", Hash: hash("b"), Subject: itsm.Person("maria"), Roles: []string{"admin", "auditor"}, Label: "laptop", CreatedAt: noon, ExpiresAt: &expires},
			{ID: "t1", Hash: hash("a"), Subject: itsm.Person("tom"), Roles: []string{"operator"}, CreatedAt: noon},
		}
		for _, token := range tokens {
			require.NoError(t, b.CreateToken(t.Context(), token))
			found, err := b.TokenByHash(t.Context(), token.Hash)
			require.NoError(t, err)
			assert.Equal(t, token, found)
		}
		_, err := b.TokenByHash(t.Context(), hash("guess"))
		requireCode(t, itsm.CodeNotFound, err)
		requireCode(t, itsm.CodeKeyReused, b.CreateToken(t.Context(), store.Token{ID: "t1", Hash: hash("d"), CreatedAt: noon}))
		require.Error(t, b.CreateToken(t.Context(), store.Token{ID: "t4", Hash: hash("a"), CreatedAt: noon}), "a hash is there once")
		require.Error(t, b.CreateToken(t.Context(), store.Token{ID: "t5", Hash: []byte("secret"), CreatedAt: noon}), "a secret is no hash")

		require.NoError(t, b.RevokeToken(t.Context(), "t1", noon))
		require.NoError(t, b.RevokeToken(t.Context(), "t1", noon.Add(time.Hour)))
		tokens[2].RevokedAt = &noon
		requireCode(t, itsm.CodeNotFound, b.RevokeToken(t.Context(), "t9", noon))
		listed := everyPage(t, func(cursor string) (store.Page[store.Token], error) {
			return b.Tokens(t.Context(), cursor, 1)
		})
		assert.Equal(t, tokens, listed)
	})
}
