package main

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

func problem(status int, code itsm.Code, detail string, faults ...api.Fault) api.Problem {
	return api.Problem{Status: status, Code: string(code), Title: http.StatusText(status), Detail: detail, Errors: faults}
}

func TestExitCodeTellsScriptsWhatHappened(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		status int
		body   any
		code   int
		says   string
	}{
		"done":               {200, api.Me{Actor: itsm.Person("maria")}, 0, ""},
		"wrong request":      {400, problem(400, itsm.CodeInvalid, "person is no name"), 1, "invalid: person is no name"},
		"no token":           {401, problem(401, itsm.CodeUnauthenticated, "send a token"), 1, "unauthenticated: send a token"},
		"not allowed":        {403, problem(403, itsm.CodeForbidden, "ask an administrator"), 1, "forbidden: ask an administrator"},
		"wrong moment":       {409, problem(409, itsm.CodeProcessClosed, "it is closed"), 1, "process.closed: it is closed"},
		"code of the future": {422, problem(422, "moon.full", "wait for another"), 1, "moon.full: wait for another"},
		"no detail":          {404, api.Problem{Code: "not_found", Title: "Not found"}, 1, "not_found: Not found"},
		"server's fault":     {500, problem(500, itsm.CodeInternal, "it was logged"), 3, "internal: it was logged"},
		"unavailable":        {503, problem(503, itsm.CodeUnavailable, "try again"), 3, "unavailable: try again"},
		"a proxy's page":     {502, "<html>Bad gateway</html>", 3, "not how Steward answers"},
		"another server":     {200, "<html>Welcome</html>", 3, "not how Steward answers"},
		"redirected":         {307, "", 3, "not how Steward answers"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShell(t)
			s.answer("GET /v1/me", c.status, c.body)
			got := s.run("whoami")
			assert.Equal(t, c.code, got.code)
			assert.Contains(t, got.errOut, c.says)
			assert.Equal(t, c.code == 0, got.errOut == "", got.errOut)
			assert.Equal(t, c.code == 0, got.out != "", got.out)
		})
	}
}

func TestWrongCommandLineIsUsageAndSendsNothing(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ line, says string }{
		"unknown command":       {"aprove APR-1", "approve"},
		"unknown flag":          {"get --colour", "unknown flag: --colour"},
		"no ID":                 {"approve", "accepts 1 arg"},
		"two IDs":               {"approve APR-1 APR-2", "accepts 1 arg"},
		"no flow":               {"start approval", `"flow" not set`},
		"nothing to start":      {"start", "steward start approval"},
		"unknown kind to start": {"start party", "unknown command"},
		"nothing about tokens":  {"token", "create|list|revoke"},
		"nothing to measure":    {"bench", "approvals"},
		"token of nobody":       {"token create", "person integration"},
		"token of two":          {"token create --person maria --integration ci", "none of the others can be"},
		"person with roles":     {"token create --person maria --role admin", "none of the others can be"},
		"output":                {"whoami -o xml", "write one of table, json, yaml"},
		"URL":                   {"whoami --url localhost", "write it like http://127.0.0.1:8087"},
		"timeout":               {"whoami --timeout 0s", "longer than nothing"},
		"subject":               {"start approval --flow purchase --subject [1]", "not a JSON object"},
		"subject's file":        {"amend APR-1 --subject @nowhere.json", "no such file"},
		"definitions' file":     {"apply -f nowhere", "no such file"},
		"when":                  {"absence maria --from today --to 2027-01-04 --delegate tom", "--from is"},
		"what to get":           {"get elephants", "neither an ID"},
		"limit":                 {"inbox --limit 0", "1 or more"},
		"limit and all":         {"inbox --limit 3 --all", "none of the others can be"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShell(t)
			got := s.run(strings.Fields(c.line)...)
			assert.Equal(t, exitUsage, got.code)
			assert.Contains(t, got.errOut, c.says)
			assert.Contains(t, got.errOut, "--help")
			assert.Empty(t, got.out)
			assert.Empty(t, s.requests)
		})
	}
}

