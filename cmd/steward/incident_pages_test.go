package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// slow is an incident that an alert opened, and that is still nobody's.
func slow(t *testing.T) api.Process {
	t.Helper()
	next := noon.Add(4 * time.Minute)
	return incident(t, "INC-1", itsm.IncidentDetail{
		Phase: itsm.IncidentNew, Class: itsm.Classification{Category: "capacity", Impact: itsm.LevelHigh, Urgency: itsm.LevelHigh, Priority: "P1"},
		Major: &itsm.Major{By: "the policy", At: noon.Add(-6 * time.Minute), Commander: "maria"}, Transitions: []string{"CHG-1"}, Absorbed: []string{"INC-7"},
		Ladder: itsm.Ladder{Round: 1, Rung: 2, Next: &next},
		Pages: []itsm.Page{
			{Event: 3, At: noon.Add(-6 * time.Minute), Round: 1, Rung: 1, To: []string{"bob"}, Outcomes: json.RawMessage(`[
				{"recipient":"bob","channel":"email","result":"failed","detail":"550 no such user"},{"recipient":"bob","channel":"log","result":"sent"},
				{"recipient":"payments-chat","channel":"webhook","result":"sent"}]`)},
			{Event: 5, At: noon.Add(-time.Minute), Round: 1, Rung: 2, To: []string{"chen", "tom"}},
		},
		Alert:  &itsm.Alert{Service: "payments", Key: "latency", Source: "prometheus", Link: "https://grafana.acme.test/d/1", Details: json.RawMessage(`{"p99":"4s"}`)},
		Others: []itsm.Alert{{Service: "ledger", Key: "lag", Title: "账本延迟", Severity: itsm.SeverityWarning, Status: itsm.AlertResolved}},
	})
}

// mended is a major incident that is resolved and whose review wants things done.
func mended(t *testing.T) api.Process {
	t.Helper()
	ended, due, closes := noon.Add(-time.Hour), noon.Add(18*24*time.Hour), noon.Add(4*24*time.Hour)
	return incident(t, "INC-2", itsm.IncidentDetail{
		Phase: itsm.IncidentResolved, Class: itsm.Classification{Impact: itsm.LevelMedium, Urgency: itsm.LevelLow}, Assignee: "chen", CloseAt: &closes,
		Description: "Nobody can pay.\nAll shops called.",
		Resolution:  &itsm.Resolution{By: "chen", At: ended, Cause: "deployment", Fix: "rolled-back", Comment: "4.2 leaked connections"},
		Review:      &itsm.ReviewCompleted{Lessons: "One queue is too few"}, Ladder: itsm.Ladder{Round: 1, Rung: 1},
		Tasks: []itsm.StepRun{
			{ID: "review", Title: "Review of the major incident", Status: itsm.StepDone, People: []string{"maria", "tom"}, Claimed: "maria", Ended: &ended},
			{ID: "action.1", Title: "Split the queue", Status: itsm.StepRunning, People: []string{"alice"}, Deadline: &due},
		},
	})
}

func incident(t *testing.T, id string, detail itsm.IncidentDetail) api.Process {
	t.Helper()
	raw, err := json.Marshal(detail)
	require.NoError(t, err)
	due := noon.Add(9 * time.Minute)
	return api.Process{
		ID: id, Kind: itsm.KindIncident, Summary: "P1: Payments are slow", State: itsm.StateOpen, Phase: detail.Phase, Requester: itsm.Integration("prometheus"), Service: "payments",
		Definitions: []itsm.DefinitionRef{{Kind: "IncidentPolicy", Name: "standard-incidents", Digest: "sha256:0123456789abcdef"}},
		Opened:      noon.Add(-6 * time.Minute), Updated: noon, Due: &due, LastEvent: 6, Detail: raw,
	}
}

func clocks() api.Clocks {
	start, due, stopped := noon.Add(-6*time.Minute), noon.Add(9*time.Minute), noon.Add(-time.Minute)
	return api.Clocks{Process: "INC-1", At: noon, Clocks: []api.Clock{
		{Name: itsm.ClockRespond, Target: "15m", Started: start, Elapsed: 360, Remaining: 540, Due: &due, Intervals: []api.ClockInterval{
			{From: start, To: noon, Seconds: 360, Counts: true, Why: "around the clock"},
		}},
		{Name: itsm.ClockResolve, Target: "3d", Calendar: "office-hours", Started: start, Stopped: &stopped, Elapsed: 30 * 3600, Remaining: -3600 - 60, Breached: true, Intervals: []api.ClockInterval{
			{From: start, To: noon.Add(-2 * time.Minute), Seconds: 240, Why: "Christmas"},
			{From: noon.Add(-2 * time.Minute), To: stopped, Seconds: 60, Why: "waiting-for-user"},
		}},
	}}
}

