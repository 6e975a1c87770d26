package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
)

func reservation(key string) store.Reservation {
	return store.Reservation{Actor: itsm.Person("raj"), Key: key, Fingerprint: "f1", Kind: itsm.KindApproval}
}

func TestSameKeyGetsTheSameNumberForEver(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		for _, c := range []struct {
			r       store.Reservation
			id      string
			existed bool
		}{
			{reservation("a"), "APR-1", false},
			{reservation("a"), "APR-1", true},
			{reservation("b"), "APR-2", false},
			{reservation("a"), "APR-1", true},
			{store.Reservation{Actor: itsm.Integration("raj"), Key: "a", Kind: itsm.KindApproval}, "APR-3", false},
			{store.Reservation{Actor: itsm.Person("raj"), Key: "c", Kind: itsm.KindIncident}, "INC-1", false},
			{reservation("d"), "APR-4", false},
		} {
			id, existed, err := b.Reserve(t.Context(), c.r, noon.Add(time.Hour))
			require.NoError(t, err)
			assert.Equal(t, c.id, id)
			assert.Equal(t, c.existed, existed)
		}
	})
}

func TestKeyOfAnotherCommandIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		_, _, err := b.Reserve(t.Context(), reservation("a"), noon)
		require.NoError(t, err)

		otherBody, otherKind := reservation("a"), reservation("a")
		otherBody.Fingerprint, otherKind.Kind = "f2", itsm.KindIncident
		for _, r := range []store.Reservation{otherBody, otherKind} {
			_, _, err = b.Reserve(t.Context(), r, noon)
			requireCode(t, itsm.CodeKeyReused, err)
		}
		unknown := reservation("z")
		unknown.Kind = "party"
		_, _, err = b.Reserve(t.Context(), unknown, noon)
		requireCode(t, itsm.CodeNotFound, err)
	})
}

func TestReservedNumberIsFoundByItsKey(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		first, other := reservation("a"), reservation("b")
		other.Fingerprint = "f2"
		for _, r := range []store.Reservation{first, other} {
			_, _, err := b.Reserve(t.Context(), r, noon)
			require.NoError(t, err)
		}
		for _, c := range []struct {
			actor       itsm.Actor
			key         string
			process     string
			fingerprint string
			ok          bool
		}{
			{itsm.Person("raj"), "a", "APR-1", "f1", true},
			{itsm.Person("raj"), "b", "APR-2", "f2", true},
			{itsm.Integration("raj"), "a", "", "", false},
			{itsm.Person("raj"), "c", "", "", false},
			{itsm.Person("raj"), "", "", "", false},
		} {
			process, fingerprint, ok, err := b.Reserved(t.Context(), c.actor, c.key)
			require.NoError(t, err)
			assert.Equal(t, []any{c.process, c.fingerprint, c.ok}, []any{process, fingerprint, ok}, "%s %q", c.actor, c.key)
		}
	})
}

func TestConcurrentCallersShareAKeyAndNeverANumber(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		const callers, keys = 40, 10
		ids := make([]string, callers)
		created := make([]bool, callers)
		atOnce(callers, func(i int) {
			id, existed, err := b.Reserve(t.Context(), reservation(fmt.Sprint(i%keys)), noon)
			assert.NoError(t, err)
			ids[i], created[i] = id, !existed
		})
		for i, id := range ids {
			assert.Equal(t, ids[i%keys], id)
		}
		slices.Sort(ids)
		assert.Len(t, slices.Compact(ids), keys)
		assert.Len(t, slices.DeleteFunc(created, func(c bool) bool { return !c }), keys, "one caller per key is the first")
	})
}

func TestReservedNumberIsKnownBeforeItsProcessIs(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		id, _, err := b.Store.Reserve(t.Context(), store.Reservation{Actor: itsm.System(), Key: "k", Fingerprint: "f", Kind: itsm.KindApproval}, time.Now())
		require.NoError(t, err)
		for process, want := range map[string]bool{id: true, "APR-999": false} {
			reserved, err := b.Store.IsReserved(t.Context(), process)
			require.NoError(t, err)
			assert.Equal(t, want, reserved)
		}
	})
}
