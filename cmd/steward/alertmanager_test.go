package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// alertmanagerConfig sends what is labelled `to: pagerduty` through the receiver
// for PagerDuty, one alert at a time as that wants it, and everything else in
// groups to the webhook.
const alertmanagerConfig = `route:
  receiver: webhook
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1s
  routes:
    - {receiver: pagerduty, matchers: ['to="pagerduty"'], group_by: ['...']}
receivers:
  - name: webhook
    webhook_configs:
      - url: URL/v1/integrations/alertmanager
        http_config: {authorization: {credentials: WEBHOOK_TOKEN}}
  - name: pagerduty
    pagerduty_configs:
      - url: URL/v2/enqueue
        routing_key: PAGERDUTY_TOKEN
        description: '{{ .CommonAnnotations.summary }}'
        severity: '{{ .CommonLabels.severity }}'
`

// monitored is an alert of Prometheus, and what must come of it.
type monitored struct {
	name, instance, severity, to string
	priority                     string
}

func (m monitored) title() string { return m.name + " on " + m.instance }

func (m monitored) service() string {
	if m.to == "pagerduty" {
		return "ledger"
	}
	return "payments"
}

// monitoring has two alerts of one group, and the worst, for the webhook, and
// two for PagerDuty.
var monitoring = []monitored{
	{"Latency", "host1", "error", "webhook", "P2"},
	{"Latency", "host2", "warning", "webhook", "P3"},
	{"Down", "host3", "critical", "webhook", "P1"},
	{"DiskFull", "node1", "error", "pagerduty", "P2"},
	{"DiskFull", "node2", "info", "pagerduty", "P5"},
}

func TestAlertmanagerPagesThroughBothReceivers(t *testing.T) {
	t.Parallel()
	binary := findAlertmanager(t)
	d := startDev(t)
	d.applyAcme("http://127.0.0.1:1")
	m := startAlertmanager(t, binary, d)
	for _, alert := range monitoring {
		m.post(alert, true)
	}
	ids := m.awaitOpen(len(monitoring))
	for _, alert := range monitoring {
		m.checkOpen(alert, ids[alert.title()])
	}

	for _, alert := range monitoring {
		m.post(alert, false)
	}
	for _, alert := range monitoring {
		m.awaitCleared(alert, ids[alert.title()])
	}

	d.kill(syscall.SIGKILL) // what fires meanwhile waits in Alertmanager
	for _, alert := range monitoring {
		m.post(alert, true)
	}
	d.start()
	for _, alert := range monitoring {
		again := d.awaitIncident(ids[alert.title()], "its alert again", func(i itsm.IncidentDetail) bool { return i.Alert.Status == itsm.AlertFiring })
		assert.NotEqual(t, itsm.IncidentResolved, again.Phase, "%s is not resolved after all", alert.title())
	}
	assert.Len(t, all[itsm.View](d, "/v1/processes?"), len(monitoring), "one incident for each alert, all the time")
}

// findAlertmanager says where it is. On CI it must be there; elsewhere the test
// is skipped without it.
func findAlertmanager(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"prometheus-alertmanager", "alertmanager"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const missing = "there is no Prometheus Alertmanager; `scripts/install prometheus-alertmanager` gets it"
	if os.Getenv("CI") == "true" {
		require.Fail(t, missing)
	}
	t.Skip(missing)
	return ""
}

// alertmanager is a Prometheus Alertmanager in a process of its own.
type alertmanager struct {
	t   *testing.T
	url string
	dev *devProcess
}

func startAlertmanager(t *testing.T, binary string, d *devProcess) *alertmanager {
	t.Helper()
	address, folder := freeAddress(t), t.TempDir()
	m := &alertmanager{t: t, url: "http://" + address, dev: d}
	config := strings.NewReplacer("URL", d.url(), "WEBHOOK_TOKEN", m.token("payments"), "PAGERDUTY_TOKEN", m.token("ledger")).Replace(alertmanagerConfig)
	file := filepath.Join(folder, "alertmanager.yml")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), binary, "--config.file="+file, "--storage.path="+folder,
		"--web.listen-address="+address, "--cluster.listen-address=")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
		_ = cmd.Wait()                          // its exit code says nothing here
		if t.Failed() {
			t.Logf("Alertmanager wrote:\n%s", log.String())
		}
	})
	require.Eventually(t, func() bool {
		return visitor{url: m.url}.send(http.MethodGet, "/-/ready", "", nil).ok()
	}, time.Minute, 20*time.Millisecond, "Alertmanager is not ready")
	return m
}