// night is who is on call when nobody is for a while.
func night() api.OnCall {
	shift := func(from, to int, person string, override bool) itsm.Shift {
		return itsm.Shift{From: noon.Add(time.Duration(from) * time.Hour), To: noon.Add(time.Duration(to) * time.Hour), Person: person, Layer: "weekly", Override: override}
	}
	return api.OnCall{
		Name: "payments-primary", Title: "Payments, first on call", Timezone: "Europe/Berlin", At: noon, Now: []itsm.Shift{shift(-3, 21, "bob", false)},
		Shifts: []itsm.Shift{shift(-3, 21, "bob", false), shift(30, 54, "chen", true)}, Gaps: []api.Gap{{From: noon.Add(21 * time.Hour), To: noon.Add(30 * time.Hour)}},
	}
}

func maintenances() api.MaintenancePage {
	m := func(id string, from, to int, ended *time.Time) api.Maintenance {
		return api.Maintenance{
			Id: id, Service: "payments", From: noon.Add(time.Duration(from) * time.Hour), To: noon.Add(time.Duration(to) * time.Hour),
			Reason: "New switch", By: itsm.Person("alice"), At: noon, Ended: ended,
		}
	}
	early := noon.Add(-time.Hour)
	return api.MaintenancePage{Items: []api.Maintenance{m("MNT-1", -3, -2, nil), m("MNT-2", -2, 1, &early), m("MNT-3", -2, 1, nil), m("MNT-4", 20, 22, nil)}}
}

// addIncidents has a server answer with incidents and what surrounds them.
func addIncidents(t *testing.T, s *shell) {
	t.Helper()
	s.answer("GET /v1/processes/INC-1", 200, slow(t))
	s.answer("GET /v1/processes/INC-2", 200, mended(t))
	s.answer("GET /v1/incidents/INC-1/clocks", 200, clocks())
	s.answer("GET /v1/incidents/INC-2/clocks", 200, api.Clocks{Process: "INC-2", At: noon})
	s.answer("GET /v1/incidents/INC-1/alerts", 200, api.AlertList{Items: []api.AlertState{{
		Service: "payments", Key: "latency", Title: "Payments are slow", Severity: itsm.SeverityCritical, Status: itsm.AlertFiring,
		Repeats: 4711, FirstAt: noon.Add(-6 * time.Minute), LastAt: noon.Add(-time.Second),
	}}})
	s.answer("GET /v1/schedules/payments-primary", 200, night())
	s.answer("GET /v1/maintenances", 200, maintenances())
}

func TestPageOfAnIncidentSaysWhyNobodyIsPaged(t *testing.T) {
	t.Parallel()
	soon := noon.Add(10 * time.Minute)
	fresh := func(l itsm.Ladder) itsm.IncidentDetail {
		return itsm.IncidentDetail{Phase: itsm.IncidentNew, Ladder: l}
	}
	taken := func(phase itsm.IncidentPhase, silent *time.Time) itsm.IncidentDetail {
		return itsm.IncidentDetail{Phase: phase, Ladder: itsm.Ladder{Round: 1, Next: &soon}, Acknowledged: &itsm.Acknowledgement{By: "bob", SilentAt: silent}}
	}
	for want, detail := range map[string]itsm.IncidentDetail{
		"none; the service has no escalation policy":                                fresh(itsm.Ladder{}),
		"rung 2, round 3 is paged 2026-11-30 13:10:00 CET (in 10m 0s)":              fresh(itsm.Ladder{Round: 3, Rung: 1, Next: &soon}),
		"rung 1, round 1 is not paged now: MNT-1; looked at again 2026-11-30 13:10": fresh(itsm.Ladder{Round: 1, Next: &soon, Suppressed: "MNT-1"}),
		"is over 2026-11-30 13:10:00 CET (in 10m 0s)":                               fresh(itsm.Ladder{Round: 3, Next: &soon, Exhausted: true}),
		"over; everybody was told, and nobody has acknowledged it":                  fresh(itsm.Ladder{Round: 3, Exhausted: true}),
		"rests; goes on 2026-11-30 13:10:00 CET (in 10m 0s) without a sign of life": taken(itsm.IncidentInProgress, &soon),
		"rests\n": taken(itsm.IncidentWaitingUser, &soon),
	} {
		s := newShell(t)
		s.answer("GET /v1/processes/INC-1", 200, incident(t, "INC-1", detail))
		s.answer("GET /v1/incidents/INC-1/clocks", 200, api.Clocks{})
		got := s.run("get", "INC-1")
		require.Equal(t, exitDone, got.code, got.errOut)
		assert.Regexp(t, `(?m)^  ladder +\Q`+want, got.out)
	}
}

func TestProgramsAskForAnIncidentAlone(t *testing.T) {
	t.Parallel()
	s := acme(t)
	require.Equal(t, exitDone, s.run("get", "INC-1", "-o", "json").code)
	assert.Len(t, s.requests, 1)
}
