package server

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/engine"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
	"github.com/steward-itsm/steward/store"
)

func TestCommandsOfIncidentsReachTheEngine(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raj, alice := b.person(t, "raj"), b.person(t, "alice") // alice is an operator
	for path, test := range map[string]struct {
		rest string
		as   option
		want sent
	}{
		"acknowledge": {``, raj, sent{"acknowledge", engine.Call{}, []any{"INC-1"}}},
		"assign":      {`, "to": "bob"`, raj, sent{"assign", engine.Call{}, []any{"INC-1", "bob"}}},
		"note":        {``, raj, sent{"note", engine.Call{}, []any{"INC-1"}}},
		"hold":        {`, "for": "waiting-for-supplier"`, raj, sent{"hold", engine.Call{}, []any{"INC-1", itsm.IncidentWaitingSupplier}}},
		"resume":      {``, raj, sent{"resume", engine.Call{}, []any{"INC-1", false}}},
		"classify":    {`, "category": "network", "urgency": "low"`, raj, sent{"classify", engine.Call{}, []any{"INC-1", itsm.Classification{Category: "network", Urgency: itsm.LevelLow}}}},
		"escalate":    {`, "rung": 2`, raj, sent{"escalate", engine.Call{}, []any{"INC-1", 2}}},
		"major":       {`, "commander": "maria"`, alice, sent{"major", engine.Call{}, []any{"INC-1", "maria"}}},
		"resolve":     {`, "cause": "deployment", "fix": "rolled-back"`, raj, sent{"resolve", engine.Call{}, []any{"INC-1", "deployment", "rolled-back"}}},
		"reopen":      {``, raj, sent{"reopen", engine.Call{}, []any{"INC-1"}}},
		"merge":       {`, "into": "INC-2"`, alice, sent{"merge", engine.Call{}, []any{"INC-1", "INC-2"}}},
		"attach":      {`, "transition": "CHG-1"`, raj, sent{"attach", engine.Call{}, []any{"INC-1", "CHG-1"}}},
	} {
		a := b.do(t, "POST", "/v1/incidents/INC-1/"+path, `{"comment": "why"`+test.rest+`}`, test.as, header(keyHeader, "key-1")).is(t, http.StatusOK)
		got := b.engine.last(t)
		assert.Equal(t, test.want.name, got.name)
		assert.Equal(t, test.want.args, got.args, path)
		assert.Equal(t, "why", got.call.Comment, path)
		assert.Equal(t, "key-1", got.call.Key, path)
		assert.NotContains(t, a.Body.String(), "f00d", "no fingerprint")
	}
}

func TestIncidentIsTakenOnWithoutABody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	alice := b.person(t, "alice")
	for path, args := range map[string][]any{"acknowledge": {"INC-1"}, "resume": {"INC-1", false}, "escalate": {"INC-1", 0}, "major": {"INC-1", ""}} {
		b.do(t, "POST", "/v1/incidents/INC-1/"+path, ``, alice).is(t, http.StatusOK)
		assert.Equal(t, args, b.engine.last(t).args)
	}
}

func TestStartedIncidentSaysWhereItIs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.engine.receipt.Process = "INC-1"
	body := `{"service": "payments", "title": "No payments", "description": "None at all", "category": "software", "impact": "high", "urgency": "low", "reporter": "raj", "comment": "why"}`
	a := b.do(t, "POST", "/v1/incidents", body, asToken(b.admin)).is(t, http.StatusCreated)
	assert.Equal(t, "/v1/processes/INC-1", a.Header().Get("Location"))
	assert.Equal(t, []any{engine.StartIncident{
		Service: "payments", Title: "No payments", Description: "None at all", Category: "software", Impact: itsm.LevelHigh, Urgency: itsm.LevelLow, Reporter: "raj",
	}}, b.engine.last(t).args)
}

func TestRefusalsOfIncidentsReachTheCaller(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.engine.err = itsm.Errorf(itsm.CodePhase, "it is resolved; reopen it")
	p := b.do(t, "POST", "/v1/incidents/INC-1/acknowledge", ``, b.person(t, "raj")).problem(t, http.StatusConflict, itsm.CodePhase)
	assert.Equal(t, "it is resolved; reopen it", p.Detail)
}

func TestBodiesOfIncidentsAreChecked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	alice := b.person(t, "alice")
	for _, test := range []struct{ path, body, field string }{
		{"", `{"service": "payments"}`, "/title"},
		{"", `{"title": "No payments", "service": "payments", "impact": "huge"}`, "/impact"},
		{"", `{"title": "No payments"}`, "/service"},
		{"", `{"title": "", "service": "payments"}`, "/title"},
		{"/INC-1/assign", `{}`, "/to"},
		{"/INC-1/note", `{}`, "/comment"},
		{"/INC-1/hold", `{"for": "ever"}`, "/for"},
		{"/INC-1/classify", `{"impact": "low"}`, "/comment"},
		{"/INC-1/classify", `{"priority": "P1", "comment": "why"}`, "/priority"},
		{"/INC-1/escalate", `{"rung": -1}`, "/rung"},
		{"/INC-1/resolve", `{"cause": "deployment"}`, "/fix"},
		{"/INC-1/reopen", `{}`, "/comment"},
		{"/INC-1/merge", `{"into": "CHG-1"}`, "/into"},
		{"/INC-1/attach", `{"transition": "INC-1"}`, "/transition"},
	} {
		p := b.do(t, "POST", "/v1/incidents"+test.path, test.body, alice).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
		require.NotEmpty(t, p.Errors, test.body)
		assert.Equal(t, test.field, p.Errors[0].Field, test.body)
	}
	assert.Empty(t, b.engine.got)
}

