package server

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

const alertmanagerPath = "/v1/integrations/alertmanager"

// aGroup is what Alertmanager sends to a webhook: version 4, one alert firing and
// one over.
const aGroup = `{
	"version": "4", "groupKey": "{}/{severity=\"critical\"}:{alertname=\"InstanceDown\"}", "truncatedAlerts": 0, "status": "firing", "receiver": "steward",
	"groupLabels": {"alertname": "InstanceDown"}, "commonLabels": {"alertname": "InstanceDown", "severity": "critical"}, "commonAnnotations": {},
	"externalURL": "http://alertmanager.acme.test:9093",
	"alerts": [
		{"status": "firing", "labels": {"alertname": "InstanceDown", "instance": "api-1:9100", "service": "ledger", "severity": "critical"},
			"annotations": {"summary": "api-1 is down", "description": "No answer for 5 minutes"},
			"startsAt": "2026-03-02T11:55:00.828Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://prometheus.acme.test:9090/graph?g0.expr=up+%3D%3D+0", "fingerprint": "1a30ba71cca2921f"},
		{"status": "resolved", "labels": {"alertname": "InstanceDown", "instance": "api-2:9100", "service": "ledger", "severity": "page"},
			"annotations": {}, "startsAt": "2026-03-02T11:00:00Z", "endsAt": "2026-03-02T11:59:00Z", "generatorURL": "", "fingerprint": "2b41cb82ddb3a320"}
	]}`

// alerts gives what the engine was asked to raise, by key.
func (b *bundle) alerts() map[string]itsm.Alert {
	b.engine.mu.Lock()
	defer b.engine.mu.Unlock()
	all := map[string]itsm.Alert{}
	for _, got := range b.engine.got {
		if alert, ok := got.args[0].(itsm.Alert); ok {
			all[alert.Key] = alert
		}
	}
	return all
}

func TestAlertmanagerRaisesEachAlertOfAGroup(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.do(t, "POST", alertmanagerPath, aGroup, asToken(b.token(t, api.TokenRequest{Integration: "alertmanager"}))).is(t, http.StatusOK)
	assert.JSONEq(t, `{"alerts": [{"key": "1a30ba71cca2921f", "incident": "INC-1", "opened": true, "repeats": 0}, {"key": "2b41cb82ddb3a320", "opened": false, "repeats": 0}]}`, a.Body.String())
	raised := b.alerts()
	require.Len(t, raised, 2)
	down := raised["1a30ba71cca2921f"]
	assert.JSONEq(t, `{"labels": {"alertname": "InstanceDown", "instance": "api-1:9100", "service": "ledger", "severity": "critical"},
		"annotations": {"summary": "api-1 is down", "description": "No answer for 5 minutes"}, "startsAt": "2026-03-02T11:55:00.828Z", "endsAt": "0001-01-01T00:00:00Z",
		"receiver": "steward", "groupKey": "{}/{severity=\"critical\"}:{alertname=\"InstanceDown\"}"}`, string(down.Details))
	down.Details = nil
	assert.Equal(t, itsm.Alert{
		Service: "ledger", Key: "1a30ba71cca2921f", Title: "api-1 is down", Severity: itsm.SeverityCritical, Status: itsm.AlertFiring,
		Source: "http://alertmanager.acme.test:9093", Link: "http://prometheus.acme.test:9090/graph?g0.expr=up+%3D%3D+0",
	}, down)
	over := raised["2b41cb82ddb3a320"]
	assert.Equal(t, itsm.AlertResolved, over.Status)
	assert.Equal(t, itsm.SeverityCritical, over.Severity, "page")
	assert.Equal(t, "InstanceDown", over.Title)

	b.do(t, "POST", alertmanagerPath, aGroup, asToken(b.monitoring(t))).is(t, http.StatusOK)
	assert.Equal(t, "payments", b.alerts()["1a30ba71cca2921f"].Service, "the token's, whatever the label means")
}

func TestLabelSeverityIsUnderstood(t *testing.T) {
	t.Parallel()
	for label, want := range map[string]itsm.Severity{
		"critical": itsm.SeverityCritical, "page": itsm.SeverityCritical, "Critical": itsm.SeverityCritical, "error": itsm.SeverityError,
		"warning": itsm.SeverityWarning, "info": itsm.SeverityInfo, "none": itsm.SeverityInfo, "": itsm.SeverityWarning, "sev2": itsm.SeverityWarning,
	} {
		assert.Equal(t, want, severityOf(label), label)
	}
}

