package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

func TestTransitionIsStartedWithTimesOfTheReader(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("POST /v1/transitions", 201, api.Receipt{Process: "CHG-1", Event: 5, State: itsm.StateOpen, Stage: "authorize"})
	got := s.run("start", "transition", "--model", "normal-change", "--service", "payments", "--title", "Payments 4.2", "--subject", `{"version": "4.2"}`,
		"--planned-start", "2026-12-05T22:00", "--planned-end", "2026-12-06T01:00+02:00", "--override", "--comment", "tonight only")
	require.Equal(t, exitUsage, got.code, "a zone is written in full")
	got = s.run("start", "transition", "--model", "normal-change", "--service", "payments", "--title", "Payments 4.2", "--subject", `{"version": "4.2"}`,
		"--planned-start", "2026-12-05T22:00", "--planned-end", "2026-12-06T01:00:00+02:00", "--override", "--comment", "tonight only")
	require.Equal(t, exitDone, got.code, got.errOut)
	assert.Equal(t, "CHG-1\n", got.out, "the ID alone")
	assert.JSONEq(t, `{"model": "normal-change", "service": "payments", "title": "Payments 4.2", "subject": {"version": "4.2"},
		"plannedStart": "2026-12-05T22:00:00+01:00", "plannedEnd": "2026-12-06T01:00:00+02:00", "override": true, "comment": "tonight only"}`, s.sent().body)
	assert.Equal(t, "key-1", s.sent().header.Get("Idempotency-Key"))
}