func TestRefusalListsEveryFault(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("POST /v1/approvals", 422, problem(422, itsm.CodeSubjectInvalid, "the subject does not fit the flow",
		api.Fault{Field: "/subject/amount", Code: "subject.invalid", Message: "amount must be greater than 0"},
		api.Fault{Field: "/subject/item", Code: "subject.invalid", Message: "item is missing"}))
	got := s.run("start", "approval", "--flow", "purchase", "--subject", `{"amount": -1}`)
	assert.Equal(t, exitRefused, got.code)
	assert.Equal(t, `steward: subject.invalid: the subject does not fit the flow
  /subject/amount: subject.invalid: amount must be greater than 0
  /subject/item: subject.invalid: item is missing
`, got.errOut)
}

func TestUnansweredCommandTellsHowToSendItAgain(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("GET /v1/processes/APR-1", 200, onlyStage("manager"))
	s.answer("POST /v1/approvals/APR-1/decisions", 503, problem(503, itsm.CodeUnavailable, "the database is away"))
	got := s.run("approve", "APR-1", "--token", "stw_secret", "--comment", "It's fine")
	assert.Equal(t, exitUnavailable, got.code)
	assert.Contains(t, got.errOut, "not known whether")
	assert.Contains(t, got.errOut, `  steward approve APR-1 --token "$STEWARD_TOKEN" --comment 'It'\''s fine' --stage manager --idempotency-key key-1`+"\n")

	before := s.sent()
	s.run("approve", "APR-1", "--comment", "It's fine", "--stage", "manager", "--idempotency-key", "key-1")
	assert.Equal(t, before.body, s.sent().body)
	assert.Equal(t, before.header.Get("Idempotency-Key"), s.sent().header.Get("Idempotency-Key"))
}

func TestQuestionWithoutAnswerHasNoFateToTell(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("GET /v1/inbox", 503, problem(503, itsm.CodeUnavailable, "the database is away"))
	got := s.run("inbox")
	assert.Equal(t, exitUnavailable, got.code)
	assert.NotContains(t, got.errOut, "again like this")
}

func TestServerThatIsNotThereIsUnreachable(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	s := newShell(t)
	s.pauses = []time.Duration{0}
	got := s.run("withdraw", "APR-1", "--url", "http://"+listener.Addr().String())
	assert.Equal(t, exitUnavailable, got.code)
	assert.Contains(t, got.errOut, "connection refused")
	assert.Contains(t, got.errOut, "STEWARD_URL")
	assert.Contains(t, got.errOut, "--idempotency-key key-1")
}

func TestTokenIsNeverPrinted(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 401, 500, 503} {
		for _, flags := range [][]string{{"--token", "stw_secret"}, {"--token=stw_secret"}, nil} {
			s := newShell(t)
			s.vars["STEWARD_TOKEN"] = "stw_secret"
			s.answer("POST /v1/approvals/APR-1/withdraw", status, problem(status, "x", "y"))
			got := s.run(append([]string{"withdraw", "APR-1"}, flags...)...)
			assert.NotContains(t, got.out+got.errOut, "stw_secret")
			assert.Equal(t, "Bearer stw_secret", s.sent().header.Get("Authorization"))
			assert.Equal(t, flags != nil, strings.Contains(got.errOut, "others on this machine"))
		}
	}
}

func TestOthersTextCannotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("GET /v1/inbox", 200, api.InboxPage{Items: []api.InboxItem{{Process: "APR-1", Title: "free\x1b[2J money\nAPR-2"}}})
	s.answer("GET /v1/me", 403, problem(403, itsm.CodeForbidden, "no\x1b]0;owned\a"))
	assert.NotContains(t, s.run("inbox").out, "\x1b")
	assert.Len(t, strings.Split(s.run("inbox").out, "\n"), 3, "a title takes one line")
	assert.NotContains(t, s.run("whoami").errOut, "\x1b")
}

func TestSingleFaultIsToldOnce(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("POST /v1/approvals", 422, problem(422, itsm.CodeDefinitionUnknown, "there is no such flow",
		api.Fault{Field: "/flow", Code: string(itsm.CodeDefinitionUnknown), Message: "there is no such flow"}))
	got := s.run("start", "approval", "--flow", "nope")
	assert.Equal(t, "steward: definition.unknown: there is no such flow\n  at /flow\n", got.errOut)
}
