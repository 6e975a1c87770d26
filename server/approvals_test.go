package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/engine"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

func TestCommandsReachTheEngine(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raj := b.person(t, "raj")
	for _, test := range []struct {
		method, path, body string
		as                 option
		want               sent
	}{
		{"POST", "/v1/approvals", `{"flow": "purchase", "subject": {"amount": 7400.50}, "service": "payments", "comment": "why"}`, raj,
			sent{"start", engine.Call{Comment: "why"}, []any{engine.StartApproval{Flow: "purchase", Subject: json.RawMessage(`{"amount": 7400.50}`), Service: "payments"}}}},
		{"POST", "/v1/approvals/APR-1/decisions", `{"decision": "reject", "stage": "manager", "comment": "no"}`, raj,
			sent{"decide", engine.Call{Comment: "no"}, []any{"APR-1", itsm.Reject, "manager"}}},
		{"POST", "/v1/approvals/APR-1/delegations", `{"to": "tom"}`, raj, sent{"delegate", engine.Call{}, []any{"APR-1", "tom"}}},
		{"POST", "/v1/approvals/APR-1/withdraw", `{"comment": "no need"}`, raj, sent{"withdraw", engine.Call{Comment: "no need"}, []any{"APR-1"}}},
		{"POST", "/v1/approvals/APR-1/withdraw", ``, raj, sent{"withdraw", engine.Call{}, []any{"APR-1"}}},
		{"PATCH", "/v1/approvals/APR-1", `{"subject": {"a": [1, 2]}}`, raj, sent{"amend", engine.Call{}, []any{"APR-1", `{"a": [1, 2]}`}}},
		{"POST", "/v1/processes/APR-1/resume", `{"comment": "try"}`, b.person(t, "alice"), sent{"resume", engine.Call{Comment: "try"}, []any{"APR-1", false}}},
	} {
		a := b.do(t, test.method, test.path, test.body, test.as, header(keyHeader, "key-1"))
		require.Contains(t, []int{http.StatusOK, http.StatusCreated}, a.Code, a.Body.String())
		got := b.engine.last(t)
		assert.Equal(t, test.want.name, got.name)
		assert.Equal(t, test.want.call.Comment, got.call.Comment, test.want.name)
		assert.Equal(t, "key-1", got.call.Key, test.want.name)
		assert.Equal(t, itsm.ActorPerson, got.call.Actor.Kind)
		assertArgs(t, test.want.args, got.args)
		receipt := into[map[string]any](t, a)
		assert.Equal(t, map[string]any{"process": "APR-1", "event": 3.0, "state": "open", "stage": "manager"}, receipt, "no fingerprint")
	}
}

// assertArgs compares as JSON, since the layout of a subject is not a promise.
func assertArgs(t *testing.T, want, got []any) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		if text, ok := want[i].(string); ok && strings.HasPrefix(text, "{") {
			assert.JSONEq(t, text, got[i].(string))
			continue
		}
		if start, ok := want[i].(engine.StartApproval); ok {
			actual := got[i].(engine.StartApproval)
			assert.JSONEq(t, string(start.Subject), string(actual.Subject))
			assert.Contains(t, string(actual.Subject), "7400.5")
			start.Subject, actual.Subject = nil, nil
			assert.Equal(t, start, actual)
			continue
		}
		assert.Equal(t, want[i], got[i])
	}
}

func TestStartedApprovalSaysWhereItIs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.do(t, "POST", "/v1/approvals", `{"flow": "purchase"}`, b.person(t, "raj")).is(t, http.StatusCreated)
	assert.Equal(t, "/v1/processes/APR-1", a.Header().Get("Location"))
	assert.Equal(t, itsm.Person("raj"), b.engine.last(t).call.Actor)
}

func TestCommandWithoutKeyIsGivenOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raj := b.person(t, "raj")
	one := b.do(t, "POST", "/v1/approvals", `{"flow": "purchase"}`, raj).Header().Get(keyHeader)
	assert.Equal(t, one, b.engine.last(t).call.Key)
	two := b.do(t, "POST", "/v1/approvals", `{"flow": "purchase"}`, raj).Header().Get(keyHeader)
	assert.Equal(t, two, b.engine.last(t).call.Key)
	assert.NotEmpty(t, one)
	assert.NotEqual(t, one, two)
}

func TestKeysThatCouldGetLostAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raj := b.person(t, "raj")
	for name, options := range map[string][]option{
		"empty":    {header(keyHeader, "")},
		"twice":    {header(keyHeader, "a"), header(keyHeader, "b")},
		"spaces":   {header(keyHeader, "a b")},
		"umlaut":   {header(keyHeader, "ä")},
		"too long": {header(keyHeader, strings.Repeat("k", 201))},
	} {
		p := b.do(t, "POST", "/v1/approvals", `{"flow": "purchase"}`, append(options, raj)...).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
		require.Len(t, p.Errors, 1, name)
		assert.Equal(t, "/"+keyHeader, p.Errors[0].Field, name)
	}
	assert.Empty(t, b.engine.got)
	for _, key := range []string{"~", strings.Repeat("k", 200), `a,b;"c"`} {
		b.do(t, "POST", "/v1/approvals", `{"flow": "purchase"}`, raj, header(keyHeader, key)).is(t, http.StatusCreated)
		assert.Equal(t, key, b.engine.last(t).call.Key)
	}
}

func TestRefusalsOfTheEngineKeepTheirCodeAndFields(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raj := b.person(t, "raj")
	for _, code := range itsm.Codes() {
		if code.Class() == itsm.ClassInternal {
			continue
		}
		b.engine.err = itsm.FieldErrorf(code, "/comment", "because")
		p := b.do(t, "POST", "/v1/approvals/APR-1/decisions", `{"decision": "approve"}`, raj).problem(t, Status(code), code)
		assert.Equal(t, "because", p.Detail)
		assert.Equal(t, []api.Fault{{Field: "/comment", Code: string(code), Message: "because"}}, p.Errors)
	}
}

func TestOtherKindsAreNotApprovals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raj := b.person(t, "raj")
	for _, id := range []string{"CHG-1", "APR-01", "apr-1", "APR-", "APR-1%2F..", "%00"} {
		b.do(t, "POST", "/v1/approvals/"+id+"/decisions", `{"decision": "approve"}`, raj).problem(t, http.StatusNotFound, itsm.CodeNotFound)
		b.do(t, "POST", "/v1/approvals/"+id+"/delegations", `{"to": "tom"}`, raj).problem(t, http.StatusNotFound, itsm.CodeNotFound)
		b.do(t, "POST", "/v1/approvals/"+id+"/withdraw", `{}`, raj).problem(t, http.StatusNotFound, itsm.CodeNotFound)
		b.do(t, "PATCH", "/v1/approvals/"+id, `{"subject": {}}`, raj).problem(t, http.StatusNotFound, itsm.CodeNotFound)
	}
	assert.Empty(t, b.engine.got)
}

func TestAbsenceIsOnesOwnOrOfARole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := `{"from": "2026-03-10T08:00:00+01:00", "to": "2026-03-20T00:00:00Z", "delegate": "tom", "comment": "skiing"}`
	a := b.do(t, "POST", "/v1/people/raj/absence", body, b.person(t, "raj")).is(t, http.StatusOK)
	want := itsm.Absence{
		Person: "raj", Delegate: "tom",
		From: time.Date(2026, 3, 10, 7, 0, 0, 0, time.UTC), To: time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC),
	}
	assert.Equal(t, []any{want}, b.engine.last(t).args)
	noted := into[api.AbsenceNoted](t, a)
	assert.Equal(t, want, noted.Absence)
	assert.Equal(t, "APR-1", noted.Processes[0].Process)
	assert.Empty(t, noted.Processes[0].Fingerprint)

	b.do(t, "POST", "/v1/people/raj/absence", body, b.person(t, "tom")).problem(t, http.StatusForbidden, itsm.CodeForbidden)
	b.do(t, "POST", "/v1/people/raj/absence", body, b.person(t, "alice")).is(t, http.StatusOK)
	b.do(t, "POST", "/v1/people/raj/absence", body, b.person(t, "maria")).is(t, http.StatusOK)
	b.do(t, "POST", "/v1/people/raj/absence", body, b.person(t, "olga")).problem(t, http.StatusForbidden, itsm.CodeForbidden)
}

func TestNobodyTakesTheVoteOfAnotherByEnteringTheirAbsence(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := `{"from": "2026-03-10T08:00:00Z", "to": "2026-03-20T00:00:00Z", "delegate": "alice"}`
	alice := b.person(t, "alice") // an operator
	p := b.do(t, "POST", "/v1/people/maria/absence", body, alice).problem(t, http.StatusForbidden, itsm.CodeForbidden)
	assert.Contains(t, p.Detail, "name somebody else")
	assert.Empty(t, b.engine.got)
	b.do(t, "POST", "/v1/people/maria/absence", body, b.person(t, "maria")).is(t, http.StatusOK)
	b.do(t, "POST", "/v1/people/maria/absence", body, b.person(t, "bob")).is(t, http.StatusOK)
	b.do(t, "POST", "/v1/people/maria/absence", body, asToken(b.admin)).is(t, http.StatusOK)
}