// token makes one with which alerts of a service can be raised.
func (m *alertmanager) token(service string) string {
	m.t.Helper()
	r := m.dev.send(http.MethodPost, "/v1/tokens", "", "", api.TokenRequest{Integration: "prometheus-" + service, Service: service})
	require.Equal(m.t, http.StatusCreated, r.status, "%s", r.body)
	var made api.NewToken
	r.into(m.t, &made)
	return made.Secret
}

// post tells Alertmanager what Prometheus would: that an alert fires, or that it
// is over.
func (m *alertmanager) post(a monitored, fires bool) {
	m.t.Helper()
	now := time.Now().UTC()
	alert := map[string]any{
		"labels":       map[string]string{"alertname": a.name, "instance": a.instance, "severity": a.severity, "to": a.to},
		"annotations":  map[string]string{"summary": a.title()},
		"generatorURL": "http://prometheus.acme.test/graph",
	}
	if !fires {
		alert["endsAt"] = now
	}
	r := visitor{url: m.url}.send(http.MethodPost, "/api/v2/alerts", "", []any{alert})
	require.Equal(m.t, http.StatusOK, r.status, "%s", r.body)
}

// awaitOpen waits for so many incidents, and gives them by the titles of their
// alerts.
func (m *alertmanager) awaitOpen(n int) map[string]string {
	m.t.Helper()
	var views []itsm.View
	require.Eventually(m.t, func() bool {
		views = all[itsm.View](m.dev, "/v1/processes?")
		return len(views) >= n
	}, time.Minute, 100*time.Millisecond, "not every alert has an incident")
	ids := map[string]string{}
	for _, view := range views {
		ids[m.dev.incident(view.ID).Alert.Title] = view.ID
	}
	return ids
}

// alertOf is the one alert of an incident.
func (m *alertmanager) alertOf(id string) api.AlertState {
	m.t.Helper()
	for _, alert := range m.dev.alertsOf(id) {
		return alert
	}
	return api.AlertState{}
}

func (m *alertmanager) checkOpen(a monitored, id string) {
	m.t.Helper()
	require.NotEmpty(m.t, id, "%s has no incident", a.title())
	view := m.dev.await(id, "its alert's repetitions", func(itsm.View) bool { return m.alertOf(id).Repeats >= 2 })
	assert.Equal(m.t, fmt.Sprintf("%s: %s", a.priority, a.title()), view.Summary)
	assert.Equal(m.t, a.service(), view.Service)
	assert.Equal(m.t, itsm.Integration("prometheus-"+a.service()), view.Requester)
	incident := incidentIn(m.t, view)
	assert.Equal(m.t, itsm.IncidentNew, incident.Phase)
	assert.Equal(m.t, itsm.Severity(a.severity), incident.Alert.Severity)
	assert.Len(m.t, m.dev.alertsOf(id), 1, "one incident for each alert")
	assert.Empty(m.t, m.dev.eventsOf(id, itsm.EventAlertChanged), "repetitions are only counted")
}

// awaitCleared waits until an alert is over, and with it the incident: unless
// that is a major one, which people resolve.
func (m *alertmanager) awaitCleared(a monitored, id string) {
	m.t.Helper()
	cleared := m.dev.awaitIncident(id, "the end of its alert", func(i itsm.IncidentDetail) bool { return i.Alert.Status == itsm.AlertResolved })
	if a.priority == "P1" {
		assert.Equal(m.t, itsm.IncidentNew, cleared.Phase)
		return
	}
	assert.Equal(m.t, itsm.IncidentResolved, cleared.Phase, a.title())
	assert.Equal(m.t, "alert-cleared", cleared.Resolution.Cause)
}
