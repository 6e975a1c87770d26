package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
)

func hook(id string) store.Webhook {
	return store.Webhook{
		ID: id, URL: "https://shop.test/hook", Secret: "whsec_" + id, Description: "Orders",
		Types: []itsm.EventType{"approval.closed"}, Kinds: []itsm.Kind{itsm.KindApproval},
		CreatedAt: noon, CreatedBy: itsm.Integration("admin"),
	}
}

func mustHook(t *testing.T, b bundle, w store.Webhook) {
	t.Helper()
	_, err := b.CreateWebhook(t.Context(), w)
	require.NoError(t, err)
}

// leased gives a lease on a webhook for half a minute from noon on.
func leased(t *testing.T, b bundle, id string) *store.Lease {
	t.Helper()
	l, err := b.LeaseWebhook(t.Context(), id, "one", noon, noon.Add(30*time.Second))
	require.NoError(t, err)
	require.NotNil(t, l)
	return l
}

// failed keeps the first event of a process as one that could not be delivered.
func failed(t *testing.T, b bundle, l *store.Lease, process string, state store.DeliveryState) store.Delivery {
	t.Helper()
	mustRecord(t, b.Store, opening(process))
	var d store.Delivery
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		page, err := b.Stream(t.Context(), store.StreamStart, store.StreamFilter{Process: process}, 0)
		if assert.NoError(c, err) && assert.Len(c, page.Events, 1) {
			d = store.Delivery{StreamEvent: page.Events[0], State: state, Attempts: 1, FirstAt: noon, NextAt: noon.Add(time.Minute), Fault: "no answer"}
		}
	}, time.Minute, time.Millisecond)
	require.NoError(t, b.KeepProgress(t.Context(), l, store.Progress{Reached: d.Cursor, Until: noon.Add(time.Minute), Failed: &d}))
	return d
}

func TestWebhookIsListedWithoutItsSecret(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		for i := range 3 {
			w := hook(fmt.Sprintf("wh_%d", i))
			w.CreatedAt = noon.Add(time.Duration(i) * time.Hour)
			made, err := b.CreateWebhook(t.Context(), w)
			require.NoError(t, err)
			assert.Equal(t, w, made)
		}
		first, err := b.Webhooks(t.Context(), "", 2)
		require.NoError(t, err)
		rest, err := b.Webhooks(t.Context(), first.Next, 2)
		require.NoError(t, err)
		assert.Empty(t, rest.Next)
		var listed []string
		for _, w := range append(first.Items, rest.Items...) {
			assert.Empty(t, w.Secret)
			assert.Equal(t, hook(w.ID).Types, w.Types)
			listed = append(listed, w.ID)
		}
		assert.Equal(t, []string{"wh_2", "wh_1", "wh_0"}, listed)
		_, err = b.Webhooks(t.Context(), "nonsense", 0)
		requireCode(t, itsm.CodeInvalid, err)
	})
}

func TestRetriedCreationGivesTheSameWebhook(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustHook(t, b, hook("wh_1"))
		again := hook("wh_1")
		again.Secret, again.CreatedAt = "whsec_another", noon.Add(time.Hour)
		made, err := b.CreateWebhook(t.Context(), again)
		require.NoError(t, err)
		assert.Equal(t, hook("wh_1"), made)

		other := hook("wh_1")
		other.URL = "https://other.test"
		_, err = b.CreateWebhook(t.Context(), other)
		requireCode(t, itsm.CodeKeyReused, err)
		require.NoError(t, b.RemoveWebhook(t.Context(), "wh_1", noon))
		_, err = b.CreateWebhook(t.Context(), hook("wh_1"))
		requireCode(t, itsm.CodeKeyReused, err)
	})
}

