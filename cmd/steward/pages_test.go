package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// acme is a server that answers with one approval in the midst of its life,
// and what surrounds it.
func acme(t *testing.T) *shell {
	t.Helper()
	s := newShell(t)
	process := purchase(t)
	s.answer("GET /v1/processes/APR-1", 200, process)
	s.answer("GET /v1/processes/APR-2", 200, stuck())
	s.answer("GET /v1/processes", 200, api.ProcessPage{Items: []api.Process{process, stuck()}, Next: "c"})
	s.answer("GET /v1/inbox", 200, api.InboxPage{Items: []api.InboxItem{
		{Process: "APR-1", Task: "finance/1", Person: "ines", Action: "decide", Title: process.Summary, Since: noon.Add(-time.Hour), Due: process.Due},
		{Process: "APR-9", Task: "second-pair/1", Person: "ines", Action: "decide", Title: "四眼", Since: noon.Add(-30 * time.Hour)},
	}})
	s.answer("GET /v1/processes/CHG-1", 200, release(t))
	s.answer("GET /v1/processes/CHG-2", 200, takenBack(t))
	s.answer("GET /v1/calendar", 200, changes())
	addIncidents(t, s)
	s.answer("GET /v1/processes/APR-1/events", 200, api.EventPage{Items: []api.Event{
		{Process: "APR-1", Number: 1, Time: noon.Add(-26 * time.Hour), Type: itsm.EventApprovalOpened, Actor: itsm.Person("raj"), Data: json.RawMessage(`{"flow":{"name":"purchase"},"summary":"Buy Oscilloscope"}`)},
	}, Next: 1})
	s.answer("GET /v1/processes/APR-1/events", 200, api.EventPage{Items: []api.Event{
		{Process: "APR-1", Number: 2, Time: noon.Add(-2 * time.Hour), Type: itsm.EventDecisionMade, Actor: itsm.Person("maria"), Comment: "Within budget", Data: json.RawMessage(`{"stage":"manager","round":1,"verdict":"approve"}`)},
		{Process: "APR-1", Number: 3, Time: noon.Add(-time.Hour), Type: itsm.EventStageOpened, Actor: itsm.System(), Data: json.RawMessage(`{"stage":"finance","approvers":["maria","tom"],"deadline":"2026-12-05T12:00:00.25Z","need":2}`)},
	}})
	s.answer("GET /v1/processes/APR-1/history", 200, json.RawMessage(`{"events":[
		{"eventId":"1","eventTime":"2026-11-29T10:00:00.5Z","eventType":"EVENT_TYPE_WORKFLOW_EXECUTION_STARTED"},
		{"eventId":"2","eventTime":"2026-11-29T10:00:00.6Z","eventType":"TimerStarted"}]}`))
	s.answer("GET /v1/definitions", 200, api.DefinitionPage{Items: []api.Definition{flow()}})
	s.answer("GET /v1/definitions/ApprovalFlow/purchase", 200, flow())
	s.answer("GET /v1/definitions/ApprovalFlow/purchase/versions", 200, api.DefinitionPage{Items: []api.Definition{flow()}})
	s.answer("GET /v1/tokens", 200, tokens())
	s.answer("GET /v1/me", 200, api.Me{Actor: itsm.Person("maria"), Roles: []string{"process-owner"}, Actions: []string{"definitions.apply", "inbox.own"}})
	s.answer("POST /v1/people/maria/absence", 200, api.AbsenceNoted{
		Absence:   itsm.Absence{Person: "maria", From: noon, To: noon.Add(7 * 24 * time.Hour), Delegate: "tom"},
		Processes: []api.Receipt{{Process: "APR-1", Event: 6, State: itsm.StateOpen}},
	})
	return s
}

