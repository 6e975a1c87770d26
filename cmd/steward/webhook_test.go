package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

func TestWebhookSecretIsPrintedAlone(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("POST /v1/webhooks", 201, api.NewWebhook{Secret: "whsec_x", Webhook: api.Webhook{Id: "wh_1", Url: "https://shop.test"}})
	got := s.run("webhook", "add", "https://shop.test", "--kind", "transition", "--type", "step.failed,step.blocked", "--description", "Orders")
	require.Equal(t, exitDone, got.code, got.errOut)
	assert.Equal(t, "whsec_x\n", got.out)
	assert.Contains(t, got.errOut, "wh_1")
	assert.JSONEq(t, `{"url": "https://shop.test", "kinds": ["transition"], "types": ["step.failed", "step.blocked"], "description": "Orders"}`, s.sent().body)
	assert.Equal(t, "key-1", s.sent().header.Get("Idempotency-Key"))
}

func TestWebhooksAreListedWithWhatTheyGet(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("GET /v1/webhooks", 200, api.WebhookPage{Items: []api.Webhook{
		{Id: "wh_2", Url: "https://ci.test", Types: []string{"step.failed"}, Kinds: []itsm.Kind{itsm.KindTransition}, CreatedAt: noon, Disabled: true},
		{Id: "wh_1", Url: "https://shop.test", CreatedAt: noon, Description: "Orders"},
	}})
	assert.Equal(t, ""+
		"ID    URL                TYPES        KINDS       STATE     CREATED                  DESCRIPTION\n"+
		"wh_2  https://ci.test    step.failed  transition  disabled  2026-11-30 13:00:00 CET\n"+
		"wh_1  https://shop.test  all          all         active    2026-11-30 13:00:00 CET  Orders\n", s.run("webhook", "list").out)
}

func TestDeadDeliveriesAreListedAndSentAgain(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	next := noon.Add(time.Hour)
	s.answer("GET /v1/webhooks/wh_1/deliveries", 200, api.DeliveryPage{Items: []api.Delivery{
		{Event: "CHG-1.7", Type: "step.failed", State: "dead", Attempts: 19, FirstAt: noon, Error: "the receiver answered 500"},
		{Event: "CHG-1.8", Type: "step.blocked", State: "pending", Attempts: 2, FirstAt: noon, NextAt: &next},
	}})
	got := s.run("webhook", "deliveries", "wh_1", "--dead")
	assert.Contains(t, s.sent().query, "state=dead")
	assert.Equal(t, ""+
		"EVENT    TYPE          STATE    TRIES  FIRST                    NEXT                                WHY\n"+
		"CHG-1.7  step.failed   dead     19     2026-11-30 13:00:00 CET  -                                   the receiver answered 500\n"+
		"CHG-1.8  step.blocked  pending  2      2026-11-30 13:00:00 CET  2026-11-30 14:00:00 CET (in 1h 0m)\n", got.out)

	s.answer("POST /v1/webhooks/wh_1/resend", 200, api.Resent{Resent: 3})
	assert.Equal(t, "sent again: 3\n", s.run("webhook", "resend", "wh_1").out)
	s.answer("POST /v1/webhooks/wh_1/deliveries/CHG-1.7/resend", 200, api.Resent{Resent: 1})
	assert.Equal(t, "sent again: 1\n", s.run("webhook", "resend", "wh_1", "CHG-1.7").out)
	s.answer("DELETE /v1/webhooks/wh_1", 204, "")
	assert.Equal(t, "wh_1 is sent nothing any more\n", s.run("webhook", "remove", "wh_1").out)
}
