package server

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// aPage is a trigger with all that PagerDuty's Events API v2 has. ROUTING stands
// for the routing key.
const aPage = `{
	"payload": {
		"summary": "Latency on host1", "timestamp": "2026-03-02T11:58:58.315+0000", "source": "monitoring:region-1:api-3", "severity": "critical",
		"component": "postgres", "group": "prod-data", "class": "deploy", "custom_details": {"ping time": "1500ms", "load avg": 0.75}
	},
	"routing_key": "ROUTING", "dedup_key": "host1/latency",
	"images": [{"src": "https://graphs.acme.test/1.png", "href": "https://graphs.acme.test/", "alt": "Latency"}],
	"links": [{"href": "https://runbooks.acme.test/latency", "text": "Runbook"}],
	"event_action": "trigger", "client": "Probe", "client_url": "https://probe.acme.test"
}`

// page sends an event, with the routing key in it.
func (b *bundle) page(t *testing.T, routing, body string, options ...option) *answered {
	t.Helper()
	return b.do(t, "POST", enqueuePath, strings.ReplaceAll(body, "ROUTING", routing), options...)
}

// refused checks an answer that says that the event is wrong.
func (a *answered) refused(t *testing.T, status int) []string {
	t.Helper()
	a.is(t, status)
	refusal := into[api.PagerDutyRefusal](t, a)
	assert.Equal(t, "invalid event", refusal.Status)
	assert.Equal(t, "Event object is invalid", refusal.Message)
	return refusal.Errors
}

func TestPagesAreTakenAsPagerDutyDoes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	routing := b.monitoring(t)
	assert.Len(t, routing, 32, "senders check the length of a routing key")
	a := b.page(t, routing, aPage).is(t, http.StatusAccepted)
	assert.JSONEq(t, `{"status": "success", "message": "Event processed", "dedup_key": "host1/latency"}`, a.Body.String())
	got := b.lastAlert(t)
	assert.JSONEq(t, `{"component": "postgres", "group": "prod-data", "class": "deploy", "timestamp": "2026-03-02T11:58:58.315+0000",
		"custom_details": {"ping time": "1500ms", "load avg": 0.75}, "client": "Probe", "client_url": "https://probe.acme.test",
		"links": [{"href": "https://runbooks.acme.test/latency", "text": "Runbook"}],
		"images": [{"src": "https://graphs.acme.test/1.png", "href": "https://graphs.acme.test/", "alt": "Latency"}]}`, string(got.Details))
	got.Details = nil
	assert.Equal(t, itsm.Alert{
		Service: "payments", Key: "host1/latency", Title: "Latency on host1", Severity: itsm.SeverityCritical, Status: itsm.AlertFiring,
		Source: "monitoring:region-1:api-3", Link: "https://runbooks.acme.test/latency",
	}, got)
	assert.Equal(t, itsm.Integration("prometheus"), b.engine.last(t).call.Actor)

	for action, status := range map[string]itsm.AlertStatus{"acknowledge": itsm.AlertAcknowledged, "resolve": itsm.AlertResolved} {
		a := b.page(t, routing, `{"routing_key": "ROUTING", "dedup_key": "host1/latency", "event_action": "`+action+`"}`).is(t, http.StatusAccepted)
		assert.JSONEq(t, `{"status": "success", "message": "Event processed", "dedup_key": "host1/latency"}`, a.Body.String())
		assert.Equal(t, itsm.Alert{Service: "payments", Key: "host1/latency", Status: status}, b.lastAlert(t))
	}
	b.page(t, routing, `{"routing_key": "ROUTING", "dedup_key": "never seen", "event_action": "resolve"}`).is(t, http.StatusAccepted)
}

// As Prometheus Alertmanager's receiver for PagerDuty sends it, which says the
// whole payload when it is over, too.
func TestAlertmanagersPagesAreTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	routing := b.monitoring(t)
	body := `{"routing_key": "ROUTING", "dedup_key": "8a5d78", "event_action": "resolve",
		"payload": {"summary": "[RESOLVED] Down", "source": "Alertmanager", "severity": "sev-2", "custom_details": {"num_firing": "0"}},
		"client": "Alertmanager", "client_url": "http://alertmanager.acme.test:9093/#/alerts?receiver=steward", "images": [], "links": []}`
	b.page(t, routing, body).is(t, http.StatusAccepted)
	got := b.lastAlert(t)
	assert.Equal(t, itsm.Severity(""), got.Severity, "of no matter when it is over")
	assert.Equal(t, "http://alertmanager.acme.test:9093/#/alerts?receiver=steward", got.Link)
}

func TestPagesWithoutAKeyGetOneThatARetryKeeps(t *testing.T) {
	t.Parallel()
	b := setup(t)
	routing := b.monitoring(t)
	body := `{"routing_key": "ROUTING", "event_action": "trigger", "dedup_key": null, "links": null, "payload": {"summary": "Down", "source": "host1", "severity": "Error", "custom_details": null, "group": null}}`
	key := func(options ...option) string {
		return into[api.PagerDutyTaken](t, b.page(t, routing, body, options...).is(t, http.StatusAccepted)).DedupKey
	}
	one, again, other := key(header(keyHeader, "k1")), key(header(keyHeader, "k1")), key(header(keyHeader, "k2"))
	without, withoutAgain := key(), key()
	assert.Len(t, one, 32)
	assert.Equal(t, one, again)
	assert.NotEqual(t, one, other)
	assert.NotEqual(t, without, withoutAgain)
	assert.Equal(t, itsm.SeverityError, b.lastAlert(t).Severity)
	assert.Len(t, b.engine.raised, 4)
}

