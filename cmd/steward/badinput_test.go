package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

// strictFlow says what its subject looks like, and asks two people in turn.
const strictFlow = `---
apiVersion: steward/v1
kind: ApprovalFlow
metadata: {name: strict}
spec:
  input:
    type: object
    required: [item]
    properties: {item: {type: string, maxLength: 20}, amount: {type: number, maximum: 1000000}}
  summary: '"Buy " + subject.item'
  stages:
    - {name: first, approvers: [{person: a}]}
    - {name: second, approvers: [{person: b}]}
`

// bad is a request that must be refused.
type bad struct {
	method, path, as, media, key string
	body                         any
	status                       int
	code                         string
	says                         string // part of the message: what to do
}

// TestBadInputMeetsAClearRefusal sends it to the whole of Steward, and sees
// that nothing is lost, nothing panics, and nothing is taken for our own fault.
func TestBadInputMeetsAClearRefusal(t *testing.T) {
	t.Parallel()
	d := startDev(t, "STEWARD_NOTIFY_LOG=false")
	d.apply(firePeople() + strictFlow)
	start := func(item string) string {
		var receipt itsm.Receipt
		r := d.send(http.MethodPost, "/v1/approvals", "asker", "", map[string]any{"flow": "strict", "subject": map[string]any{"item": item}})
		require.Equal(t, http.StatusCreated, r.status, "%s", r.body)
		r.into(t, &receipt)
		return receipt.Process
	}
	open, closed := start("open"), start("closed")
	require.True(t, d.send(http.MethodPost, "/v1/approvals/"+closed+"/withdraw", "asker", "", map[string]any{}).ok())

	for name, groups := range map[string]map[string]bad{
		"definitions": badDefinitions(), "starts": badStarts(), "decisions": badDecisions(open, closed), "requests": badRequests(open),
	} {
		for what, b := range groups {
			checkRefusal(t, d, name+": "+what, b)
		}
	}
	assert.Len(t, all[itsm.Event](d, "/v1/processes/"+open+"/events?"), 2, "nothing of it changed anything")
	r := d.send(http.MethodPost, "/v1/approvals/"+open+"/decisions", "a", "", map[string]any{"decision": "approve"})
	assert.True(t, r.ok(), "it goes on: %s", r.body)
	d.kill(syscall.SIGTERM)
	assert.NotContains(t, d.output.String(), "panic")
	assert.NotContains(t, d.output.String(), "level=ERROR")
}

func checkRefusal(t *testing.T, d *devProcess, name string, b bad) {
	t.Helper()
	if b.media == "" {
		b.media = "application/json"
	}
	r := visitor{url: d.url(), as: b.as}.sendAs(b.media, b.method, b.path, b.key, b.body)
	var problem struct {
		Status                    int
		Code, Detail, Type, Title string
	}
	if !assert.Equal(t, b.status, r.status, "%s: %.300s", name, r.body) {
		return
	}
	require.NoError(t, json.Unmarshal(r.body, &problem), "%s: %s", name, r.body)
	assert.Equal(t, "application/problem+json", r.header.Get("Content-Type"), name)
	assert.Equal(t, b.status, problem.Status, name)
	assert.Equal(t, b.code, problem.Code, "%s: %s", name, problem.Detail)
	assert.Contains(t, string(r.body), b.says, name)
	assert.Contains(t, problem.Type, "/docs#"+b.code, name)
	assert.Less(t, len(problem.Detail), 600, "%s: %s", name, problem.Detail)
}

func badDefinitions() map[string]bad {
	apply := func(body string, status int, code, says string) bad {
		return bad{http.MethodPost, "/v1/definitions", "", "application/yaml", "", []byte(body), status, code, says}
	}
	return map[string]bad{
		"malformed YAML": apply("kind: [\n  :", 422, "definition.invalid", `"line":`),
		"10 MB":          apply("# "+strings.Repeat("x", 10<<20), 413, "too_large", "send less at a time"),
		"no UTF-8":       apply("apiVersion: steward/v1\nkind: \xff\xfe", 422, "definition.invalid", "UTF-8"),
		"a NUL":          apply("apiVersion: steward/v1\nkind: Person\nmetadata: {name: \"n\\0\"}\nspec: {email: a@b.test}", 422, "definition.invalid", "name"),
		"nothing":        apply("", 400, "malformed", "empty"),
		"a bomb": apply("a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"+
			"e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]", 422, "definition.invalid", "line"),
		"deep": apply(strings.Repeat("[", 100_000), 422, "definition.invalid", "max depth"),
	}
}

