package server

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

func TestMalformedBodiesAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raj := b.person(t, "raj")
	for name, body := range map[string]string{
		"nothing": "", "not JSON": "flow=purchase", "broken off": `{"flow": "purchase"`, "garbage after": `{"flow": "purchase"} {}`,
		"not UTF-8": "{\"flow\": \"\xff\"}", "deep": strings.Repeat("[", 20000),
	} {
		p := b.do(t, "POST", "/v1/approvals", body, raj, header("Content-Type", jsonMedia)).problem(t, http.StatusBadRequest, itsm.CodeMalformed)
		assert.NotContains(t, p.Detail, "flow", name)
	}
	assert.Empty(t, b.engine.got)
}

func TestAllFieldsAreFaultedAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raj := b.person(t, "raj")
	faulted := func(p api.Problem) map[string]string {
		found := map[string]string{}
		for _, e := range p.Errors {
			found[e.Field] = e.Message
		}
		return found
	}
	p := b.do(t, "POST", "/v1/approvals", `{"flov": "purchase", "subject": 3, "comment": ["x"], "a/b": 1}`, raj).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
	got := faulted(p)
	assert.Equal(t, `there is no field "flov"; leave it out`, got["/flov"])
	assert.Contains(t, got["/flow"], "missing")
	assert.Contains(t, got["/subject"], "object")
	assert.Contains(t, got["/comment"], "string")
	assert.Contains(t, got, "/a~1b")
	assert.Len(t, p.Errors, 5)

	for body, field := range map[string]string{
		`{"decision": "maybe"}`: "/decision", `{"decision": null}`: "/decision", `[]`: "", `"x"`: "", `null`: "",
		`{"decision": "approve", "Decision": "reject"}`:                           "/Decision",
		`{"decision": "approve", "stage": 7}`:                                     "/stage",
		`{"decision": "approve", "comment": "` + strings.Repeat("c", 4001) + `"}`: "/comment",
	} {
		p := b.do(t, "POST", "/v1/approvals/APR-1/decisions", body, raj).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
		require.NotEmpty(t, p.Errors, body)
		assert.Equal(t, field, p.Errors[0].Field, body)
	}
	for body, field := range map[string]string{
		`{"from": "tomorrow", "to": "2026-03-20T00:00:00Z", "delegate": "tom"}`:             "/from",
		`{"from": "2026-13-45T99:00:00Z", "to": "2026-03-20T00:00:00Z", "delegate": "tom"}`: "/from",
		`{"from": "2026-03-10T08:00:00Z", "to": 7, "delegate": "tom"}`:                      "/to",
		`{"from": "2026-03-10T08:00:00Z", "delegate": "tom"}`:                               "/to",
	} {
		p := b.do(t, "POST", "/v1/people/raj/absence", body, raj).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
		require.NotEmpty(t, p.Errors, body)
		assert.Equal(t, field, p.Errors[0].Field, body)
	}
	assert.Empty(t, b.engine.got)
}

func TestParametersAreChecked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.record(t, "APR-1", "raj")
	raj := b.person(t, "raj")
	for target, field := range map[string]string{
		"/v1/processes?limit=0": "/limit", "/v1/processes?limit=501": "/limit", "/v1/processes?limit=many": "/limit",
		"/v1/processes?kind=party": "/kind", "/v1/processes?state=odd": "/state", "/v1/processes?cursor=nonsense": "/cursor",
		"/v1/inbox?cursor=bm9uZQ": "/cursor", "/v1/inbox?person=R%C3%A4j": "/person", "/v1/processes/APR-1/events?after=-1": "/after",
		"/v1/definitions?cursor=%00": "/cursor", "/v1/definitions/Person/raj/versions?cursor=x": "/cursor",
	} {
		p := b.do(t, "GET", target, "", raj).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
		require.Len(t, p.Errors, 1, target)
		assert.Equal(t, field, p.Errors[0].Field, target)
	}
	b.do(t, "GET", "/v1/tokens?cursor=x", "", asToken(b.admin)).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
	b.do(t, "POST", "/v1/definitions?dryRun=perhaps", "{}", asToken(b.admin)).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
}

func TestBodiesOverTheLimitAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Limits.BodyBytes = 16 << 10 })
	raj := b.person(t, "raj")
	big := `{"flow": "purchase", "subject": {"x": "` + strings.Repeat("x", 10<<20) + `"}}`
	b.do(t, "POST", "/v1/approvals", big, raj).problem(t, http.StatusRequestEntityTooLarge, itsm.CodeTooLarge)
	b.do(t, "POST", "/v1/definitions", big, asToken(b.admin)).problem(t, http.StatusRequestEntityTooLarge, itsm.CodeTooLarge)
	start := `{"flow": "purchase", "subject": {"x": "`
	fits := start + strings.Repeat("x", 16<<10-len(start)-len(`"}}`)) + `"}}`
	b.do(t, "POST", "/v1/approvals", fits, raj).is(t, http.StatusCreated)
	b.do(t, "POST", "/v1/approvals", fits+" ", raj).problem(t, http.StatusRequestEntityTooLarge, itsm.CodeTooLarge)
}

func TestUnknownMediaIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raj := b.person(t, "raj")
	for _, media := range []string{"", "text/plain", "application/x-www-form-urlencoded", yamlMedia, "application/jsonx", ";;"} {
		b.do(t, "POST", "/v1/approvals", `{"flow": "purchase"}`, raj, func(r *http.Request) { r.Header["Content-Type"] = []string{media} }).
			problem(t, http.StatusUnsupportedMediaType, itsm.CodeUnsupportedMedia)
	}
	b.do(t, "POST", "/v1/approvals", `{"flow": "purchase"}`, raj, header("Content-Type", "application/json; charset=utf-8")).is(t, http.StatusCreated)
}

