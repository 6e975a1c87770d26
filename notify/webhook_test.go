package notify

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// hook is what a receiver got.
type hook struct {
	header http.Header
	body   string
}

func receiver(t *testing.T, status int) (string, <-chan hook) {
	t.Helper()
	got := make(chan hook, 8)
	return answering(t, func(w http.ResponseWriter, r *http.Request) {
		got <- hook{r.Header.Clone(), read(t, r.Body)}
		w.WriteHeader(status)
	}), got
}

func post(t *testing.T, to string) Outcome {
	t.Helper()
	return sender(t, Options{WebhookSecret: secret}).Deliver(t.Context(), opened(), []Target{ToWebhook("chat", to)})[0]
}

func TestWebhookIsASignedCloudEvent(t *testing.T) {
	t.Parallel()
	to, got := receiver(t, http.StatusNoContent)
	o := post(t, to)
	assert.Equal(t, Outcome{Recipient: "chat", Channel: "webhook", Address: to, Result: "sent", Attempts: 1}, o)

	h := <-got
	assert.Contains(t, h.header.Get("Content-Type"), "application/cloudevents+json")
	assert.Equal(t, "APR-1/2", h.header.Get("webhook-id"))
	verifier, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	require.NoError(t, verifier.Verify([]byte(h.body), h.header))
	assert.JSONEq(t, `{
		"specversion": "1.0", "id": "APR-1/2", "source": "/processes/APR-1", "subject": "APR-1",
		"type": "itsm.steward.stage.opened", "time": "2026-03-02T08:30:00Z",
		"title": "Purchase: Oscilloscope — your decision, please",
		"link": "https://steward.acme.test/processes/APR-1",
		"datacontenttype": "application/json", "data": {"stage": "finance", "amount": 7400}}`, h.body)
}

func TestTamperedWebhookIsNotBelieved(t *testing.T) {
	t.Parallel()
	to, got := receiver(t, http.StatusOK)
	post(t, to)
	h := <-got
	verifier, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)

	require.Error(t, verifier.Verify([]byte(h.body[:len(h.body)-1]+" }"), h.header), "another body")
	for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
		forged := h.header.Clone()
		forged.Set(name, "1"+forged.Get(name)[1:])
		if name == "webhook-timestamp" {
			sent, err := strconv.ParseInt(h.header.Get(name), 10, 64)
			require.NoError(t, err)
			forged.Set(name, strconv.FormatInt(sent-1, 10))
		}
		require.Error(t, verifier.Verify([]byte(h.body), forged), name)
	}
	other, err := standardwebhooks.NewWebhook("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	require.NoError(t, err)
	require.Error(t, other.Verify([]byte(h.body), h.header), "another secret")
}

func TestRepeatedWebhookKeepsItsIDAndBody(t *testing.T) {
	t.Parallel()
	to, got := receiver(t, http.StatusBadGateway)
	s := sender(t, Options{WebhookSecret: secret})
	targets := []Target{ToWebhook("chat", to)}
	o := s.Deliver(t.Context(), opened(), targets)
	o = s.Redeliver(t.Context(), opened(), targets, o)
	assert.Equal(t, 2, o[0].Attempts)
	first, second := <-got, <-got
	assert.Equal(t, first.header.Get("webhook-id"), second.header.Get("webhook-id"))
	assert.Equal(t, first.body, second.body)
}

func TestStatusSaysWhetherToTryAgain(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]struct {
		result string
		retry  bool
	}{
		200: {ResultSent, false}, 201: {ResultSent, false}, 202: {ResultSent, false}, 204: {ResultSent, false},
		301: {ResultFailed, false}, 304: {ResultFailed, false}, 307: {ResultFailed, false},
		400: {ResultFailed, false}, 401: {ResultFailed, false}, 403: {ResultFailed, false}, 404: {ResultFailed, false},
		408: {ResultFailed, true}, 409: {ResultFailed, false}, 410: {ResultFailed, false}, 425: {ResultFailed, true},
		429: {ResultFailed, true}, 500: {ResultFailed, true}, 502: {ResultFailed, true}, 503: {ResultFailed, true}, 504: {ResultFailed, true},
	} {
		to, _ := receiver(t, status)
		o := post(t, to)
		assert.Equal(t, want.result, o.Result, status)
		assert.Equal(t, want.retry, o.Retry, status)
		if want.result == ResultFailed {
			assert.Contains(t, o.Detail, strconv.Itoa(status))
		}
	}
}