func badStarts() map[string]bad {
	start := func(body string, status int, code, says string) bad {
		return bad{http.MethodPost, "/v1/approvals", "asker", "", "", []byte(body), status, code, says}
	}
	return map[string]bad{
		"unknown flow":           start(`{"flow": "nosuch", "subject": {}}`, 422, "definition.unknown", "steward get"),
		"subject that lacks":     start(`{"flow": "strict", "subject": {}}`, 422, "subject.invalid", "/subject"),
		"subject of wrong type":  start(`{"flow": "strict", "subject": {"item": 3}}`, 422, "subject.invalid", "/subject/item"),
		"subject too long":       start(`{"flow": "strict", "subject": {"item": "`+strings.Repeat("y", 21)+`"}}`, 422, "subject.invalid", "/subject/item"),
		"subject with a NUL":     start(`{"flow": "strict", "subject": {"item": "a\u0000b"}}`, 422, "invalid", "NUL"),
		"huge number":            start(`{"flow": "strict", "subject": {"item": "x", "amount": 1e400}}`, 422, "subject.invalid", "/subject/amount"),
		"huge integer":           start(`{"flow": "strict", "subject": {"item": "x", "amount": 9999999999999999999999}}`, 422, "subject.invalid", "/subject/amount"),
		"deep JSON":              start(`{"flow": "strict", "subject": `+strings.Repeat(`{"a":`, 50_000)+"1"+strings.Repeat("}", 50_001), 400, "malformed", "max depth"),
		"cut JSON":               start(`{"flow": "strict", "subject": {`, 400, "malformed", "JSON"),
		"two documents":          start(`{"flow": "strict"} {"flow": "strict"}`, 400, "malformed", "JSON"),
		"doubled name":           start(`{"flow": "strict", "flow": "fire", "subject": {"item": "x"}}`, 400, "malformed", "/flow twice"),
		"no UTF-8":               start("{\"flow\": \"strict\", \"subject\": {\"item\": \"\xff\"}}", 400, "malformed", "UTF-8"),
		"10 MB":                  start(`{"flow": "strict", "subject": {"item": "`+strings.Repeat("z", 10<<20)+`"}}`, 413, "too_large", "send less"),
		"unknown field":          start(`{"flow": "strict", "subjekt": {"item": "x"}}`, 422, "invalid", "subjekt"),
		"for somebody else":      start(`{"flow": "strict", "subject": {"item": "x"}, "requester": "a"}`, 403, "forbidden", "requester"),
		"an array for an object": start(`[]`, 422, "invalid", "object"),
	}
}

