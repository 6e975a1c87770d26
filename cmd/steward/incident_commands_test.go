package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

func TestIncidentCommandsSendWhatTheySay(t *testing.T) {
	t.Parallel()
	open := api.Receipt{Process: "INC-1", Event: 9, State: itsm.StateOpen, Stage: "in-progress"}
	const at = "POST /v1/incidents/INC-1/"
	cases := map[string]struct{ line, route, body, out string }{
		"ack":      {"ack INC-1", at + "acknowledge", `{}`, "INC-1 acknowledged (event 9); in phase in-progress"},
		"in full":  {"acknowledge INC-1 --comment soon", at + "acknowledge", `{"comment": "soon"}`, "INC-1 acknowledged (event 9)"},
		"assign":   {"assign INC-1 --to chen --comment queue", at + "assign", `{"to": "chen", "comment": "queue"}`, "INC-1 assigned (event 9)"},
		"note":     {"note INC-1 --comment full", at + "note", `{"comment": "full"}`, "INC-1 noted (event 9)"},
		"hold":     {"hold INC-1 --for waiting-for-user", at + "hold", `{"for": "waiting-for-user"}`, "INC-1 waits (event 9)"},
		"resume":   {"resume INC-1 --comment back", at + "resume", `{"comment": "back"}`, "INC-1 resumed (event 9)"},
		"resolve":  {"resolve INC-1 --cause capacity --fix none --comment c", at + "resolve", `{"cause": "capacity", "fix": "none", "comment": "c"}`, "INC-1 resolved (event 9)"},
		"reopen":   {"reopen INC-1 --comment again", at + "reopen", `{"comment": "again"}`, "INC-1 reopened (event 9)"},
		"escalate": {"escalate INC-1", at + "escalate", `{}`, "INC-1 escalated (event 9)"},
		"a rung":   {"escalate INC-1 --rung 3 --comment help", at + "escalate", `{"rung": 3, "comment": "help"}`, "INC-1 escalated (event 9)"},
		"classify": {"classify INC-1 --impact high --urgency low --category data --comment why", at + "classify", `{"impact": "high", "urgency": "low", "category": "data", "comment": "why"}`, "INC-1 classified (event 9)"},
		"major":    {"major INC-1 --commander maria", at + "major", `{"commander": "maria"}`, "INC-1 declared a major incident (event 9)"},
		"merge":    {"merge INC-1 --into INC-2", at + "merge", `{"into": "INC-2"}`, "INC-1 merged (event 9)"},
		"attach":   {"attach INC-1 --to CHG-3", at + "attach", `{"transition": "CHG-3"}`, "INC-1 attached (event 9)"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShell(t)
			s.answer(c.route, 200, open)
			got := s.run(strings.Fields(c.line)...)
			require.Equal(t, exitDone, got.code, got.errOut)
			assert.Contains(t, got.out, c.out)
			assert.JSONEq(t, c.body, s.sent().body)
			assert.Equal(t, "key-1", s.sent().header.Get("Idempotency-Key"))
		})
	}
}

func TestIncidentCommandsWithoutWhatTheyNeedSendNothing(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"start incident --service payments", "assign INC-1", "note INC-1", "hold INC-1", "resolve INC-1 --cause capacity", "resolve INC-1 --fix none", "reopen INC-1",
		"classify INC-1 --comment why", "classify INC-1 --impact high", "merge INC-1", "attach INC-1", "escalate INC-1 --rung 0", "escalate INC-1 --rung -1",
		"resume INC-1 --override", "alert", "alert --key k --details 4", "maintenance", "maintenance add --service payments --reason r",
		"maintenance add --service payments --reason r --to soon", "maintenance list --from soon", "oncall", "oncall payments-primary --at soon", "clocks", "clocks INC-1 -o ical",
	} {
		s := newShell(t)
		assert.Equal(t, exitUsage, s.run(strings.Fields(line)...).code, line)
		assert.Empty(t, s.requests, line)
	}
}