func TestFaultyPagesAreRefusedAsPagerDutyDoes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	routing := b.monitoring(t)
	for body, want := range map[string][]string{
		`{"routing_key": "ROUTING", "event_action": "trigger"}`:                                                                              {"'payload.summary'", "'payload.source'", "'payload.severity'"},
		`{"routing_key": "ROUTING", "event_action": "trigger", "payload": {"summary": " ", "source": "s", "severity": "info"}}`:              {"'payload.summary'"},
		`{"routing_key": "ROUTING", "event_action": "trigger", "payload": {"summary": "a", "source": "s", "severity": "page"}}`:              {"'payload.severity'"},
		`{"routing_key": "ROUTING", "event_action": "resolve"}`:                                                                              {"'dedup_key'"},
		`{"routing_key": "ROUTING", "event_action": "acknowledge", "dedup_key": " "}`:                                                        {"'dedup_key'"},
		`{"routing_key": "ROUTING", "event_action": "page", "dedup_key": "k"}`:                                                               {"'event_action'"},
		`{"routing_key": "ROUTING", "event_action": "resolve", "dedup_key": "` + strings.Repeat("k", 256) + `"}`:                             {"'dedup_key'"},
		`{"event_action": "resolve", "dedup_key": "k"}`:                                                                                      {"'routing_key'"},
		`{"routing_key": "ROUTING", "event_action": "trigger", "payload": {"summary": 7, "source": "s", "severity": "info"}, "links": "no"}`: {"'links'", "'payload.summary'"},
		`{"routing_key": `: {"the body is not JSON"},
		`[]`:               {"value must be an object"},
		``:                 {"the body is empty"},
	} {
		errs := b.page(t, routing, body).refused(t, http.StatusBadRequest)
		if assert.Len(t, errs, len(want), body) {
			for i := range want {
				assert.True(t, strings.HasPrefix(errs[i], want[i]), errs[i])
			}
		}
	}
	b.page(t, routing, `{"routing_key": "ROUTING", "pad": "`+strings.Repeat("x", 512<<10)+`"}`).refused(t, http.StatusRequestEntityTooLarge)
	assert.Empty(t, b.engine.got)
}

func TestRoutingKeysAreTokensOfAService(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.services(t)
	late := b.now().Add(time.Hour)
	expired := b.token(t, api.TokenRequest{Integration: "old", Service: "payments", ExpiresIn: "1h"})
	for routing, says := range map[string]string{
		"samplekeyhere": "not known", strings.Repeat("a", 32): "not known", expired: "expired", "": "not known",
		b.token(t, api.TokenRequest{Integration: "probe"}): "--service",
		b.token(t, api.TokenRequest{Person: "tom"}):        "may not",
		b.token(t, api.TokenRequest{Person: "alice"}):      "--service", // an operator, who has no service
	} {
		b.Server.now = func() time.Time { return late }
		errs := b.page(t, routing, aPage).refused(t, http.StatusBadRequest)
		assert.Len(t, errs, 1)
		assert.True(t, strings.HasPrefix(errs[0], "'routing_key'"), errs[0])
		assert.Contains(t, errs[0], says)
	}
	b.page(t, "", aPage, asToken(b.admin)).refused(t, http.StatusBadRequest) // the header says nothing here
	assert.Empty(t, b.engine.got)
}

func TestPagesMayBeSentAgainWhenStewardIsAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	routing := b.monitoring(t)
	for failure, status := range map[error]int{
		itsm.Errorf(itsm.CodeUnavailable, "Temporal does not answer"): http.StatusServiceUnavailable,
		errors.New("index out of range"):                              http.StatusInternalServerError,
	} {
		b.engine.err = failure
		a := b.page(t, routing, aPage).is(t, status)
		refusal := into[api.PagerDutyRefusal](t, a)
		assert.Equal(t, "error", refusal.Status)
		assert.Equal(t, "Event not processed", refusal.Message)
		assert.NotContains(t, a.Body.String(), "out of range", "what is our own fault stays here")
	}
}

func TestPagesAreReadWhateverTheyCallThemselves(t *testing.T) {
	t.Parallel()
	b := setup(t)
	routing := b.monitoring(t)
	for _, media := range []string{"application/x-www-form-urlencoded", "text/plain", "application/vnd.pagerduty+json; version=2", ";"} {
		b.page(t, routing, aPage, header("Content-Type", media)).is(t, http.StatusAccepted)
	}
}

func TestRoutingKeysAreNeitherLoggedNorKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	routing := b.monitoring(t)
	b.page(t, routing, aPage).is(t, http.StatusAccepted)
	assert.NotContains(t, string(b.lastAlert(t).Details), routing)
	b.engine.err = errors.New("broken")
	b.page(t, routing, aPage)
	b.page(t, routing, `{"routing_key": "ROUTING", "event_action": "page"}`)
	assert.NotContains(t, b.logs.String(), routing)
}