func TestUnknownPathsAndMethodsAreProblems(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, path := range []string{"/", "/v1", "/v1/", "/v1/nothing", "/v1/processes/", "/v2/me"} {
		b.do(t, "GET", path, "").problem(t, http.StatusNotFound, itsm.CodeNotFound)
	}
	a := b.do(t, "DELETE", "/v1/approvals/APR-1", "")
	a.problem(t, http.StatusMethodNotAllowed, itsm.CodeMethodNotAllowed)
	assert.Equal(t, "PATCH", a.Header().Get("Allow"))
	b.do(t, "HEAD", "/healthz", "").is(t, http.StatusOK)
}

func TestSlowRequestsAreToldToTryAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.limits.RequestTimeout = 200 * time.Millisecond
	b.engine.do = func(ctx context.Context) { <-ctx.Done() }
	b.engine.err = context.DeadlineExceeded
	a := b.do(t, "POST", "/v1/approvals", `{"flow": "purchase"}`, b.person(t, "raj"))
	p := a.problem(t, http.StatusServiceUnavailable, itsm.CodeUnavailable)
	assert.Equal(t, retryAfter, a.Header().Get("Retry-After"))
	assert.Contains(t, p.Detail, "same idempotency key")
}

func TestPanicIsAnOrdinaryFailure(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.engine.do = func(context.Context) { panic("s3cret inside") }
	a := b.do(t, "POST", "/v1/approvals", `{"flow": "purchase"}`, b.person(t, "raj"))
	a.problem(t, http.StatusInternalServerError, itsm.CodeInternal)
	assert.NotContains(t, a.Body.String(), "s3cret")
	assert.Equal(t, 1, strings.Count(b.logs.String(), "s3cret inside"), "logged once")
	b.engine.do = nil
	b.do(t, "POST", "/v1/approvals", `{"flow": "purchase"}`, b.person(t, "raj")).is(t, http.StatusCreated)
}

func TestOurOwnFaultsAreHiddenAndLoggedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.engine.err = itsm.Errorf(itsm.CodeRecordConflict, "row 7 of table x")
	a := b.do(t, "POST", "/v1/approvals", `{"flow": "purchase"}`, b.person(t, "raj"), header(requestIDHeader, "req-42"))
	p := a.problem(t, http.StatusInternalServerError, itsm.CodeInternal)
	assert.Equal(t, "req-42", p.RequestId)
	assert.NotContains(t, a.Body.String(), "table x")
	assert.Equal(t, 1, strings.Count(b.logs.String(), "row 7 of table x"))
	assert.Contains(t, b.logs.String(), "level=ERROR")
}

func TestRequestIDsAreKeptWhenTheyAreSane(t *testing.T) {
	t.Parallel()
	b := setup(t)
	assert.Equal(t, "a-1.B_2", b.do(t, "GET", "/healthz", "", header(requestIDHeader, "a-1.B_2")).Header().Get(requestIDHeader))
	for _, odd := range []string{"", "a b", "a\tb", strings.Repeat("x", 101), "<script>"} {
		made := b.do(t, "GET", "/healthz", "", header(requestIDHeader, odd)).Header().Get(requestIDHeader)
		assert.NotEqual(t, odd, made)
		assert.Regexp(t, saneRequestID, made)
	}
}

func TestProblemsLookLikeThis(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.do(t, "POST", "/v1/approvals/APR-1/decisions", `{"decision": "maybe"}`, b.person(t, "raj"), header(requestIDHeader, "req-1"))
	assert.JSONEq(t, `{
		"type": "https://steward.acme.test/docs#invalid", "title": "Unprocessable Entity", "status": 422, "code": "invalid",
		"detail": "/decision: value is not one of the allowed values [\"approve\",\"reject\",\"abstain\"]",
		"instance": "/v1/approvals/APR-1/decisions", "requestId": "req-1",
		"errors": [{"field": "/decision", "code": "invalid", "message": "value is not one of the allowed values [\"approve\",\"reject\",\"abstain\"]"}]
	}`, a.Body.String())
}

func TestJSONMeansTheSameToEveryReader(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		`{"a": 1, "b": {"a": 1}, "c": [{"a": 1}, {"a": "\\u0000"}]}`: "",
		`{"a": {"x/y": [1, {"n": 1, "n": 2}]}}`:                      "/a/x~1y/1/n",
		`{"a": ["\u0000"]}`:                                          "/a/0",
		`{"a": {"\u0000": 1}}`:                                       "/a",
		`{"a": 1, "\u0061": 2}`:                                      "/a",
	}
	for body, field := range cases {
		err := checkJSON([]byte(body))
		if field == "" {
			assert.NoError(t, err, body)
			continue
		}
		var refusal *itsm.Error
		if assert.ErrorAs(t, err, &refusal, body) {
			assert.Equal(t, field, refusal.Fields[0].Field, body)
		}
	}
}

func FuzzBodiesNeverBreakTheServer(f *testing.F) {
	for _, seed := range []string{`{"flow": "purchase", "subject": {"a": 1}}`, `{"flow": null}`, `[[[[`, "\x00", `{"subject": {"\u0000": "\ud800"}}`, `{"flow":"a","flow":"b"}`, `1e999`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		err := checkJSON(body)
		if err != nil {
			assert.Contains(t, []itsm.Code{itsm.CodeMalformed, itsm.CodeInvalid}, itsm.ErrorCode(err))
			return
		}
		c, err := loadedContract()
		require.NoError(t, err)
		g := ginContext("POST", "/v1/approvals", bytes.NewReader(body))
		if err := c.operations["POST /v1/approvals"].check(g, jsonMedia); err != nil {
			assert.Equal(t, itsm.CodeInvalid, itsm.ErrorCode(err))
		}
	})
}