func TestIncidentIsReportedAndItsIDIsPrintedAlone(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("POST /v1/incidents", http.StatusCreated, api.Receipt{Process: "INC-1", Event: 1, State: itsm.StateOpen, Stage: "new"})
	got := s.run("start", "incident", "--service", "payments", "--title", "Nobody can pay", "--description", "since noon", "--category", "network",
		"--impact", "high", "--urgency", "medium", "--reporter", "tom", "--comment", "called")
	require.Equal(t, exitDone, got.code, got.errOut)
	assert.Equal(t, "INC-1\n", got.out)
	assert.JSONEq(t, `{"service": "payments", "title": "Nobody can pay", "description": "since noon", "category": "network", "impact": "high", "urgency": "medium",
		"reporter": "tom", "comment": "called"}`, s.sent().body)
}

func TestAlertTellsWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	for says, raised := range map[string]api.Raised{
		"It opened an incident.":                                  {Incident: "INC-1", Key: "latency", Opened: true},
		"Its incident is open already; it came again 12 time(s).": {Incident: "INC-1", Key: "latency", Repeats: 12},
		"No incident is open for it; there is nothing to do.":     {Key: "latency"},
		"Its incident is open already; it came again 0 time(s).":  {Incident: "INC-1", Key: "latency"},
	} {
		s := newShell(t)
		s.answer("POST /v1/alerts", http.StatusAccepted, raised)
		got := s.run("alert", "--service", "payments", "--key", "latency", "--title", "Slow", "--severity", "warning", "--status", "firing",
			"--source", "probe", "--link", "https://a.test/1", "--details", `{"p99": "4s"}`)
		require.Equal(t, exitDone, got.code, got.errOut)
		assert.Equal(t, says+"\n", got.errOut)
		assert.Equal(t, raised.Incident, strings.TrimSuffix(got.out, "\n"), "the ID alone, or nothing")
		assert.JSONEq(t, `{"service": "payments", "key": "latency", "title": "Slow", "severity": "warning", "status": "firing", "source": "probe",
			"link": "https://a.test/1", "details": {"p99": "4s"}}`, s.sent().body)
	}
}

func TestReviewsActionsAreReadAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("POST /v1/tasks/INC-1.review/complete", 200, api.Receipt{Process: "INC-1", Event: 9, State: itsm.StateOpen, Stage: "resolved"})
	got := s.run("task", "complete", "INC-1.review", "--lessons", "Too few queues", "--action", "title=Split the queue, and soon,who=alice,due=2026-12-18",
		"--action", "who=bob, title=Let retries=3")
	require.Equal(t, exitDone, got.code, got.errOut)
	assert.JSONEq(t, `{"lessons": "Too few queues", "actions": [
		{"title": "Split the queue, and soon", "who": "alice", "due": "2026-12-18T00:00:00+01:00"}, {"title": "Let retries=3", "who": "bob"}]}`, s.sent().body)
	for _, wrong := range []string{"", "Split it", "title=Split it", "who=bob", "title=,who=bob", "x title=a,who=bob", "title=a,who=bob,who=tom", "title=a,who=bob,due=soon"} {
		assert.Equal(t, exitUsage, s.run("task", "complete", "INC-1.review", "--action", wrong).code, wrong)
	}
	assert.Len(t, s.requests, 1)
}

func TestInboxSaysHowIncidentsAndTheirTasksAreFinished(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("GET /v1/inbox", 200, api.InboxPage{Items: []api.InboxItem{
		{Process: "INC-1", Task: "resolve", Action: itsm.ActionResolve, Title: "P1: Payments are slow", Since: noon},
		{Process: "INC-2", Task: itsm.ReviewStep, Action: itsm.ActionComplete, Title: "Review of the major incident", Since: noon},
		{Process: "INC-2", Task: "action.1", Action: itsm.ActionComplete, Title: "Split the queue", Since: noon},
	}})
	assert.Contains(t, s.run("inbox").out, "To finish them:\n"+
		"  steward resolve INC-1 --cause CODE --fix CODE\n"+
		"  steward task complete INC-2.review --lessons TEXT --action \"title=TEXT,who=NAME\"\n"+
		"  steward task complete INC-2.action.1\n")
}