func TestAlertsWithoutAFingerprintAreToldApartByTheirLabels(t *testing.T) {
	t.Parallel()
	key := func(labels map[string]string) string {
		alert, err := alertOfGroup(api.AlertmanagerGroup{}, api.AlertmanagerAlert{Labels: labels, Status: itsm.AlertFiring})
		require.NoError(t, err)
		assert.NotEmpty(t, alert.Title)
		assert.Equal(t, "alertmanager", alert.Source)
		return alert.Key
	}
	assert.Equal(t, key(map[string]string{"a": "1", "b": "2"}), key(map[string]string{"b": "2", "a": "1"}))
	assert.NotEqual(t, key(map[string]string{"a": "1", "b": "2"}), key(map[string]string{"a": "1", "b": "3"}))
	assert.NotEmpty(t, key(nil))
}

func TestAlertmanagerSendsAgainWhatMayStillSucceed(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{
		errors.New("out of memory"), itsm.Errorf(itsm.CodeUnavailable, "Temporal does not answer"), itsm.Errorf(itsm.CodeProcessClosed, "too late"),
	} {
		b := setup(t)
		as := asToken(b.token(t, api.TokenRequest{Integration: "alertmanager"}))
		b.engine.refuse = map[string]error{"1a30ba71cca2921f": failure}
		a := b.do(t, "POST", alertmanagerPath, aGroup, as)
		p := a.problem(t, http.StatusServiceUnavailable, itsm.CodeUnavailable)
		assert.Equal(t, "1 of 2 alerts are not recorded; send the group again", p.Detail)
		assert.NotEmpty(t, a.Header().Get("Retry-After"))
		assert.Len(t, b.alerts(), 2, "the other is raised all the same")
		assert.Contains(t, b.logs.String(), failure.Error())
		b.engine.refuse = nil
		b.do(t, "POST", alertmanagerPath, aGroup, as).is(t, http.StatusOK)
	}
}

func TestAlertsThatCanNotBeRaisedAreNamed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	as := asToken(b.token(t, api.TokenRequest{Integration: "alertmanager"}))
	b.engine.refuse = map[string]error{"1a30ba71cca2921f": itsm.Errorf(itsm.CodeDefinitionUnknown, "there is no Service ledger")}
	p := b.do(t, "POST", alertmanagerPath, aGroup, as).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
	assert.Equal(t, []api.Fault{{Field: "/alerts/0", Code: string(itsm.CodeDefinitionUnknown), Message: "there is no Service ledger"}}, p.Errors)

	p = b.do(t, "POST", alertmanagerPath, strings.ReplaceAll(aGroup, `"service": "ledger", `, ""), as).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
	require.Len(t, p.Errors, 2)
	assert.Equal(t, "/alerts/1", p.Errors[1].Field)
	assert.Contains(t, p.Errors[1].Message, "--service", "says what to do")
}

func TestMalformedGroupsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	as := asToken(b.monitoring(t))
	for _, body := range []string{``, `{"alerts": [`, `alerts`} {
		b.do(t, "POST", alertmanagerPath, body, as).problem(t, http.StatusBadRequest, itsm.CodeMalformed)
	}
	for body, field := range map[string]string{
		`{}`: "/alerts", `{"alerts": {}}`: "/alerts", `{"alerts": [{"status": "firing"}]}`: "/alerts/0/labels",
		`{"alerts": [{"status": "up", "labels": {}}]}`: "/alerts/0/status", `{"alerts": [{"status": "firing", "labels": {"a": 1}}]}`: "/alerts/0/labels/a",
	} {
		p := b.do(t, "POST", alertmanagerPath, body, as).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
		assert.Equal(t, field, p.Errors[0].Field, body)
	}
	b.do(t, "POST", alertmanagerPath, aGroup).problem(t, http.StatusUnauthorized, itsm.CodeUnauthenticated)
	assert.Empty(t, b.engine.got)
	b.do(t, "POST", alertmanagerPath, `{"alerts": []}`, as).is(t, http.StatusOK)
}

func TestLargeGroupsAreTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	alerts := make([]string, 3000)
	for i := range alerts {
		alerts[i] = fmt.Sprintf(`{"status": "firing", "labels": {"alertname": "Down", "instance": "api-%d"}, "annotations": {"description": "%s"}, "fingerprint": "f%d"}`, i, strings.Repeat("x", 500), i)
	}
	answered := into[api.RaisedList](t, b.do(t, "POST", alertmanagerPath, `{"alerts": [`+strings.Join(alerts, ",")+`]}`, asToken(b.monitoring(t))).is(t, http.StatusOK))
	require.Len(t, answered.Alerts, len(alerts))
	assert.Equal(t, "f2999", answered.Alerts[2999].Key, "in the order in which they came")
	assert.Len(t, b.engine.raised, len(alerts))
}