func TestOtherKindsAreNotIncidents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.record(t, "APR-1", "raj")
	alice := b.person(t, "alice")
	for _, id := range []string{"APR-1", "INC-01", "inc-1", "INC-", "CHG-1"} {
		path := "/v1/incidents/" + id
		b.do(t, "POST", path+"/acknowledge", ``, alice).problem(t, http.StatusNotFound, itsm.CodeNotFound)
		b.do(t, "POST", path+"/resolve", `{"cause": "unknown", "fix": "none"}`, alice).problem(t, http.StatusNotFound, itsm.CodeNotFound)
		b.do(t, "POST", path+"/merge", `{"into": "INC-2"}`, alice).problem(t, http.StatusNotFound, itsm.CodeNotFound)
		b.do(t, "GET", path+"/clocks", "", alice).problem(t, http.StatusNotFound, itsm.CodeNotFound)
		b.do(t, "GET", path+"/alerts", "", alice).problem(t, http.StatusNotFound, itsm.CodeNotFound)
	}
	assert.Empty(t, b.engine.got)
}

func TestClocksAreExplainedInWholeSeconds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := func(minutes float64) time.Time { return noon.Add(time.Duration(minutes * float64(time.Minute))) }
	due, stopped := at(260), at(1.5)
	b.engine.clocks = []engine.ClockReading{
		{Name: itsm.ClockRespond, Target: "1m", Started: noon, Stopped: &stopped,
			Reading:   itsm.Reading{Target: time.Minute, Elapsed: 90*time.Second + time.Millisecond, Remaining: -30*time.Second - time.Millisecond, Breached: true},
			Intervals: []itsm.Counted{{Interval: itsm.Interval{From: noon, To: stopped, Why: "around the clock"}, Counts: true}}},
		{Name: itsm.ClockResolve, Target: "4h", Calendar: "office-hours", Started: noon,
			Reading:   itsm.Reading{Target: 4 * time.Hour, Elapsed: 10 * time.Minute, Remaining: 230 * time.Minute, Due: &due, WarnAt: &due},
			Intervals: []itsm.Counted{{Interval: itsm.Interval{From: noon, To: at(20), Why: "waiting-for-user"}}}},
	}
	a := b.do(t, "GET", "/v1/incidents/INC-1/clocks", "", b.person(t, "raj")).is(t, http.StatusOK)
	assert.JSONEq(t, `{"process": "INC-1", "at": "2026-03-02T12:00:00Z", "clocks": [
		{"name": "respond", "target": "1m", "started": "2026-03-02T12:00:00Z", "stopped": "2026-03-02T12:01:30Z", "elapsed": 90, "remaining": -30, "breached": true,
			"intervals": [{"from": "2026-03-02T12:00:00Z", "to": "2026-03-02T12:01:30Z", "seconds": 90, "counts": true, "why": "around the clock"}]},
		{"name": "resolve", "target": "4h", "calendar": "office-hours", "started": "2026-03-02T12:00:00Z", "elapsed": 600, "remaining": 13800, "breached": false,
			"due": "2026-03-02T16:20:00Z", "warnAt": "2026-03-02T16:20:00Z",
			"intervals": [{"from": "2026-03-02T12:00:00Z", "to": "2026-03-02T12:20:00Z", "seconds": 1200, "counts": false, "why": "waiting-for-user"}]}]}`, a.Body.String())
	assert.Equal(t, []any{"INC-1", noon}, b.engine.last(t).args)
}

func TestAlertsOfAnIncidentAreListed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raj := b.person(t, "raj")
	b.do(t, "GET", "/v1/incidents/INC-1/alerts", "", raj).problem(t, http.StatusNotFound, itsm.CodeNotFound)
	alert := itsm.Alert{Service: "payments", Key: "latency", Title: "Slow", Severity: itsm.SeverityError, Status: itsm.AlertFiring, Details: []byte(`{"p99":7}`)}
	for range 3 {
		_, err := b.store.Raise(t.Context(), store.Raise{Alert: alert, At: noon})
		require.NoError(t, err)
	}
	list := into[api.AlertList](t, b.do(t, "GET", "/v1/incidents/INC-1/alerts", "", raj).is(t, http.StatusOK))
	assert.Equal(t, []api.AlertState{{
		Service: "payments", Key: "latency", Title: "Slow", Severity: itsm.SeverityError, Status: itsm.AlertFiring, Details: []byte(`{"p99":7}`),
		Repeats: 2, FirstAt: noon, LastAt: noon,
	}}, list.Items)
}

func TestReviewOfAMajorIncidentWantsActions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	due := time.Date(2026, 4, 1, 10, 0, 0, 0, time.UTC)
	body := `{"lessons": "Look at the queue first", "actions": [{"title": "Alarm on the queue", "who": "bob", "due": "2026-04-01T12:00:00+02:00"}, {"title": "Runbook", "who": "chen"}]}`
	b.do(t, "POST", "/v1/tasks/INC-1.review/complete", body, b.person(t, "maria")).is(t, http.StatusOK)
	assert.Equal(t, []any{"INC-1.review", itsm.TaskWork{Lessons: "Look at the queue first", Actions: []itsm.Action{
		{Title: "Alarm on the queue", Who: "bob", Due: &due}, {Title: "Runbook", Who: "chen"},
	}}}, b.engine.last(t).args)
	p := b.do(t, "POST", "/v1/tasks/INC-1.review/complete", `{"actions": [{"title": "Runbook"}]}`, b.person(t, "maria")).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
	assert.Equal(t, "/actions/0/who", p.Errors[0].Field)
}
