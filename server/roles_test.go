package server

import (
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// everyAction is a request for each action, made so that nothing but the role
// could be a reason for 403. Who manages is for the process to judge.
var everyAction = map[action]struct{ method, target, body, media string }{
	"me.read":            {"GET", "/v1/me", "", ""},
	"definitions.read":   {"GET", "/v1/definitions", "", ""},
	"processes.read":     {"GET", "/v1/processes", "", ""},
	"approvals.start":    {"POST", "/v1/approvals", `{"flow": "purchase"}`, jsonMedia},
	"approvals.amend":    {"PATCH", "/v1/approvals/APR-1", `{"subject": {}}`, jsonMedia},
	"approvals.withdraw": {"POST", "/v1/approvals/APR-1/withdraw", `{}`, jsonMedia},
	"approvals.decide":   {"POST", "/v1/approvals/APR-1/decisions", `{"decision": "approve"}`, jsonMedia},
	"approvals.delegate": {"POST", "/v1/approvals/APR-1/delegations", `{"to": "tom"}`, jsonMedia},

	"transitions.start":      {"POST", "/v1/transitions", `{"model": "normal-change", "service": "payments"}`, jsonMedia},
	"transitions.amend":      {"PATCH", "/v1/transitions/CHG-1", `{"subject": {}}`, jsonMedia},
	"transitions.reschedule": {"POST", "/v1/transitions/CHG-1/reschedule", aPlan, jsonMedia},
	"transitions.cancel":     {"POST", "/v1/transitions/CHG-1/cancel", `{}`, jsonMedia},
	"transitions.rollback":   {"POST", "/v1/transitions/CHG-1/rollback", `{"comment": "why"}`, jsonMedia},
	scheduleOverride:         {"POST", "/v1/transitions", `{"model": "normal-change", "service": "payments", "override": true, "comment": "why"}`, jsonMedia},
	"steps.byhand":           {"POST", "/v1/transitions/CHG-1/steps/migration.2/skip", `{"comment": "why"}`, jsonMedia},
	"tasks.work":             {"POST", "/v1/tasks/CHG-1.validation.1/claim", `{}`, jsonMedia},
	"files.put":              {"POST", "/v1/files?name=log.txt", "all green", "text/plain"},
	"files.read":             {"GET", "/v1/files/sha256:" + strings.Repeat("0", 64), "", ""},
	"calendar.read":          {"GET", "/v1/calendar", "", ""},
	"incidents.open":         {"POST", "/v1/incidents", `{"title": "No payments", "service": "payments"}`, jsonMedia},
	"incidents.work":         {"POST", "/v1/incidents/INC-1/acknowledge", `{}`, jsonMedia},
	"incidents.major":        {"POST", "/v1/incidents/INC-1/major", `{}`, jsonMedia},
	"incidents.merge":        {"POST", "/v1/incidents/INC-1/merge", `{"into": "INC-2"}`, jsonMedia},
	alertsRaise:              {"POST", "/v1/alerts", anAlert, jsonMedia},
	"maintenance.manage":     {"POST", "/v1/maintenances/MNT-1/end", "", ""},
	"schedules.read":         {"GET", "/v1/schedules/payments-primary", "", ""},
	"events.read":            {"GET", "/v1/events?after=nonsense", "", ""},
	"webhooks.manage":        {"GET", "/v1/webhooks", "", ""},

	"inbox.own":         {"GET", "/v1/inbox", "", ""},
	inboxOthers:         {"GET", "/v1/inbox?person=bob", "", ""},
	"absence.own":       {"POST", "/v1/people/SELF/absence", anAbsence, jsonMedia},
	absenceOthers:       {"POST", "/v1/people/bob/absence", anAbsence, jsonMedia},
	absenceStandIn:      {"POST", "/v1/people/bob/absence", `{"from": "2026-03-10T08:00:00Z", "to": "2026-03-20T00:00:00Z", "delegate": "SELF"}`, jsonMedia},
	"definitions.apply": {"POST", "/v1/definitions", "apiVersion: steward/v1\nkind: Person\nmetadata: {name: zoe}\nspec: {}\n", yamlMedia},
	rolesGrant:          {"POST", "/v1/definitions?dryRun=true", "apiVersion: steward/v1\nkind: Person\nmetadata: {name: zack}\nspec: {roles: [admin]}\n", yamlMedia},
	"processes.resume":  {"POST", "/v1/processes/APR-1/resume", `{}`, jsonMedia},
	"processes.history": {"GET", "/v1/processes/APR-1/history", "", ""},
	"tokens.manage":     {"GET", "/v1/tokens", "", ""},
}

const anAlert = `{"service": "payments", "key": "latency", "title": "Payments are slow", "severity": "critical"}`

const aPlan = `{"plannedStart": "2026-03-10T08:00:00Z", "plannedEnd": "2026-03-10T10:00:00Z"}`

const anAbsence = `{"from": "2026-03-10T08:00:00Z", "to": "2026-03-20T00:00:00Z", "delegate": "tom"}`

// expected is the table of roles as the manual has it: who else than those
// named gets 403. It is written out a second time on purpose.
var expected = map[action]string{
	"me.read":            "admin owner operator auditor person integration",
	"definitions.read":   "admin owner operator auditor person integration",
	"processes.read":     "admin owner operator auditor person integration",
	"approvals.start":    "admin owner operator auditor person integration",
	"approvals.amend":    "admin owner operator auditor person integration",
	"approvals.withdraw": "admin owner operator auditor person integration",
	"approvals.decide":   "owner operator auditor person",
	"approvals.delegate": "owner operator auditor person",

	"transitions.start":      "admin owner operator auditor person integration",
	"transitions.amend":      "admin owner operator auditor person integration",
	"transitions.reschedule": "admin owner operator auditor person integration",
	"transitions.cancel":     "admin owner operator auditor person integration",
	"transitions.rollback":   "admin owner operator",
	transitionsManage:        "admin owner operator",
	scheduleOverride:         "admin owner",
	"steps.byhand":           "admin owner operator",
	"tasks.work":             "owner operator auditor person",
	"files.put":              "admin owner operator auditor person integration",
	"files.read":             "admin owner operator auditor person integration",
	"calendar.read":          "admin owner operator auditor person integration",
	"incidents.open":         "admin owner operator auditor person integration",
	"incidents.work":         "admin owner operator auditor person integration",
	"incidents.major":        "admin owner operator",
	"incidents.merge":        "admin owner operator",
	alertsRaise:              "admin operator integration",
	"maintenance.manage":     "admin owner operator",
	"schedules.read":         "admin owner operator auditor person integration",
	"events.read":            "admin owner operator auditor person integration",
	"webhooks.manage":        "admin",

	"inbox.own":         "admin owner operator auditor person",
	inboxOthers:         "admin operator auditor",
	"absence.own":       "admin owner operator auditor person",
	absenceOthers:       "admin owner operator",
	absenceStandIn:      "admin",
	"definitions.apply": "admin owner",
	rolesGrant:          "admin",
	"processes.resume":  "admin owner operator",
	"processes.history": "admin owner operator auditor",
	"tokens.manage":     "admin",
}

func TestEveryRoleMayDoWhatTheTableSaysAndNoMore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.record(t, "APR-1", "raj")
	callers := map[string]struct {
		self string
		as   option
	}{
		"admin":       {"nobody", asToken(b.admin)}, // an integration with the role
		"owner":       {"maria", b.person(t, "maria")},
		"operator":    {"alice", b.person(t, "alice")},
		"auditor":     {"olga", b.person(t, "olga")},
		"person":      {"tom", b.person(t, "tom")},
		"integration": {"nobody", asToken(b.token(t, api.TokenRequest{Integration: "shop"}))},
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(permissions)), append(slices.Collect(maps.Keys(everyAction)), transitionsManage), "each action has a request")
	require.ElementsMatch(t, slices.Collect(maps.Keys(permissions)), slices.Collect(maps.Keys(expected)), "each action has a row")
	for name, request := range everyAction {
		for role, who := range callers {
			a := b.do(t, request.method, strings.ReplaceAll(request.target, "SELF", who.self), strings.ReplaceAll(request.body, "SELF", who.self), who.as, header("Content-Type", request.media))
			if name == "transitions.cancel" {
				manages := slices.Contains(strings.Fields(expected[transitionsManage]), role)
				assert.Equal(t, manages, b.engine.last(t).call.Manages, role)
			}
			if slices.Contains(strings.Fields(expected[name]), role) {
				assert.NotEqual(t, http.StatusForbidden, a.Code, "%s may %s: %s", role, name, a.Body)
				assert.Less(t, a.Code, http.StatusInternalServerError, "%s %s: %s", role, name, a.Body)
			} else {
				assert.Equal(t, http.StatusForbidden, a.Code, "%s may not %s: %s", role, name, a.Body)
			}
		}
	}
}

func TestIntegrationsGetTheRolesOfTheirToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for role, allowed := range map[string]action{
		RoleProcessOwner: "definitions.apply", RoleOperator: inboxOthers, RoleAuditor: "processes.history", RoleAdmin: "tokens.manage",
	} {
		request := everyAction[allowed]
		as := asToken(b.token(t, api.TokenRequest{Integration: "shop", Roles: []string{role}}))
		a := b.do(t, request.method, request.target, request.body, as, header("Content-Type", request.media))
		assert.Equal(t, http.StatusOK, a.Code, a.Body)
		b.do(t, "POST", "/v1/approvals/APR-1/decisions", `{"decision": "approve"}`, as).problem(t, http.StatusForbidden, itsm.CodeForbidden)
	}
}

func TestManualHasTheTableOfRoles(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/api.md")
	require.NoError(t, err)
	row := regexp.MustCompile("(?m)^\\| `([a-z]+\\.[a-z]+)` \\| (.*) \\|$")
	documented := map[action][]string{}
	for _, match := range row.FindAllStringSubmatch(string(text), -1) {
		documented[action(match[1])] = strings.Split(match[2], ", ")
	}
	assert.Equal(t, permissions, documented)
}