func TestMaintenanceIsAnnouncedAndEnded(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	m := maintenances().Items
	s.answer("POST /v1/maintenances", http.StatusCreated, m[2])
	s.answer("POST /v1/maintenances/MNT-2/end", 200, m[1])
	s.answer("POST /v1/maintenances/MNT-1/end", 200, m[0])
	assert.Equal(t, "MNT-3\n", s.run("maintenance", "add", "--service", "payments", "--from", "2026-12-05T22:00", "--to", "2026-12-06", "--reason", "New switch").out)
	assert.JSONEq(t, `{"service": "payments", "from": "2026-12-05T22:00:00+01:00", "to": "2026-12-06T00:00:00+01:00", "reason": "New switch"}`, s.sent().body)
	require.Equal(t, exitDone, s.run("maintenance", "add", "--service", "payments", "--to", "2026-12-06", "--reason", "New switch").code)
	assert.NotContains(t, s.sent().body, "from", "it is for the server to say when now is")
	assert.Equal(t, "MNT-2 is over since 2026-11-30 12:00:00 CET\n", s.run("maintenance", "end", "MNT-2").out)
	assert.Equal(t, "key-1", s.sent().header.Get("Idempotency-Key"))
	assert.Equal(t, "MNT-1 is over since 2026-11-30 11:00:00 CET\n", s.run("maintenance", "end", "MNT-1").out, "it was over before")
}

func TestScheduleIsWrittenForCalendarsAsItComes(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("GET /v1/schedules/payments-primary", 200, "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")
	got := s.run("oncall", "payments-primary", "--from", "2026-12-01T00:00:00Z", "-o", "ical")
	require.Equal(t, exitDone, got.code, got.errOut)
	assert.Equal(t, "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", got.out)
	assert.Equal(t, "from=2026-12-01T00%3A00%3A00Z&format=ical", s.sent().query)
}

func TestNobodyOnCallIsSaid(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("GET /v1/schedules/payments-primary", 200, api.OnCall{Name: "payments-primary", At: noon})
	assert.Contains(t, s.run("oncall", "payments-primary").out, "nobody   2026-11-30 13:00:00 CET (now)")
}

func TestApplyTellsOfWhatMayNotBeMeant(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("POST /v1/definitions", 200, api.Applied{Warnings: []api.Warning{{Kind: "Schedule", Name: "nights", Message: "nobody is on call at times"}}})
	got := s.run("apply", "-f", write(t, t.TempDir(), "a.yaml", "kind: Schedule"))
	require.Equal(t, exitDone, got.code, got.errOut)
	assert.Equal(t, "steward: warning: Schedule/nights: nobody is on call at times\n", got.errOut)
}

func TestEventsOfIncidentsSayWhatChanged(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("GET /v1/processes/INC-1/events", 200, api.EventPage{Items: []api.Event{
		{Process: "INC-1", Number: 1, Time: noon, Type: itsm.EventAlertChanged, Data: []byte(`{"alert":{"key":"latency","status":"firing","severity":"error"}}`)},
		{Process: "INC-1", Number: 2, Time: noon, Type: itsm.EventIncidentClassified, Comment: "worse", Data: []byte(`{"from":{"impact":"medium","urgency":"low"},"to":{"impact":"high","urgency":"low","priority":"P3"}}`)},
	}})
	got := s.run("events", "INC-1").out
	assert.Contains(t, got, "latency is firing, error")
	assert.Contains(t, got, "from none (impact medium, urgency low) to P3 (impact high, urgency low) “worse”")
}