func TestRemovedWebhookIsGoneWithItsSecretAndItsDeliveries(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustHook(t, b, hook("wh_1"))
		l := leased(t, b, "wh_1")
		failed(t, b, l, "APR-1", store.DeliveryDead)
		require.NoError(t, b.RemoveWebhook(t.Context(), "wh_1", noon))
		require.NoError(t, b.RemoveWebhook(t.Context(), "wh_1", noon), "once more changes nothing")
		requireCode(t, itsm.CodeNotFound, b.RemoveWebhook(t.Context(), "wh_2", noon))

		page, err := b.Webhooks(t.Context(), "", 0)
		require.NoError(t, err)
		assert.Empty(t, page.Items)
		_, err = b.Deliveries(t.Context(), "wh_1", "", "", 0)
		requireCode(t, itsm.CodeNotFound, err)
		_, err = b.ResendDead(t.Context(), store.Command{Actor: itsm.Person("raj"), Key: "k"}, "wh_1", noon)
		requireCode(t, itsm.CodeNotFound, err)
		require.ErrorIs(t, b.KeepProgress(t.Context(), l, store.Progress{Reached: "1.1"}), store.ErrLeaseLost)
		var left int
		require.NoError(t, b.raw(t).Get(&left, `SELECT (SELECT count(*) FROM deliveries) + (SELECT count(*) FROM webhooks WHERE secret <> '')`))
		assert.Zero(t, left)
	})
}

func TestWebhookIsWorkedOnByOneAtATime(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustHook(t, b, hook("wh_1"))
		got := make([]*store.Lease, 8)
		atOnce(len(got), func(i int) {
			var err error
			got[i], err = b.LeaseWebhook(t.Context(), "wh_1", fmt.Sprint(i), noon, noon.Add(30*time.Second))
			assert.NoError(t, err)
		})
		var holder *store.Lease
		for _, l := range got {
			if l != nil {
				require.Nil(t, holder, "two have it")
				holder = l
			}
		}
		require.NotNil(t, holder)
		assert.Equal(t, "whsec_wh_1", holder.Secret)

		other, err := b.LeaseWebhook(t.Context(), "wh_1", "other", noon.Add(30*time.Second), noon.Add(time.Minute))
		require.NoError(t, err)
		require.NotNil(t, other, "a lease that has run out is taken over")
		require.ErrorIs(t, b.KeepProgress(t.Context(), holder, store.Progress{Reached: "9.9"}), store.ErrLeaseLost)
		require.NoError(t, b.ReleaseWebhook(t.Context(), holder), "which takes nothing from the other")
		require.NoError(t, b.KeepProgress(t.Context(), other, store.Progress{Reached: "0.7", Failures: 2, Until: noon.Add(time.Hour)}))

		require.NoError(t, b.ReleaseWebhook(t.Context(), other))
		third, err := b.LeaseWebhook(t.Context(), "wh_1", "third", noon, noon.Add(time.Second))
		require.NoError(t, err)
		require.NotNil(t, third)
		assert.Equal(t, "0.7", third.Reached)
		assert.Equal(t, 2, third.Failures)
	})
}

func TestWebhookIsReadyOnlyWhenThereIsSomethingToDeliver(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		ready := func(now time.Time) []string {
			ids, err := b.ReadyWebhooks(t.Context(), now)
			require.NoError(t, err)
			return ids
		}
		mustHook(t, b, hook("wh_1"))
		assert.Empty(t, ready(noon), "it begins with what happens from now on")
		l := leased(t, b, "wh_1")
		d := failed(t, b, l, "APR-1", store.DeliveryPending)
		mustRecord(t, b.Store, opening("APR-2"))
		assert.Empty(t, ready(noon), "somebody works on it")
		require.NoError(t, b.ReleaseWebhook(t.Context(), l))
		require.EventuallyWithT(t, func(c *assert.CollectT) { assert.Equal(c, []string{"wh_1"}, ready(noon)) }, time.Minute, time.Millisecond)

		end, err := b.StreamEnd(t.Context())
		require.NoError(t, err)
		keep := func(p store.Progress) {
			l := leased(t, b, "wh_1")
			require.NoError(t, b.KeepProgress(t.Context(), l, p))
			require.NoError(t, b.ReleaseWebhook(t.Context(), l))
		}
		keep(store.Progress{Reached: end})
		assert.Empty(t, ready(noon))
		assert.Equal(t, []string{"wh_1"}, ready(d.NextAt), "what failed is due again")
		keep(store.Progress{Reached: end, Done: &d})
		assert.Empty(t, ready(d.NextAt))
		keep(store.Progress{Reached: "0.0", NotBefore: noon.Add(time.Hour)})
		assert.Empty(t, ready(noon), "its receiver asked to wait")
		assert.Equal(t, []string{"wh_1"}, ready(noon.Add(time.Hour)))
	})
}