func badDecisions(open, closed string) map[string]bad {
	post := func(as, path, body string, status int, code, says string) bad {
		return bad{http.MethodPost, "/v1/approvals/" + path, as, "", "", []byte(body), status, code, says}
	}
	return map[string]bad{
		"another person's":      post("b", open+"/decisions", `{"decision": "approve"}`, 403, "approval.not_approver", "b"),
		"the requester's":       post("asker", open+"/decisions", `{"decision": "approve"}`, 403, "approval.not_approver", "asker"),
		"a stranger's":          post("nobody", open+"/decisions", `{"decision": "approve"}`, 422, "person.unknown", "apply one"),
		"after closing":         post("a", closed+"/decisions", `{"decision": "approve"}`, 409, "process.closed", "withdrawn"),
		"of another stage":      post("a", open+"/decisions", `{"decision": "approve", "stage": "second"}`, 409, "approval.stage_changed", "first"),
		"no verdict":            post("a", open+"/decisions", `{"decision": "perhaps"}`, 422, "invalid", "approve"),
		"comment with a NUL":    post("a", open+"/decisions", `{"decision": "approve", "comment": "\u0000"}`, 422, "invalid", "NUL"),
		"comment without end":   post("a", open+"/decisions", `{"decision": "approve", "comment": "`+strings.Repeat("w", 20_000)+`"}`, 422, "invalid", "comment"),
		"to an unknown person":  post("a", open+"/delegations", `{"to": "ghost"}`, 422, "person.unknown", "ghost"),
		"to themselves":         post("a", open+"/delegations", `{"to": "a"}`, 409, "approval.delegate_unfit", "a"),
		"withdrawn by another":  post("a", open+"/withdraw", `{}`, 403, "approval.not_requester", "asker"),
		"on what is not there":  post("a", "APR-999999/decisions", `{"decision": "approve"}`, 404, "not_found", "APR-999999"),
		"on another kind":       post("a", "CHG-1/decisions", `{"decision": "approve"}`, 404, "not_found", "APR-1"),
		"on a number beyond":    post("a", "APR-99999999999999999999/decisions", `{"decision": "approve"}`, 404, "not_found", "APR-1"),
		"resume what goes on":   {http.MethodPost, "/v1/processes/" + open + "/resume", "", "", "", []byte(`{}`), 409, "process.not_blocked", open},
		"absence of a ghost":    {http.MethodPost, "/v1/people/ghost/absence", "", "", "", []byte(`{"from": "2031-01-01T00:00:00Z", "to": "2031-01-02T00:00:00Z", "delegate": "a"}`), 422, "person.unknown", "ghost"},
		"absence with a ghost":  {http.MethodPost, "/v1/people/a/absence", "", "", "", []byte(`{"from": "2031-01-01T00:00:00Z", "to": "2031-01-02T00:00:00Z", "delegate": "ghost"}`), 422, "person.unknown", "ghost"},
		"absence that ends it":  {http.MethodPost, "/v1/people/a/absence", "", "", "", []byte(`{"from": "2031-01-02T00:00:00Z", "to": "2031-01-01T00:00:00Z", "delegate": "b"}`), 422, "absence.invalid", "after"},
		"absence of the year 0": {http.MethodPost, "/v1/people/a/absence", "", "", "", []byte(`{"from": "0000-01-01T00:00:00Z", "to": "99999-01-01T00:00:00Z", "delegate": "b"}`), 422, "invalid", "/to"},
	}
}

func badRequests(open string) map[string]bad {
	decide := func(key string, says string) bad {
		return bad{http.MethodPost, "/v1/approvals/" + open + "/decisions", "a", "", key, []byte(`{"decision": "approve"}`), 422, "invalid", says}
	}
	cases := map[string]bad{
		"key without end":      decide(strings.Repeat("k", 10_000), "Idempotency-Key"),
		"key with a space":     decide("a b", "Idempotency-Key"),
		"key beyond ASCII":     decide("schlüssel", "Idempotency-Key"),
		"no JSON at all":       {http.MethodPost, "/v1/approvals", "asker", "text/plain", "", []byte("x"), 415, "unsupported_media_type", "application/json"},
		"DELETE":               {http.MethodDelete, "/v1/processes/" + open, "", "", "", nil, 405, "method_not_allowed", "GET"},
		"no such page":         {http.MethodGet, "/v1/nosuch", "", "", "", nil, 404, "not_found", "/docs"},
		"ID without end":       {http.MethodGet, "/v1/processes/APR-" + strings.Repeat("9", 300), "", "", "", nil, 422, "invalid", "/id"},
		"limit of all":         {http.MethodGet, "/v1/processes?limit=99999999999999999999", "", "", "", nil, 422, "invalid", "limit"},
		"cursor that is none":  {http.MethodGet, "/v1/processes?cursor=%00", "", "", "", nil, 422, "invalid", "cursor"},
		"state that is none":   {http.MethodGet, "/v1/processes?state=closed%27--", "", "", "", nil, 422, "invalid", "state"},
		"token that is none":   {http.MethodDelete, "/v1/tokens/%00", "", "", "", nil, 404, "not_found", "token"},
		"definition not there": {http.MethodGet, "/v1/definitions/Person/%2e%2e%2f", "", "", "", nil, 404, "not_found", ""},
	}
	for i, id := range []string{"APR-0", "APR-01", "apr-1", "APR-", "APR--1", "APR-+1", "%2e%2e", "..%2f..", "APR-1%00", "%ff", "APR-1%0a"} {
		cases[fmt.Sprintf("ID %d %.20q", i, id)] = bad{http.MethodGet, "/v1/processes/" + id, "", "", "", nil, 404, "not_found", ""}
		cases[fmt.Sprintf("events of ID %d %.20q", i, id)] = bad{http.MethodGet, "/v1/processes/" + id + "/events", "", "", "", nil, 404, "not_found", ""}
		cases[fmt.Sprintf("history of ID %d %.20q", i, id)] = bad{http.MethodGet, "/v1/processes/" + id + "/history", "", "", "", nil, 404, "not_found", ""}
	}
	return cases
}
