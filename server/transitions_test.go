package server

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/engine"
	"github.com/steward-itsm/steward/itsm"
)

func TestCommandsOfTransitionsReachTheEngine(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raj, alice := b.person(t, "raj"), b.person(t, "alice") // alice is an operator
	eight := time.Date(2026, 3, 10, 8, 0, 0, 0, time.UTC)
	plan := `"plannedStart": "2026-03-10T16:00:00+08:00", "plannedEnd": "2026-03-10T10:00:00Z"`
	for path, test := range map[string]struct {
		method, body string
		as           option
		want         sent
	}{
		"/v1/transitions/CHG-1":            {"PATCH", `{"subject": {"a": [1, 2]}, "comment": "why"}`, raj, sent{"amend", engine.Call{}, []any{"CHG-1", `{"a": [1, 2]}`}}},
		"/v1/transitions/CHG-1/reschedule": {"POST", `{` + plan + `, "comment": "why"}`, raj, sent{"reschedule", engine.Call{}, []any{"CHG-1", itsm.Period{Start: eight, End: eight.Add(2 * time.Hour)}, false}}},
		"/v1/transitions/CHG-1/cancel":     {"POST", `{"comment": "why"}`, raj, sent{"cancel", engine.Call{}, []any{"CHG-1"}}},
		"/v1/transitions/CHG-1/rollback":   {"POST", `{"comment": "why"}`, alice, sent{"rollback", engine.Call{Manages: true}, []any{"CHG-1"}}},

		"/v1/transitions/CHG-1/steps/migration.2/retry":      {"POST", `{"comment": "why"}`, alice, sent{"by hand", engine.Call{Manages: true}, []any{"CHG-1", "migration.2", itsm.HandRetry, ""}}},
		"/v1/transitions/CHG-1/steps/migration.2.undo/skip":  {"POST", `{"comment": "why"}`, alice, sent{"by hand", engine.Call{Manages: true}, []any{"CHG-1", "migration.2.undo", itsm.HandSkip, ""}}},
		"/v1/transitions/CHG-1/steps/support.1.2.1/complete": {"POST", `{"comment": "why", "output": {"n": 1}}`, alice, sent{"by hand", engine.Call{Manages: true}, []any{"CHG-1", "support.1.2.1", itsm.HandComplete, `{"n": 1}`}}},
		"/v1/tasks/CHG-1.validation.1/claim":                 {"POST", `{"comment": "why"}`, raj, sent{"claim", engine.Call{}, []any{"CHG-1.validation.1"}}},
		"/v1/tasks/CHG-1.validation.1/release":               {"POST", `{"comment": "why"}`, raj, sent{"release", engine.Call{}, []any{"CHG-1.validation.1", false}}},
		"/v1/tasks/CHG-1.validation.2/release":               {"POST", `{"comment": "why"}`, alice, sent{"release", engine.Call{Manages: true}, []any{"CHG-1.validation.2", true}}},
		"/v1/tasks/CHG-1.validation.1/progress":              {"POST", `{"check": ["Backup made"], "evidence": [{"text": "seen"}], "comment": "why"}`, raj, sent{"work on", engine.Call{}, []any{"CHG-1.validation.1", itsm.TaskWork{Check: []string{"Backup made"}, Evidence: []itsm.Evidence{{Text: "seen"}}}}}},
		"/v1/tasks/CHG-1.review/complete":                    {"POST", `{"evidence": [{"link": "https://ci.acme.test/1"}, {"file": "sha256:1"}], "result": "unsuccessful", "lessons": "test more", "comment": "why"}`, raj, sent{"complete", engine.Call{}, []any{"CHG-1.review", itsm.TaskWork{Evidence: []itsm.Evidence{{Link: "https://ci.acme.test/1"}, {Digest: "sha256:1"}}, Result: "unsuccessful", Lessons: "test more"}}}},
	} {
		a := b.do(t, test.method, path, test.body, test.as, header(keyHeader, "key-1")).is(t, http.StatusOK)
		got := b.engine.last(t)
		assert.Equal(t, test.want.name, got.name)
		assert.Equal(t, "why", got.call.Comment, path)
		assert.Equal(t, "key-1", got.call.Key, path)
		assert.Equal(t, test.want.call.Manages, got.call.Manages, path)
		assertArgs(t, test.want.args, got.args)
		assert.NotContains(t, a.Body.String(), "f00d", "no fingerprint")
	}
}

func TestStartedTransitionSaysWhereItIs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.engine.receipt.Process = "CHG-1"
	body := `{"model": "normal-change", "service": "payments", "title": "New release", "description": "All of it", "subject": {"version": "4.2"},
		"plannedStart": "2026-03-10T16:00:00+08:00", "plannedEnd": "2026-03-10T10:00:00Z", "requester": "raj", "comment": "why"}`
	a := b.do(t, "POST", "/v1/transitions", body, asToken(b.admin)).is(t, http.StatusCreated)
	assert.Equal(t, "/v1/processes/CHG-1", a.Header().Get("Location"))
	start, end := time.Date(2026, 3, 10, 8, 0, 0, 0, time.UTC), time.Date(2026, 3, 10, 10, 0, 0, 0, time.UTC)
	assert.Equal(t, []any{engine.StartTransition{
		Model: "normal-change", Service: "payments", Title: "New release", Description: "All of it", Subject: json.RawMessage(`{"version": "4.2"}`),
		PlannedStart: &start, PlannedEnd: &end, Requester: "raj",
	}}, b.engine.last(t).args)

	b.do(t, "POST", "/v1/transitions", `{"model": "normal-change", "service": "payments"}`, asToken(b.admin)).is(t, http.StatusCreated)
	assert.Equal(t, []any{engine.StartTransition{Model: "normal-change", Service: "payments"}}, b.engine.last(t).args, "no times are invented")
}