func TestDeadDeliveryIsSentAgainByHandOnceForEachKey(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustHook(t, b, hook("wh_1"))
		l := leased(t, b, "wh_1")
		dead := failed(t, b, l, "APR-1", store.DeliveryDead)
		pending := failed(t, b, l, "APR-2", store.DeliveryPending)
		resend := func(key, process string) int {
			n, err := b.Resend(t.Context(), store.Command{Actor: itsm.Person("raj"), Key: key, Fingerprint: process}, "wh_1", process, 1, noon)
			require.NoError(t, err)
			return n
		}
		assert.Equal(t, 1, resend("k1", "APR-1"))
		assert.Equal(t, 0, resend("k2", "APR-1"), "it is pending now")
		assert.Equal(t, 0, resend("k3", "APR-2"))

		due, err := b.DueDeliveries(t.Context(), "wh_1", noon, 0)
		require.NoError(t, err)
		dead.State, dead.Attempts, dead.NextAt = store.DeliveryPending, 0, noon
		assert.Equal(t, []store.Delivery{dead}, due)
		require.NoError(t, b.KeepProgress(t.Context(), l, store.Progress{Reached: pending.Cursor, Done: &dead}))
		assert.Equal(t, 1, resend("k1", "APR-1"), "a retry has the first answer, also after it was delivered")
		_, err = b.Resend(t.Context(), store.Command{Actor: itsm.Person("raj"), Key: "k4"}, "wh_1", "APR-1", 1, noon)
		requireCode(t, itsm.CodeNotFound, err)
		_, err = b.Resend(t.Context(), store.Command{Actor: itsm.Person("raj"), Key: "k1"}, "wh_1", "APR-9", 1, noon)
		requireCode(t, itsm.CodeKeyReused, err)
	})
}

func TestResendingAllWakesAWebhookWhoseReceiverWasGone(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustHook(t, b, hook("wh_1"))
		l := leased(t, b, "wh_1")
		for i := range 3 {
			failed(t, b, l, fmt.Sprintf("APR-%d", i+1), store.DeliveryDead)
		}
		require.NoError(t, b.KeepProgress(t.Context(), l, store.Progress{Reached: "0.0", Gone: &noon}))
		require.NoError(t, b.ReleaseWebhook(t.Context(), l))
		ids, err := b.ReadyWebhooks(t.Context(), noon)
		require.NoError(t, err)
		assert.Empty(t, ids)
		page, err := b.Webhooks(t.Context(), "", 0)
		require.NoError(t, err)
		assert.Equal(t, noon, *page.Items[0].DisabledAt)

		n, err := b.ResendDead(t.Context(), store.Command{Actor: itsm.Person("raj"), Key: "k"}, "wh_1", noon)
		require.NoError(t, err)
		assert.Equal(t, 3, n)
		ids, err = b.ReadyWebhooks(t.Context(), noon)
		require.NoError(t, err)
		assert.Equal(t, []string{"wh_1"}, ids)
	})
}

func TestDeliveriesAreListedInTheOrderOfTheEvents(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustHook(t, b, hook("wh_1"))
		mustHook(t, b, hook("wh_2"))
		l := leased(t, b, "wh_1")
		var want []store.Delivery
		for i := range 5 {
			state := store.DeliveryDead
			if i%2 == 0 {
				state = store.DeliveryPending
			}
			want = append(want, failed(t, b, l, fmt.Sprintf("APR-%d", 9-i), state))
		}
		for state, expected := range map[store.DeliveryState][]store.Delivery{
			"": want, store.DeliveryDead: {want[1], want[3]}, store.DeliveryPending: {want[0], want[2], want[4]},
		} {
			var got []store.Delivery
			for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
				page, err := b.Deliveries(t.Context(), "wh_1", state, cursor, 2)
				require.NoError(t, err)
				got, cursor = append(got, page.Items...), page.Next
			}
			assert.Equal(t, expected, got, state)
		}
		none, err := b.Deliveries(t.Context(), "wh_2", "", "", 0)
		require.NoError(t, err)
		assert.Empty(t, none.Items)
	})
}
