package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

// secret is the example of the Standard Webhooks specification.
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

var chen = Recipient{Person: "chen", Name: "陈晓", Email: "chen@acme.test", Timezone: "Asia/Shanghai"}

func opened() Message {
	return Message{
		ID: "APR-1/2", Process: "APR-1", Event: 2, Kind: "stage.opened",
		Title: "Purchase: Oscilloscope — your decision, please",
		Text:  "Raj Patel asks for 7400 EUR.\nTwo of three approvers are needed.",
		Link:  "/processes/APR-1",
		Data:  json.RawMessage(`{"stage":"finance","amount":7400}`),
		Time:  time.Date(2026, 3, 2, 8, 30, 0, 0, time.UTC),
	}
}

func sender(t *testing.T, o Options) *Sender {
	t.Helper()
	if o.PublicURL == "" {
		o.PublicURL = "https://steward.acme.test/"
	}
	s, err := New(o)
	require.NoError(t, err)
	return s
}

func answering(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func TestOnlySetUpChannelsAreListed(t *testing.T) {
	t.Parallel()
	assert.Empty(t, sender(t, Options{}).Channels())
	all := sender(t, Options{
		Log: slog.New(slog.DiscardHandler), WebhookSecret: secret,
		SMTP: &SMTPOptions{Address: "127.0.0.1:25", From: "steward@acme.test"},
	})
	assert.Equal(t, []string{"email", "log", "webhook"}, all.Channels())
}

func TestTargetThatCannotBeReachedIsSkippedWithTheReason(t *testing.T) {
	t.Parallel()
	withMail := sender(t, Options{SMTP: &SMTPOptions{Address: "127.0.0.1:25", From: "steward@acme.test"}})
	none := sender(t, Options{})
	for _, c := range []struct {
		sender *Sender
		to     Target
		says   string
	}{
		{none, ToEmail(chen), "notify.smtp"},
		{none, ToWebhook("chat", "http://127.0.0.1/"), "notify.webhookSecret"},
		{none, ToLog(chen), "not set up"},
		{none, Target{Channel: "pigeon"}, "not set up"},
		{withMail, ToEmail(Recipient{Person: "bob"}), "spec.email"},
	} {
		o := c.sender.Deliver(t.Context(), opened(), []Target{c.to})[0]
		assert.Equal(t, ResultSkipped, o.Result)
		assert.Contains(t, o.Detail, c.says)
		assert.Zero(t, o.Attempts)
		assert.False(t, o.Retry)
	}
}

func TestAnotherAttemptReachesOnlyWhatIsLeft(t *testing.T) {
	t.Parallel()
	var calls sync.Map
	count := func(name string) int {
		n, _ := calls.LoadOrStore(name, new(atomic.Int32))
		return int(n.(*atomic.Int32).Add(1))
	}
	url := answering(t, func(w http.ResponseWriter, r *http.Request) {
		n := count(r.URL.Path)
		switch {
		case r.URL.Path == "/gone":
			w.WriteHeader(http.StatusGone)
		case r.URL.Path == "/busy" && n == 1:
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	s := sender(t, Options{WebhookSecret: secret})
	to := []Target{ToWebhook("ok", url+"/ok"), ToWebhook("busy", url+"/busy"), ToWebhook("gone", url+"/gone")}

	first := s.Deliver(t.Context(), opened(), to)
	assert.Equal(t, []string{ResultSent, ResultFailed, ResultFailed}, results(first))
	after, again := Retry(first)
	assert.True(t, again)
	assert.Equal(t, 7*time.Second, after)

	second := s.Redeliver(t.Context(), opened(), to, first)
	assert.Equal(t, []string{ResultSent, ResultSent, ResultFailed}, results(second))
	assert.Equal(t, []int{1, 2, 1}, []int{second[0].Attempts, second[1].Attempts, second[2].Attempts})
	assert.Equal(t, first[2], second[2])
	_, again = Retry(second)
	assert.False(t, again)
	assert.Equal(t, 2, count("/ok"), "a delivered target is not asked again")
}

func TestTargetsAreTriedSideBySide(t *testing.T) {
	t.Parallel()
	var arrived atomic.Int32
	both := make(chan struct{})
	url := answering(t, func(_ http.ResponseWriter, r *http.Request) {
		if arrived.Add(1) == 2 {
			close(both)
		}
		select {
		case <-both:
		case <-r.Context().Done():
		}
	})
	got := sender(t, Options{WebhookSecret: secret}).Deliver(t.Context(), opened(), []Target{ToWebhook("a", url), ToWebhook("b", url)})
	assert.Equal(t, []string{ResultSent, ResultSent}, results(got), "each answers only once the other was reached too")
}

func TestTargetThatHangsIsLeftAndTriedAgain(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	hangs := answering(t, func(http.ResponseWriter, *http.Request) { <-done })
	t.Cleanup(func() { close(done) }) // before the server closes
	s := sender(t, Options{WebhookSecret: secret, Timeout: 50 * time.Millisecond})

	got := s.Deliver(t.Context(), opened(), []Target{ToWebhook("hangs", hangs)})
	assert.Equal(t, ResultFailed, got[0].Result)
	assert.True(t, got[0].Retry)
}

func TestNothingIsTriedOnceTheContextIsOver(t *testing.T) {
	t.Parallel()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	got := sender(t, Options{Log: slog.New(slog.DiscardHandler)}).Deliver(over, opened(), []Target{ToLog(chen)})
	assert.Equal(t, ResultFailed, got[0].Result)
	assert.True(t, got[0].Retry)
	assert.Zero(t, got[0].Attempts)
}

func TestManyMessagesAtOnceEachArriveOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]int{}
	url := answering(t, func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen[r.Header.Get("webhook-id")+r.URL.Path]++
	})
	s := sender(t, Options{WebhookSecret: secret})
	var to []Target
	for i := range 12 {
		to = append(to, ToWebhook("w", fmt.Sprintf("%s/%d", url, i)))
	}
	var all sync.WaitGroup
	for n := range 20 {
		all.Go(func() {
			m := opened()
			m.ID = fmt.Sprintf("APR-1/%d", n)
			for _, o := range s.Deliver(t.Context(), m, to) {
				assert.Equal(t, ResultSent, o.Result)
			}
		})
	}
	all.Wait()
	assert.Len(t, seen, 20*12)
	for key, times := range seen {
		assert.Equal(t, 1, times, key)
	}
}

func TestLogNamesTheRecipientButNotTheCase(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := sender(t, Options{Log: slog.New(slog.NewTextHandler(&out, nil))})
	m := opened()
	m.Title = "Buy\nlevel=ERROR"
	o := s.Deliver(t.Context(), m, []Target{ToLog(chen)})[0]
	assert.Equal(t, Outcome{Recipient: "chen", Channel: "log", Result: "sent", Attempts: 1}, o)
	assert.Contains(t, out.String(), "to=chen")
	assert.Contains(t, out.String(), "id=APR-1/2")
	assert.Contains(t, out.String(), "link=https://steward.acme.test/processes/APR-1")
	assert.NotContains(t, out.String(), "7400")
	assert.Equal(t, 1, bytes.Count(out.Bytes(), []byte("\n")))
}

func TestAllFaultyOptionsAreNamedAtOnceWithoutTheSecret(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]struct {
		options Options
		fields  []string
	}{
		"all": {
			Options{PublicURL: "ftp://x", WebhookSecret: "whsec_c2hvcnQ=", SMTP: &SMTPOptions{Address: "mail", From: "nobody", TLS: "ssl"}},
			[]string{"publicUrl", "notify.webhookSecret", "notify.smtp.address", "notify.smtp.from", "notify.smtp.tls"},
		},
		"secret too long":    {Options{WebhookSecret: "whsec_" + strings.Repeat("AAAA", 22)}, []string{"notify.webhookSecret"}},
		"no prefix":          {Options{WebhookSecret: secret[6:]}, []string{"notify.webhookSecret"}},
		"not base64":         {Options{WebhookSecret: "whsec_c2hvcnQ!"}, []string{"notify.webhookSecret"}},
		"password in clear":  {Options{SMTP: &SMTPOptions{Address: "mail.acme.test:25", From: "a@b.test", TLS: "none", Username: "u"}}, []string{"notify.smtp.tls"}},
		"port out of range":  {Options{SMTP: &SMTPOptions{Address: "mail.acme.test:99999", From: "a@b.test"}}, []string{"notify.smtp.address"}},
		"host left out":      {Options{SMTP: &SMTPOptions{Address: ":25", From: "a@b.test"}}, []string{"notify.smtp.address"}},
		"sender with header": {Options{SMTP: &SMTPOptions{Address: "m:25", From: "a@b.test\r\nBcc: x@y.test"}}, []string{"notify.smtp.from"}},
	} {
		_, err := New(o.options)
		var refused *itsm.Error
		require.ErrorAs(t, err, &refused, name)
		var fields []string
		for _, f := range refused.Fields {
			fields = append(fields, f.Field)
			assert.NotContains(t, f.Message, "c2hvcnQ")
		}
		assert.Equal(t, o.fields, fields, name)
		assert.NotContains(t, err.Error(), "c2hvcnQ")
	}
}

func TestPasswordInTheClearStaysOnThisMachine(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"localhost:25", "127.0.0.1:25", "[::1]:25"} {
		_, err := New(Options{SMTP: &SMTPOptions{Address: address, From: "a@b.test", TLS: TLSNone, Username: "u"}})
		require.NoError(t, err)
	}
}

func TestOnlyWebLinksAreShown(t *testing.T) {
	t.Parallel()
	s := sender(t, Options{})
	for link, want := range map[string]string{
		"/processes/APR-1":       "https://steward.acme.test/processes/APR-1",
		"https://other.test/a?b": "https://other.test/a?b",
		"javascript:alert(1)":    "",
		"file:///etc/passwd":     "",
		"":                       "",
	} {
		assert.Equal(t, want, s.absolute(link), link)
	}
}

func results(outcomes []Outcome) []string {
	var all []string
	for _, o := range outcomes {
		all = append(all, o.Result)
	}
	return all
}

func read(t *testing.T, r io.Reader) string {
	t.Helper()
	all, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(all)
}