func TestOverridingTheScheduleNeedsARoleAndAReason(t *testing.T) {
	t.Parallel()
	b := setup(t)
	alice, maria := b.person(t, "alice"), b.person(t, "maria") // an operator, a process owner
	for path, rest := range map[string]string{
		"/v1/transitions":                  `, "model": "normal-change", "service": "payments"`,
		"/v1/transitions/CHG-1/reschedule": `, "plannedStart": "2026-03-10T08:00:00Z", "plannedEnd": "2026-03-10T10:00:00Z"`,
		"/v1/processes/CHG-1/resume":       ``,
	} {
		asked := len(b.engine.got)
		p := b.do(t, "POST", path, `{"override": true, "comment": "the bank is down"`+rest+`}`, alice).problem(t, http.StatusForbidden, itsm.CodeOverrideForbidden)
		assert.Equal(t, "/override", p.Errors[0].Field)
		for _, blank := range []string{"", `, "comment": ""`, `, "comment": " \n"`} {
			b.do(t, "POST", path, `{"override": true`+blank+rest+`}`, maria).problem(t, http.StatusUnprocessableEntity, itsm.CodeCommentRequired)
		}
		assert.Len(t, b.engine.got, asked, path)

		a := b.do(t, "POST", path, `{"override": true, "comment": "the bank is down"`+rest+`}`, maria)
		assert.Less(t, a.Code, 300, a.Body)
		got := b.engine.last(t)
		assert.Equal(t, "the bank is down", got.call.Comment)
		last := got.args[len(got.args)-1]
		if start, ok := last.(engine.StartTransition); ok {
			last = start.Override
		}
		assert.Equal(t, true, last, path)
		b.do(t, "POST", path, `{"override": false`+rest+`}`, alice)
		assert.Len(t, b.engine.got, asked+2, "nothing is overridden, nothing is asked for")
	}
}

func TestWhatIsDoneByHandNeedsAReason(t *testing.T) {
	t.Parallel()
	b := setup(t)
	alice := b.person(t, "alice")
	for _, path := range []string{"rollback", "steps/migration.2/retry", "steps/migration.2/skip", "steps/migration.2/complete"} {
		path = "/v1/transitions/CHG-1/" + path
		b.do(t, "POST", path, `{"comment": "  "}`, alice).problem(t, http.StatusUnprocessableEntity, itsm.CodeCommentRequired)
		p := b.do(t, "POST", path, `{}`, alice).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
		assert.Equal(t, "/comment", p.Errors[0].Field)
		b.do(t, "POST", path, ``, alice).problem(t, http.StatusBadRequest, itsm.CodeMalformed)
	}
	assert.Empty(t, b.engine.got)
}

func TestOtherKindsAreNotTransitions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.record(t, "APR-1", "raj")
	as := asToken(b.admin)
	for _, id := range []string{"APR-1", "CHG-01", "chg-1", "CHG-", "CHG-1%2F..", "%00"} {
		path := "/v1/transitions/" + id
		b.do(t, "PATCH", path, `{"subject": {}}`, as).problem(t, http.StatusNotFound, itsm.CodeNotFound)
		b.do(t, "POST", path+"/reschedule", aPlan, as).problem(t, http.StatusNotFound, itsm.CodeNotFound)
		b.do(t, "POST", path+"/cancel", ``, as).problem(t, http.StatusNotFound, itsm.CodeNotFound)
		b.do(t, "POST", path+"/rollback", `{"comment": "why"}`, as).problem(t, http.StatusNotFound, itsm.CodeNotFound)
		b.do(t, "POST", path+"/steps/a.1/skip", `{"comment": "why"}`, as).problem(t, http.StatusNotFound, itsm.CodeNotFound)
		b.do(t, "GET", path+"/wait?for=closed", "", as).problem(t, http.StatusNotFound, itsm.CodeNotFound)
	}
	assert.Empty(t, b.engine.got)
}

func TestBodiesOfTransitionsAreChecked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, test := range []struct{ method, path, body, field string }{
		{"POST", "/v1/transitions", `{"model": "normal-change"}`, "/service"},
		{"POST", "/v1/transitions", `{"service": "payments"}`, "/model"},
		{"POST", "/v1/transitions", `{"model": "Normal", "service": "payments"}`, "/model"},
		{"POST", "/v1/transitions", `{"model": "m", "service": "s", "plannedStart": "tonight"}`, "/plannedStart"},
		{"POST", "/v1/transitions", `{"model": "m", "service": "s", "override": "yes"}`, "/override"},
		{"POST", "/v1/transitions", `{"model": "m", "service": "s", "subject": []}`, "/subject"},
		{"POST", "/v1/transitions/CHG-1/reschedule", `{"plannedStart": "2026-03-10T08:00:00Z"}`, "/plannedEnd"},
		{"POST", "/v1/transitions/CHG-1/steps/a.1/complete", `{"comment": "why", "output": 3}`, "/output"},
		{"POST", "/v1/transitions/CHG-1/steps/a.1/skip", `{"comment": "why", "output": {}}`, "/output"},
		{"POST", "/v1/tasks/CHG-1.a.1/progress", `{"check": "all"}`, "/check"},
		{"POST", "/v1/tasks/CHG-1.a.1/complete", `{"evidence": [{"text": "a", "photo": "b"}]}`, "/evidence/0/photo"},
		{"POST", "/v1/processes/CHG-1/resume", `{"overide": true}`, "/overide"},
	} {
		p := b.do(t, test.method, test.path, test.body, b.person(t, "bob")).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
		require.NotEmpty(t, p.Errors, test.body)
		assert.Equal(t, test.field, p.Errors[0].Field, test.body)
	}
	assert.Empty(t, b.engine.got)
}