func TestTransitionCommandsSendWhatTheySay(t *testing.T) {
	t.Parallel()
	open := api.Receipt{Process: "CHG-1", Event: 9, State: itsm.StateOpen, Stage: "implement"}
	cases := map[string]struct{ line, route, body, out string }{
		"amend":      {`amend CHG-1 --subject {"version":"4.3"} --comment late`, "PATCH /v1/transitions/CHG-1", `{"subject": {"version": "4.3"}, "comment": "late"}`, "CHG-1 amended (event 9); in phase implement"},
		"reschedule": {"reschedule CHG-1 --planned-start 2026-12-05 --planned-end 2026-12-06", "POST /v1/transitions/CHG-1/reschedule", `{"plannedStart": "2026-12-05T00:00:00+01:00", "plannedEnd": "2026-12-06T00:00:00+01:00"}`, "CHG-1 rescheduled (event 9)"},
		"cancel":     {"cancel CHG-1", "POST /v1/transitions/CHG-1/cancel", `{}`, "CHG-1 cancelled (event 9)"},
		"rollback":   {"rollback CHG-1 --comment broken", "POST /v1/transitions/CHG-1/rollback", `{"comment": "broken"}`, "CHG-1 is being rolled back (event 9)"},
		"resume":     {"resume CHG-1 --override --comment now", "POST /v1/processes/CHG-1/resume", `{"override": true, "comment": "now"}`, "CHG-1 resumed (event 9)"},
		"retry":      {"step retry CHG-1 migration.2.undo --comment again", "POST /v1/transitions/CHG-1/steps/migration.2.undo/retry", `{"comment": "again"}`, "CHG-1 migration.2.undo is tried again (event 9)"},
		"skip":       {"step skip CHG-1 fix.1 --comment needless", "POST /v1/transitions/CHG-1/steps/fix.1/skip", `{"comment": "needless"}`, "CHG-1 fix.1 skipped (event 9)"},
		"by hand":    {`step complete CHG-1 fix.1 --comment done --result {"body":4711}`, "POST /v1/transitions/CHG-1/steps/fix.1/complete", `{"comment": "done", "output": {"body": 4711}}`, "CHG-1 fix.1 completed (event 9)"},
		"claim":      {"task claim CHG-1.fix.1", "POST /v1/tasks/CHG-1.fix.1/claim", `{}`, "CHG-1.fix.1 claimed (event 9)"},
		"release":    {"task release CHG-1.fix.1 --comment leave", "POST /v1/tasks/CHG-1.fix.1/release", `{"comment": "leave"}`, "CHG-1.fix.1 released (event 9)"},
		"check":      {"task check CHG-1.fix.1 --check a,b --check c --evidence-text t", "POST /v1/tasks/CHG-1.fix.1/progress", `{"check": ["a,b", "c"], "evidence": [{"text": "t"}]}`, "CHG-1.fix.1 noted (event 9)"},
		"complete":   {"task complete CHG-1.review --result successful --lessons none --evidence-link https://a.test/1", "POST /v1/tasks/CHG-1.review/complete", `{"result": "successful", "lessons": "none", "evidence": [{"link": "https://a.test/1"}]}`, "CHG-1.review completed (event 9)"},
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

func TestEvidenceFileIsUploadedBeforeItIsNamed(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	path := write(t, t.TempDir(), "report.json", `{"passed": 512}`)
	s.answer("POST /v1/files", 201, api.File{Digest: "sha256:12", Name: "report.json", Size: 15})
	s.answer("POST /v1/tasks/CHG-1.fix.1/complete", 200, api.Receipt{Process: "CHG-1", Event: 9, State: itsm.StateOpen, Stage: "implement"})
	got := s.run("task", "complete", "CHG-1.fix.1", "--evidence-file", path)
	require.Equal(t, exitDone, got.code, got.errOut)
	upload := s.requests[0]
	assert.Equal(t, `{"passed": 512}`, upload.body)
	assert.Equal(t, "name=report.json", upload.query)
	assert.Equal(t, "application/json", upload.header.Get("Content-Type"))
	assert.JSONEq(t, `{"evidence": [{"file": "sha256:12"}]}`, s.sent().body)
	assert.Equal(t, exitUsage, s.run("task", "complete", "CHG-1.fix.1", "--evidence-file", path+".none").code)
}

func TestInboxSaysHowTasksAreFinished(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("GET /v1/inbox", 200, tasks())
	golden(t, "tasks.txt", s.run("inbox").out)
}

func TestCalendarIsWrittenForCalendarsAsItComes(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("GET /v1/calendar", 200, "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")
	got := s.run("calendar", "--service", "payments", "-o", "ical")
	require.Equal(t, exitDone, got.code, got.errOut)
	assert.Equal(t, "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", got.out)
	assert.Equal(t, "service=payments&format=ical", s.sent().query)
	assert.Equal(t, exitUsage, s.run("inbox", "-o", "ical").code, "it is the calendar's alone")
}

const waitRoute = "GET /v1/transitions/CHG-1/wait"

func waited(phase itsm.Phase) api.Waited {
	return api.Waited{Process: "CHG-1", Phase: phase, State: itsm.StateOpen}
}

func TestGateTellsEachPhaseOnceAndOpens(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	stuck, reached := waited(itsm.PhaseScheduled), waited(itsm.PhaseImplement)
	stuck.State, stuck.Blocked = itsm.StateBlocked, "the window is closed"
	reached.Reached = true
	for _, answer := range []any{waited(itsm.PhaseAuthorize), waited(itsm.PhaseAuthorize), stuck, reached} {
		s.answer(waitRoute, 200, answer)
	}
	got := s.run("gate", "CHG-1", "--for", "scheduled", "--timeout", "1h")
	assert.Equal(t, exitDone, got.code, got.errOut)
	assert.Equal(t, ""+
		"2026-11-30 13:00:00 CET  CHG-1  phase authorize\n"+
		"2026-11-30 13:00:00 CET  CHG-1  phase scheduled, blocked: the window is closed\n"+
		"2026-11-30 13:00:00 CET  CHG-1  phase implement\n", got.out)
	assert.Equal(t, "for=scheduled&timeout=20", s.sent().query)
	asJSON := s.run("gate", "CHG-1", "--for", "scheduled", "-o", "json")
	assert.JSONEq(t, `{"process": "CHG-1", "phase": "implement", "state": "open", "reached": true, "over": false}`, asJSON.out)
}

func TestGateSitsOutAServerThatIsAway(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	reached := waited(itsm.PhaseScheduled)
	reached.Reached = true
	for range 3 {
		s.answer(waitRoute, 503, problem(503, itsm.CodeUnavailable, "try again"))
	}
	s.answer(waitRoute, 200, reached)
	got := s.run("gate", "CHG-1", "--for", "authorized")
	assert.Equal(t, exitDone, got.code)
	assert.Equal(t, 1, strings.Count(got.errOut, "still trying"), got.errOut)
}

func TestGateStaysShutAndSaysWhy(t *testing.T) {
	t.Parallel()
	refused := api.Waited{Process: "CHG-1", Phase: itsm.PhaseClosed, State: itsm.StateClosed, Outcome: itsm.OutcomeNotApproved, Over: true}
	back := waited(itsm.PhaseImplement)
	back.Over = true
	cases := map[string]struct {
		status int
		answer any
		says   string
	}{
		"refused":    {200, refused, "CHG-1 can't be authorized any more: it is closed: rejected; APR-1 was rejected by tom"},
		"taken back": {200, back, "CHG-1 can't be authorized any more: it is being taken back; APR-1 was rejected by tom"},
		"unknown":    {404, problem(404, itsm.CodeNotFound, "there is no process CHG-1"), "not_found"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShell(t)
			s.answer(waitRoute, c.status, c.answer)
			s.answer("GET /v1/processes/CHG-1", 200, transition(t, "CHG-1", itsm.PhaseClosed, itsm.TransitionDetail{Rollback: &itsm.Rollback{Why: "APR-1 was rejected by tom"}}))
			got := s.run("gate", "CHG-1", "--for", "authorized")
			assert.Equal(t, exitRefused, got.code)
			assert.Contains(t, got.errOut, c.says)
		})
	}
}

func TestGateGivesUpWhenTimeIsOver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		answer any
		says   string
	}{
		"waits": {200, waited(itsm.PhaseAuthorize), "not authorized within 50ms; it is in phase authorize"},
		"away":  {503, problem(503, itsm.CodeUnavailable, "try again"), "not authorized within 50ms; the server gave no answer"},
	} {
		s := newShell(t)
		s.answer(waitRoute, c.status, c.answer)
		got := s.run("gate", "CHG-1", "--for", "authorized", "--timeout", "50ms")
		assert.Equal(t, exitRefused, got.code, name)
		assert.Contains(t, got.errOut, c.says, name)
	}
}

func TestGateIsLeftByAnInterrupt(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	ctx, stop := context.WithCancel(t.Context())
	s.ctx, s.asked = ctx, stop
	s.answer(waitRoute, 503, problem(503, itsm.CodeUnavailable, "try again"))
	done := make(chan result, 1)
	go func() { done <- s.run("gate", "CHG-1", "--for", "authorized") }()
	select {
	case got := <-done:
		assert.Equal(t, exitUnavailable, got.code)
	case <-time.After(10 * time.Second):
		t.Fatal("the gate goes on after an interrupt")
	}
}