func purchase(t *testing.T) api.Process {
	t.Helper()
	ended, due := noon.Add(-time.Hour), noon.Add(4*24*time.Hour)
	seat := func(person string, veto bool, d *itsm.Decision) itsm.Seat {
		return itsm.Seat{Candidate: itsm.Candidate{Person: person, Counted: true, Veto: veto}, Decision: d}
	}
	standIn := seat("maria", false, &itsm.Decision{Verdict: itsm.Approve, By: "tom", At: noon.Add(-time.Minute)})
	standIn.Delegate = "tom"
	detail, err := json.Marshal(itsm.ApprovalDetail{
		Flow: "purchase", Round: 2, Stage: "finance", WaitingFor: []string{"ines"},
		Next: []itsm.Due{{At: noon.Add(3 * time.Hour), Kind: itsm.DueReminder}, {At: due, Kind: itsm.DueEscalation, To: []string{"maria", "tom"}}},
		Stages: []itsm.Stage{
			{Name: "budget", Round: 1, Result: itsm.ResultSkipped},
			{Name: "manager", Round: 1, Need: 1, Result: itsm.ResultWon, Ended: &ended, Seats: []itsm.Seat{
				seat("maria", false, &itsm.Decision{Verdict: itsm.Approve, By: "maria", At: noon.Add(-2 * time.Hour), Comment: "Within budget"}),
			}},
			{Name: "finance", Round: 2, Need: 2, Held: true, Seats: []itsm.Seat{standIn, seat("ines", true, nil)}},
		},
	})
	require.NoError(t, err)
	return api.Process{
		ID: "APR-1", Kind: itsm.KindApproval, Summary: "Buy Oscilloscope for 7400 EUR", State: itsm.StateOpen, Requester: itsm.Person("raj"),
		Definitions: []itsm.DefinitionRef{{Kind: "ApprovalFlow", Name: "purchase", Digest: "sha256:0123456789abcdef"}},
		Opened:      noon.Add(-26 * time.Hour), Updated: noon.Add(-time.Minute), Due: &due, LastEvent: 5, Detail: detail,
		Subject: json.RawMessage(`{"item":"Oscilloscope","amount":7400,"currency":"EUR"}`),
	}
}

func stuck() api.Process {
	return api.Process{
		ID: "APR-2", Kind: itsm.KindApproval, Summary: "陈晓: a new desk", State: itsm.StateBlocked, Requester: itsm.Integration("jenkins"), Service: "payments",
		Blocked: `stage "board" asks nobody: group cab is empty; give it members`, Opened: noon.Add(-time.Hour), LastEvent: 2,
		Detail: json.RawMessage(`{"flow":"purchase","round":1,"stages":[]}`),
	}
}

func flow() api.Definition {
	return api.Definition{
		Kind: "ApprovalFlow", Name: "purchase", Title: "Purchase request", Version: 2, Digest: "sha256:0123456789abcdef",
		AppliedAt: noon.Add(-48 * time.Hour), AppliedBy: itsm.Person("maria"), Text: "kind: ApprovalFlow\nmetadata: {name: purchase}\n",
	}
}

func tokens() api.TokenPage {
	later, before := noon.Add(90*24*time.Hour), noon.Add(-24*time.Hour)
	return api.TokenPage{Items: []api.Token{
		{Id: "t4", Subject: itsm.Integration("jenkins"), Roles: []string{"operator", "auditor"}, Label: "Deployments", CreatedAt: before, ExpiresAt: &later},
		{Id: "t3", Subject: itsm.Person("maria"), CreatedAt: before},
		{Id: "t2", Subject: itsm.Person("tom"), CreatedAt: before, ExpiresAt: &before},
		{Id: "t1", Subject: itsm.Person("raj"), CreatedAt: before, ExpiresAt: &later, RevokedAt: &before},
	}}
}

// pages are the command lines whose output testdata holds.
var pages = map[string]string{
	"get-approval":    "get APR-1",
	"get-blocked":     "get APR-2",
	"get-processes":   "get --limit 2",
	"get-definitions": "get definitions",
	"get-definition":  "get ApprovalFlow/purchase",
	"get-versions":    "get ApprovalFlow/purchase --versions",
	"inbox":           "inbox",
	"events":          "events APR-1",
	"history":         "history APR-1",
	"tokens":          "token list",
	"whoami":          "whoami",
	"get-transition":  "get CHG-1",
	"get-taken-back":  "get CHG-2",
	"get-incident":    "get INC-1",
	"get-resolved":    "get INC-2",
	"clocks":          "clocks INC-1",
	"no-clocks":       "clocks INC-2",
	"oncall":          "oncall payments-primary",
	"maintenances":    "maintenance list",
	"calendar":        "calendar --from 2026-12-01 --to 2027-01-01",
	"absence":         "absence maria --from 2026-11-30T13:00 --to 2026-12-07T13:00 --delegate tom",
}

