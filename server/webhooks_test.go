package server

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
	"github.com/steward-itsm/steward/store"
)

func (b *bundle) hook(t *testing.T, body string, options ...option) api.NewWebhook {
	t.Helper()
	return into[api.NewWebhook](t, b.do(t, http.MethodPost, "/v1/webhooks", body, append(options, asToken(b.admin))...).is(t, http.StatusCreated))
}

// undelivered makes the first event of a process one that a webhook did not deliver.
func (b *bundle) undelivered(t *testing.T, hook, process string, state store.DeliveryState) {
	t.Helper()
	b.happen(t, process, 1, 1, "")
	page, err := b.store.Stream(t.Context(), store.StreamStart, store.StreamFilter{Process: process}, 0)
	require.NoError(t, err)
	l, err := b.store.LeaseWebhook(t.Context(), hook, "test", noon, noon)
	require.NoError(t, err)
	require.NotNil(t, l)
	require.NoError(t, b.store.KeepProgress(t.Context(), l, store.Progress{Reached: page.Next, Failed: &store.Delivery{
		StreamEvent: page.Events[0], State: state, Attempts: 3, FirstAt: noon, NextAt: noon.Add(time.Hour), Fault: "the receiver answered 500",
	}}))
	require.NoError(t, b.store.ReleaseWebhook(t.Context(), l))
}

func TestWebhookSecretIsShownOnlyToWhoMakesIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const body = `{"url": "https://shop.test/hook?key=hunter2", "types": ["approval.closed"], "kinds": ["approval"], "description": "Orders"}`
	made := b.hook(t, body, header("Idempotency-Key", "k1"))
	encoded, ok := strings.CutPrefix(made.Secret, "whsec_")
	require.True(t, ok)
	key, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(t, err)
	assert.Len(t, key, 32)
	assert.Equal(t, api.Webhook{
		Id: made.Webhook.Id, Url: "https://shop.test/hook?key=hunter2", Types: []string{"approval.closed"}, Kinds: []itsm.Kind{itsm.KindApproval},
		Description: "Orders", CreatedAt: noon, CreatedBy: itsm.Integration("admin"),
	}, made.Webhook)

	listed := b.do(t, http.MethodGet, "/v1/webhooks", "", asToken(b.admin)).is(t, http.StatusOK)
	assert.Equal(t, []api.Webhook{made.Webhook}, into[api.WebhookPage](t, listed).Items)
	assert.NotContains(t, listed.Body.String(), encoded)
	assert.NotContains(t, b.logs.String(), encoded)
	assert.NotContains(t, b.logs.String(), "hunter2")

	assert.Equal(t, made, b.hook(t, body, header("Idempotency-Key", "k1")), "a retry gets the same answer")
	other := b.hook(t, body, header("Idempotency-Key", "k2"))
	assert.NotEqual(t, made.Secret, other.Secret)
	assert.NotEqual(t, made.Webhook.Id, other.Webhook.Id)
	b.do(t, http.MethodPost, "/v1/webhooks", `{"url": "https://shop.test/other"}`, asToken(b.admin), header("Idempotency-Key", "k1")).
		problem(t, http.StatusUnprocessableEntity, itsm.CodeKeyReused)
}

func TestWebhookNeedsAURLOfTheWeb(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, url := range []string{"", "shop.test", "ftp://shop.test/x", "https://", "/hook", "http://[::1", "file:///etc/passwd"} {
		p := b.do(t, http.MethodPost, "/v1/webhooks", fmt.Sprintf(`{"url": %q}`, url), asToken(b.admin)).
			problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
		require.Len(t, p.Errors, 1)
		assert.Equal(t, "/url", p.Errors[0].Field)
	}
	b.do(t, http.MethodPost, "/v1/webhooks", `{"url": "https://shop.test", "kinds": ["party"]}`, asToken(b.admin)).
		problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
}

func TestRemovedWebhookIsNotListed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.hook(t, `{"url": "https://shop.test/hook"}`).Webhook.Id
	for range 2 {
		b.do(t, http.MethodDelete, "/v1/webhooks/"+id, "", asToken(b.admin)).is(t, http.StatusNoContent)
	}
	page := into[api.WebhookPage](t, b.do(t, http.MethodGet, "/v1/webhooks", "", asToken(b.admin)).is(t, http.StatusOK))
	assert.Empty(t, page.Items)
	for _, request := range []struct{ method, path string }{
		{http.MethodDelete, "/v1/webhooks/wh_0"},
		{http.MethodGet, "/v1/webhooks/" + id + "/deliveries"},
		{http.MethodPost, "/v1/webhooks/" + id + "/resend"},
		{http.MethodPost, "/v1/webhooks/" + id + "/deliveries/APR-1.1/resend"},
	} {
		b.do(t, request.method, request.path, "", asToken(b.admin)).problem(t, http.StatusNotFound, itsm.CodeNotFound)
	}
}

func TestDeliveriesThatFailedAreListedAndSentAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.hook(t, `{"url": "https://shop.test/hook"}`).Webhook.Id
	b.undelivered(t, id, "APR-1", store.DeliveryDead)
	b.undelivered(t, id, "APR-2", store.DeliveryPending)
	b.undelivered(t, id, "APR-3", store.DeliveryDead)
	list := func(state string) (items []api.Delivery) {
		return into[api.DeliveryPage](t, b.do(t, http.MethodGet, "/v1/webhooks/"+id+"/deliveries"+state, "", asToken(b.admin)).is(t, http.StatusOK)).Items
	}
	assert.Len(t, list(""), 3)
	assert.Len(t, list("?state=dead"), 2)
	next := noon.Add(time.Hour)
	assert.Equal(t, []api.Delivery{{
		Event: "APR-2.1", Process: "APR-2", Number: 1, Type: "stage.opened", State: "pending", Attempts: 3,
		FirstAt: noon, NextAt: &next, Error: "the receiver answered 500",
	}}, list("?state=pending"))
	assert.Nil(t, list("?state=dead")[0].NextAt)
	b.do(t, http.MethodGet, "/v1/webhooks/"+id+"/deliveries?state=lost", "", asToken(b.admin)).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)

	resend := func(path string, key string) int {
		return into[api.Resent](t, b.do(t, http.MethodPost, "/v1/webhooks/"+id+path, "", asToken(b.admin), header("Idempotency-Key", key)).is(t, http.StatusOK)).Resent
	}
	assert.Equal(t, 1, resend("/deliveries/APR-1.1/resend", "k1"))
	assert.Equal(t, 1, resend("/deliveries/APR-1.1/resend", "k1"), "a retry")
	assert.Equal(t, 0, resend("/deliveries/APR-1.1/resend", "k2"), "it is pending by now")
	assert.Equal(t, 1, resend("/resend", "k3"))
	assert.Empty(t, list("?state=dead"))
	for _, event := range []string{"APR-1.2", "APR-9.1", "APR-1", "APR-1.0", "APR-1.x", "APR-1.99999999999", "1.1"} {
		b.do(t, http.MethodPost, "/v1/webhooks/"+id+"/deliveries/"+event+"/resend", "", asToken(b.admin)).problem(t, http.StatusNotFound, itsm.CodeNotFound)
	}
}
