package server

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// services applies Acme's service catalogue, and what it needs.
func (b *bundle) services(t *testing.T) {
	t.Helper()
	all := make([]string, 0, 3)
	for _, file := range []string{"time.yaml", "incidents.yaml", "services.yaml"} {
		all = append(all, acme(t, file))
	}
	b.do(t, "POST", "/v1/definitions", strings.Join(all, "\n---\n"), asToken(b.admin), header("Content-Type", yamlMedia)).is(t, http.StatusOK)
}

// monitoring gives the secret of a token of the service payments.
func (b *bundle) monitoring(t *testing.T) string {
	t.Helper()
	b.services(t)
	return b.token(t, api.TokenRequest{Integration: "prometheus", Service: "payments"})
}

func (b *bundle) lastAlert(t *testing.T) itsm.Alert {
	t.Helper()
	got := b.engine.last(t)
	require.Equal(t, "raise", got.name)
	return got.args[0].(itsm.Alert)
}

func TestRepeatedAlertIsTheSameIncident(t *testing.T) {
	t.Parallel()
	b := setup(t)
	as := asToken(b.monitoring(t))
	body := `{"key": "latency", "title": " Payments are slow ", "severity": "error", "source": "probe", "link": "https://graphs.acme.test/1", "details": {"p99": 7}}`
	for repeats := range 3 {
		raised := into[api.Raised](t, b.do(t, "POST", "/v1/alerts", body, as).is(t, http.StatusAccepted))
		assert.Equal(t, api.Raised{Incident: "INC-1", Key: "latency", Opened: repeats == 0, Repeats: repeats}, raised)
	}
	assert.Equal(t, itsm.Alert{
		Service: "payments", Key: "latency", Title: "Payments are slow", Severity: itsm.SeverityError, Status: itsm.AlertFiring,
		Source: "probe", Link: "https://graphs.acme.test/1", Details: []byte(`{"p99": 7}`),
	}, b.lastAlert(t))
	b.do(t, "POST", "/v1/alerts", `{"key": "latency", "status": "resolved"}`, as).is(t, http.StatusAccepted)
	assert.Equal(t, itsm.Alert{Service: "payments", Key: "latency", Status: itsm.AlertResolved}, b.lastAlert(t))
	nothing := b.do(t, "POST", "/v1/alerts", `{"key": "other", "status": "resolved"}`, as).is(t, http.StatusAccepted)
	assert.JSONEq(t, `{"key": "other", "opened": false, "repeats": 0}`, nothing.Body.String())
}

func TestAlertsAreOfTheServiceOfTheirToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bound, free := asToken(b.monitoring(t)), asToken(b.token(t, api.TokenRequest{Integration: "probe"}))
	about := func(service string) string {
		return `{"key": "k", "title": "t", "severity": "info"` + service + `}`
	}
	for _, path := range []string{"/v1/alerts", "/v1/incidents"} {
		body := func(service string) string {
			if path == "/v1/incidents" {
				return `{"title": "t"` + service + `}`
			}
			return about(service)
		}
		p := b.do(t, "POST", path, body(""), free).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
		assert.Equal(t, "/service", p.Errors[0].Field)
		assert.Contains(t, p.Detail, "--service", "says what to do")
		p = b.do(t, "POST", path, body(`, "service": "ledger"`), bound).problem(t, http.StatusForbidden, itsm.CodeForbidden)
		assert.Equal(t, "/service", p.Errors[0].Field)
	}
	assert.Empty(t, b.engine.got)
	for want, request := range map[string]struct {
		as   option
		body string
	}{"payments": {bound, about("")}, "ledger": {free, about(`, "service": "ledger"`)}} {
		b.do(t, "POST", "/v1/alerts", request.body, request.as).is(t, http.StatusAccepted)
		assert.Equal(t, want, b.lastAlert(t).Service)
	}
	b.do(t, "POST", "/v1/alerts", about(`, "service": "payments"`), bound).is(t, http.StatusAccepted)
}

func TestFaultyAlertsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	as := asToken(b.monitoring(t))
	for body, fields := range map[string][]string{
		`{"title": "t", "severity": "info"}`:            {"/key"},
		`{"key": "", "title": "t", "severity": "info"}`: {"/key"},
		`{"key": "k"}`: {"/severity", "/title"},
		`{"key": "k", "title": "  ", "severity": "info"}`:                            {"/title"},
		`{"key": "k", "title": "t", "severity": "page"}`:                             {"/severity"},
		`{"key": "k", "title": "t", "severity": "info", "status": "gone"}`:           {"/status"},
		`{"key": "k", "title": "t", "severity": "info", "link": "javascript:x()"}`:   {"/link"},
		`{"key": "k", "title": "t", "severity": "info", "labels": {}}`:               {"/labels"},
		`{"key": "` + strings.Repeat("k", 256) + `", "title": "", "status": "gone"}`: {"/key", "/status"},
	} {
		p := b.do(t, "POST", "/v1/alerts", body, as).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
		found := make([]string, len(p.Errors))
		for i, fault := range p.Errors {
			found[i] = fault.Field
		}
		assert.Equal(t, fields, found, body)
	}
	b.do(t, "POST", "/v1/alerts", `{"key": `, as).problem(t, http.StatusBadRequest, itsm.CodeMalformed)
	b.do(t, "POST", "/v1/alerts", `key=k`, as, header("Content-Type", "text/plain")).problem(t, http.StatusUnsupportedMediaType, itsm.CodeUnsupportedMedia)
	b.do(t, "POST", "/v1/alerts", `[]`, as, header("Content-Type", "application/cloudevents-batch+json")).problem(t, http.StatusUnsupportedMediaType, itsm.CodeUnsupportedMedia)
	assert.Empty(t, b.engine.got)
}

func TestCloudEventsAreAlertsInBothModes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	as := asToken(b.monitoring(t))
	event := func(data string) string {
		return `{"specversion": "1.0", "id": "1", "source": "/probe", "type": "test.acme.slow", "subject": "api one", "custom": "x"` + data + `}`
	}
	attributes := []option{
		as, header("Ce-Specversion", "1.0"), header("Ce-Id", "1"), header("Ce-Source", "/probe"), header("Ce-Type", "test.acme.slow"), header("Ce-Subject", "api%20one"),
	}
	made := itsm.Alert{Service: "payments", Key: "test.acme.slow /probe api one", Title: "test.acme.slow api one", Severity: itsm.SeverityWarning, Status: itsm.AlertFiring, Source: "/probe"}
	for data, change := range map[string]func(*itsm.Alert){
		`{"key": "latency", "title": "Slow", "severity": "critical", "status": "resolved", "link": "https://graphs.acme.test/1", "details": {"p99": 7}}`: func(a *itsm.Alert) {
			a.Key, a.Title, a.Severity, a.Status, a.Link, a.Details = "latency", "Slow", itsm.SeverityCritical, itsm.AlertResolved, "https://graphs.acme.test/1", []byte(`{"p99": 7}`)
		},
		`{"host": "db1", "severity": 3, "title": {"en": "Slow"}, "link": "ftp://x"}`: func(a *itsm.Alert) {
			a.Details = []byte(`{"host": "db1", "severity": 3, "title": {"en": "Slow"}, "link": "ftp://x"}`)
		},
		`[1, "two"]`: func(a *itsm.Alert) { a.Details = []byte(`[1, "two"]`) },
		`{"status": "acknowledged"}`: func(a *itsm.Alert) {
			a.Status, a.Details = itsm.AlertAcknowledged, []byte(`{"status": "acknowledged"}`)
		},
		`{"severity": "PAGE", "x": "y"}`: func(a *itsm.Alert) {
			a.Severity, a.Details = itsm.SeverityCritical, []byte(`{"severity": "PAGE", "x": "y"}`)
		},
		`null`: func(*itsm.Alert) {},
	} {
		want := made
		change(&want)
		check := func(mode string) {
			got := b.lastAlert(t)
			if want.Details != nil {
				assert.JSONEq(t, string(want.Details), string(got.Details), mode)
			}
			got.Details = want.Details
			assert.Equal(t, want, got, "%s %s", mode, data)
		}
		b.do(t, "POST", "/v1/alerts", event(`, "data": `+data), as, header("Content-Type", "Application/CloudEvents+JSON; charset=UTF-8")).is(t, http.StatusAccepted)
		check("structured")
		b.do(t, "POST", "/v1/alerts", event(`, "data_base64": "`+base64.StdEncoding.EncodeToString([]byte(data))+`"`), as, header("Content-Type", cloudEventMedia)).is(t, http.StatusAccepted)
		check("base64")
		b.do(t, "POST", "/v1/alerts", data, attributes...).is(t, http.StatusAccepted)
		check("binary")
	}
	b.do(t, "POST", "/v1/alerts", event(``), append(attributes, header("Content-Type", cloudEventMedia))...).is(t, http.StatusAccepted)
	assert.Empty(t, b.lastAlert(t).Details, "the body is the event, whatever the headers say")
	b.do(t, "POST", "/v1/alerts", event(`, "data_base64": "`+base64.StdEncoding.EncodeToString([]byte(`{"title": "a\u0000b"}`))+`"`), as, header("Content-Type", cloudEventMedia)).is(t, http.StatusAccepted)
	assert.Equal(t, made, b.lastAlert(t), "what can't be kept is left out")
	b.do(t, "POST", "/v1/alerts", "", attributes...).is(t, http.StatusAccepted)
	assert.Nil(t, b.lastAlert(t).Details, "an event may have no data")
}

func TestFaultyCloudEventsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	as := asToken(b.monitoring(t))
	for body, field := range map[string]string{
		`{"specversion": "0.3", "id": "1", "source": "/probe", "type": "x"}`:                              "/specversion",
		`{"specversion": "1.0", "id": "1", "source": "/probe"}`:                                           "/type",
		`{"specversion": "1.0", "id": "", "source": "/probe", "type": "x"}`:                               "/id",
		`{"specversion": "1.0", "id": "1", "source": "/probe", "type": "x", "data_base64": "no base 64"}`: "/data_base64",
	} {
		p := b.do(t, "POST", "/v1/alerts", body, as, header("Content-Type", cloudEventMedia)).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
		assert.Equal(t, field, p.Errors[0].Field, body)
	}
	p := b.do(t, "POST", "/v1/alerts", `{"key": "k"}`, as, header("Ce-Specversion", "1.0"), header("Ce-Id", "1"), header("Ce-Type", "x")).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
	assert.Equal(t, "/source", p.Errors[0].Field)
	b.do(t, "POST", "/v1/alerts", "", as, header("Ce-Specversion", "1.0"), header("Ce-Id", "1"), header("Ce-Source", "a%00b"), header("Ce-Type", "x")).
		problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
	b.do(t, "POST", "/v1/alerts", `{"key": `, as, header("Ce-Specversion", "1.0")).problem(t, http.StatusBadRequest, itsm.CodeMalformed)
	b.do(t, "POST", "/v1/alerts", `hello`, as, header("Ce-Specversion", "1.0"), header("Content-Type", "text/plain")).problem(t, http.StatusUnsupportedMediaType, itsm.CodeUnsupportedMedia)
	b.do(t, "POST", "/v1/alerts", `{"specversion": "1.0", "id": "1", "source": "/p", "type": "x", "data": {"service": "ledger"}}`, as, header("Content-Type", cloudEventMedia)).
		problem(t, http.StatusForbidden, itsm.CodeForbidden)
	assert.Empty(t, b.engine.got)
}

// Whatever monitoring says fits, and what was different before still is.
func TestEveryAlertFits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := func(label string) string {
			return strings.Repeat(rapid.StringN(1, 40, -1).Draw(t, label), rapid.IntRange(0, 120).Draw(t, label+" times"))
		}
		one := itsm.Alert{Key: text("key"), Title: text("title"), Source: text("source"), Link: text("link")}
		one.Details, _ = json.Marshal(strings.Repeat(text("details"), 30))
		other := one
		other.Key += "!"
		fits := fitting(one)
		assert.LessOrEqual(t, len(fits.Key), keyMost)
		assert.LessOrEqual(t, len(fits.Title), titleMost)
		assert.LessOrEqual(t, len(fits.Source), titleMost)
		assert.LessOrEqual(t, len(fits.Details), detailsMost)
		assert.True(t, json.Valid(fits.Details))
		assert.True(t, fits.Link == "" || isLink(fits.Link))
		assert.NotEqual(t, fits.Key, fitting(other).Key)
		assert.Equal(t, fits, fitting(fits), "once is enough")
	})
}

func TestStormOfAlertsIsAnsweredToTheLast(t *testing.T) {
	t.Parallel()
	b := setup(t)
	secret := b.monitoring(t)
	const clients, each = 50, 200
	codes := make(chan int, clients*each)
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range each {
				r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/alerts", strings.NewReader(`{"key": "latency", "title": "Payments are slow", "severity": "critical"}`))
				r.Header.Set("Content-Type", jsonMedia)
				r.Header.Set("Authorization", "Bearer "+secret)
				w := httptest.NewRecorder()
				b.Handler().ServeHTTP(w, r)
				codes <- w.Code
			}
		})
	}
	all.Wait()
	close(codes)
	for code := range codes {
		require.Equal(t, http.StatusAccepted, code)
	}
	require.Len(t, b.engine.raised, 1)
	assert.Equal(t, clients*each-1, b.engine.raised["payments/latency"].Repeats)
}