func TestPagesForPeople(t *testing.T) {
	t.Parallel()
	for name, line := range pages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := acme(t).run(strings.Fields(line)...)
			require.Equal(t, exitDone, got.code, got.errOut)
			golden(t, name+".txt", got.out)
		})
	}
}

func TestProgramsGetTheSameInJSONAndYAML(t *testing.T) {
	t.Parallel()
	for name, line := range pages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asJSON := acme(t).run(append(strings.Fields(line), "-o", "json")...)
			asYAML := acme(t).run(append(strings.Fields(line), "-o", "yaml")...)
			require.Equal(t, exitDone, asJSON.code, asJSON.errOut)
			require.Equal(t, exitDone, asYAML.code, asYAML.errOut)
			var value any
			require.NoError(t, yaml.Unmarshal([]byte(asYAML.out), &value))
			text, err := json.Marshal(value)
			require.NoError(t, err)
			assert.JSONEq(t, asJSON.out, string(text))
		})
	}
}

func TestHistoryInJSONIsTemporalsOwnToTheByte(t *testing.T) {
	t.Parallel()
	const text = "{ \"events\": [ {\"eventId\":\"1\",\n\"payload\":\"<&>\"} ] }"
	s := newShell(t)
	s.answer("GET /v1/processes/APR-1/history", 200, text)
	got := s.run("history", "APR-1", "-o", "json")
	assert.True(t, got.out == text, got.out) //nolint:testifylint // equal as JSON is not enough
}

func TestListsAreNarrowedByWhatIsAsked(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"get approvals --state open":           "kind=approval&limit=20&state=open",
		"get --requester raj --service ledger": "limit=20&requester=raj&service=ledger",
		"get ApprovalFlow":                     "kind=ApprovalFlow&limit=20",
		"get ApprovalFlow/purchase --digest d": "digest=d",
		"inbox --person tom":                   "limit=20&person=tom",
	}
	for line, query := range cases {
		s := acme(t)
		got := s.run(strings.Fields(line)...)
		require.Equal(t, exitDone, got.code, got.errOut)
		values := strings.Split(s.requests[0].query, "&")
		assert.ElementsMatch(t, strings.Split(query, "&"), values, line)
	}
}

func TestScriptsGetIDsAndTokensAlone(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("POST /v1/approvals", 201, api.Receipt{Process: "APR-1", Event: 2, State: itsm.StateOpen})
	s.answer("POST /v1/tokens", 201, api.NewToken{Secret: "stw_secret"})
	s.answer("DELETE /v1/tokens/t1", 204, "")
	assert.Equal(t, "APR-1\n", s.run("start", "approval", "--flow", "purchase", "--subject", `{"amount": 1.50}`).out)
	assert.JSONEq(t, `{"flow": "purchase", "subject": {"amount": 1.50}}`, s.sent().body)
	assert.Equal(t, "stw_secret\n", s.run("token", "create", "--integration", "ci", "--role", "operator", "--role", "auditor", "--expires-in", "90d").out)
	assert.JSONEq(t, `{"integration": "ci", "roles": ["operator", "auditor"], "expiresIn": "90d"}`, s.sent().body)
	assert.Equal(t, exitDone, s.run("token", "revoke", "t1").code)
}

func TestSubjectComesFromFileOrStandardInput(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.in = `{"item": "Desk"}`
	s.answer("PATCH /v1/approvals/APR-1", 200, api.Receipt{Process: "APR-1", Event: 7, State: itsm.StateBlocked})
	path := write(t, t.TempDir(), "subject.json", s.in)
	for _, subject := range []string{"-", "@" + path} {
		got := s.run("amend", "APR-1", "--subject", subject)
		require.Equal(t, exitDone, got.code, got.errOut)
		assert.JSONEq(t, `{"subject": {"item": "Desk"}}`, s.sent().body)
		assert.Contains(t, got.out, "it is blocked; `steward get APR-1` says why")
	}
}

func TestSchemaNeedsNoServer(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	got := s.run("schema", "ApprovalFlow")
	require.Equal(t, exitDone, got.code, got.errOut)
	assert.True(t, json.Valid([]byte(got.out)))
	assert.Equal(t, exitRefused, s.run("schema", "Elephant").code)
	assert.Empty(t, s.requests)
}