func TestRetryAfterIsReadAsSecondsOrDate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 8, 30, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"":                              0,
		"120":                           2 * time.Minute,
		"0":                             0,
		"-5":                            0,
		"soon":                          0,
		"1.5":                           0,
		"7200":                          time.Hour,
		"18446744073709551615":          time.Hour,
		"99999999999999999999":          0,
		"Mon, 02 Mar 2026 08:31:00 GMT": time.Minute,
		"Mon, 02 Mar 2026 08:29:00 GMT": 0,
		"Mon, 02 Mar 2099 08:31:00 GMT": time.Hour,
	} {
		assert.Equal(t, want, AskedToWait(header, now), header)
	}
	rapid.Check(t, func(t *rapid.T) {
		wait := AskedToWait(rapid.String().Draw(t, "header"), now)
		assert.GreaterOrEqual(t, wait, time.Duration(0))
		assert.LessOrEqual(t, wait, maxRetryAfter)
	})
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	inside, got := receiver(t, http.StatusOK)
	to := answering(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, inside, http.StatusTemporaryRedirect)
	})
	following := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
	s := sender(t, Options{WebhookSecret: secret, HTTPClient: following})
	o := s.Deliver(t.Context(), opened(), []Target{ToWebhook("chat", to)})[0]
	assert.Equal(t, ResultFailed, o.Result)
	assert.False(t, o.Retry)
	assert.Empty(t, got)
}

func TestOutcomeShowsNeitherTheSecretsOfAURLNorTheAnswer(t *testing.T) {
	t.Parallel()
	failing := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "hunter2: metadata of the inside", http.StatusInternalServerError)
	})
	closed, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())

	for _, host := range []string{failing[len("http://"):], closed.Addr().String()} {
		o := post(t, "http://user:hunter2@"+host+"/hook?token=hunter2#hunter2")
		assert.Equal(t, ResultFailed, o.Result)
		assert.True(t, o.Retry)
		assert.Equal(t, "http://"+host+"/hook", o.Address)
		text, err := json.Marshal(o)
		require.NoError(t, err)
		assert.NotContains(t, string(text), "hunter2")
	}
}

func TestURLThatIsNotOfTheWebIsRefusedForGood(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"", "ftp://a.test/x?k=hunter2", "file:///etc/passwd", "http://", "/hook", "http://a b?hunter2", "gopher://x", "http://[::1"} {
		o := post(t, to)
		assert.Equal(t, ResultFailed, o.Result, to)
		assert.False(t, o.Retry, to)
		assert.Empty(t, o.Address, to)
		assert.NotContains(t, o.Detail, "hunter2", to)
	}
}

func TestRedactedURLHasNoQueryAndNoCredentials(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		raw := url.URL{
			Scheme: "https", Host: "a.test", Path: "/" + rapid.StringMatching(`[a-z/]{0,9}`).Draw(t, "path"),
			User: url.UserPassword("hunter2", rapid.String().Draw(t, "password")), RawQuery: "hunter2=" + url.QueryEscape(rapid.String().Draw(t, "query")),
		}
		assert.Equal(t, "https://a.test"+raw.Path, redact(raw.String()))
	})
}

func TestTitleInAWebhookIsOneLine(t *testing.T) {
	t.Parallel()
	m := opened()
	m.Title = "Buy\r\n\x00now"
	assert.Equal(t, "Buy now", eventOf(m).Title)
}

func TestEventThatIsNotJSONFailsForGood(t *testing.T) {
	t.Parallel()
	m := opened()
	m.Data = json.RawMessage(`{"half`)
	o := sender(t, Options{WebhookSecret: secret}).Deliver(t.Context(), m, []Target{ToWebhook("chat", "http://127.0.0.1:1/")})[0]
	assert.Equal(t, ResultFailed, o.Result)
	assert.False(t, o.Retry)
}
