package activities

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

const (
	aSecret   = `s3cr3t"of<Acme>`
	callModel = `
{apiVersion: steward/v1, kind: TransitionModel, metadata: {name: calling}, spec: {type: standard,
  input: {type: object, properties: {version: {type: string}, divisor: {type: integer}}},
  stages: [{name: go, steps: [
    {call: "POST URL/deploy", body: '{"version": subject.version, "service": service.name}', callback: 1h,
      headers: {Authorization: {secret: deployer}, X-Team: red, Idempotency-Key: mine},
      undo: {call: "POST URL/rollback", body: '{"earlier": steps.deploy.body.id}'}},
    {call: "DELETE URL/old?of=acme", timeout: 1s, headers: {Content-Type: text/plain, Host: other.test}},
    {call: "POST URL/empty", callback: 1h},
    {call: "PUT URL/own", body: '{"callback": "mine"}', callback: 1h},
    {call: "POST URL/list", body: '[1, 2.5, subject.version]', callback: 1h},
    {call: "POST URL/faulty", body: '{"n": 1 / subject.divisor}'},
    {call: "POST URL/secret", headers: {Authorization: {secret: unknown}}},
    {call: "POST URL/control", headers: {X-Bad: "a\nb"}},
    {call: "POST http:///nowhere"}]}]}}
`
)

// system is a stub of what is called. It keeps what it was asked, and answers
// as the test says.
type system struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []*http.Request
	bodies []string
	answer func(w http.ResponseWriter, r *http.Request)
}

func (s *system) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.asked, s.bodies = append(s.asked, r), append(s.bodies, string(body))
	s.mu.Unlock()
	s.answer(w, r)
}

func (s *system) last() (*http.Request, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[len(s.asked)-1], s.bodies[len(s.bodies)-1]
}

// caller makes calls of the model to a stub that answers so.
type caller struct {
	bundle
	system *system
	log    *bytes.Buffer
	beats  *[]itsm.CallOutcome // what Temporal was told meanwhile
}

func openCaller(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) caller {
	t.Helper()
	s := &system{answer: answer}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	c := caller{setup(t, strings.ReplaceAll(callModel, "URL", s.URL)), s, &bytes.Buffer{}, &[]itsm.CallOutcome{}}
	c.Log = slog.New(slog.NewTextHandler(c.log, nil))
	c.PublicURL = "https://steward.acme.test/"
	c.Secrets = func(name string) (string, bool) { return aSecret, name == "deployer" }
	return c
}

func status(code int, body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// call makes an attempt, after one that left the outcome, if there was one.
func (c caller) call(t *testing.T, step, subject string, left *itsm.CallOutcome) (itsm.CallOutcome, error) {
	t.Helper()
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(c.Call, activity.RegisterOptions{Name: workflows.ActivityCall})
	if left != nil {
		env.SetHeartbeatDetails(*left)
	}
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		var told itsm.CallOutcome
		assert.NoError(t, details.Get(&told))
		*c.beats = append(*c.beats, told)
	})
	value, err := env.ExecuteActivity(workflows.ActivityCall, workflows.CallRequest{
		TransitionFacts: c.transition(t, "calling", "payments", subject, time.Now()), Step: step, Attempt: 2,
		Steps: json.RawMessage(`{"deploy": {"body": {"id": "d-7"}}}`),
	})
	if err != nil {
		return itsm.CallOutcome{}, err
	}
	var outcome itsm.CallOutcome
	require.NoError(t, value.Get(&outcome))
	return outcome, nil
}

// passing is the outcome that an attempt leaves which may be made again.
func passing(t *testing.T, err error) (outcome itsm.CallOutcome, wait time.Duration) {
	t.Helper()
	var failure *temporal.ApplicationError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, callRetry, failure.Type())
	require.False(t, failure.NonRetryable())
	require.NoError(t, failure.Details(&outcome))
	assert.Equal(t, outcome.Reason, failure.Message())
	return outcome, failure.NextRetryDelay()
}

const plain = `{"version": "4.2", "divisor": 0}`

func TestCallSendsWhatTheModelSays(t *testing.T) {
	t.Parallel()
	c := openCaller(t, status(201, `{"id": "d-7", "size": 1.50}`))
	outcome, err := c.call(t, "go.1", plain, nil)
	require.NoError(t, err)
	assert.Equal(t, itsm.CallOutcome{
		Result: itsm.CallSucceeded, Status: 201, Body: json.RawMessage(`{"id":"d-7","size":1.50}`), Reached: true, Attempts: 1,
	}, outcome)

	request, body := c.system.last()
	key, err := c.Store.CallbackKey(t.Context())
	require.NoError(t, err)
	callback := "https://steward.acme.test/v1/callbacks/" + itsm.CallbackAddress{Process: "CHG-1", Step: "go.1", Attempt: 2}.Token(key)
	assert.JSONEq(t, `{"version": "4.2", "service": "payments", "callback": "`+callback+`"}`, body)
	for name, want := range map[string]string{
		"Idempotency-Key": "CHG-1/go.1/2", "Steward-Callback": callback, "Content-Type": "application/json",
		"User-Agent": "Steward", "Authorization": aSecret, "X-Team": "red",
	} {
		assert.Equal(t, want, request.Header.Get(name), name)
	}

	_, err = c.call(t, "go.1.undo", plain, nil)
	require.NoError(t, err)
	request, body = c.system.last()
	assert.Equal(t, "/rollback", request.URL.Path)
	assert.JSONEq(t, `{"earlier": "d-7"}`, body)
	assert.Equal(t, "CHG-1/go.1.undo/2", request.Header.Get("Idempotency-Key"))
	assert.Empty(t, request.Header.Get("Steward-Callback"))

	_, err = c.call(t, "go.2", plain, nil)
	require.NoError(t, err)
	request, body = c.system.last()
	assert.Equal(t, "DELETE /old?of=acme other.test text/plain ", strings.Join([]string{request.Method, request.URL.String(), request.Host, request.Header.Get("Content-Type"), body}, " "))
}

func TestCallbackGoesIntoBodiesThatCanHoldIt(t *testing.T) {
	t.Parallel()
	c := openCaller(t, status(200, ""))
	for step, want := range map[string]string{
		"go.3": `{"callback":"https://steward.acme.test/v1/callbacks/CHG-1.go.3.2.`, // nothing else is sent
		"go.4": `{"callback":"mine"}`,
		"go.5": `[1,2.5,"4.2"]`,
	} {
		_, err := c.call(t, step, plain, nil)
		require.NoError(t, err)
		request, body := c.system.last()
		assert.True(t, strings.HasPrefix(body, want), body)
		assert.NotEmpty(t, request.Header.Get("Steward-Callback"))
	}
}

func TestAnswersTellFailuresThatPassFromThoseForGood(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]struct {
		passes, reached bool
		reason          string
	}{
		301: {false, true, "redirects are not followed"},
		400: {false, false, ": no such version; it refused the request"},
		404: {false, false, "answered 404 Not Found"},
		409: {false, false, "answered 409 Conflict"},
		408: {true, false, "answered 408"},
		425: {true, false, "answered 425"},
		429: {true, false, "answered 429"},
		500: {true, true, "answered 500 Internal Server Error: no such version"},
		503: {true, true, "answered 503"},
	} {
		c := openCaller(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			status(code, "no such\n version")(w, r)
		})
		outcome, err := c.call(t, "go.2", plain, nil)
		if want.passes {
			outcome, _ = passing(t, err)
		} else {
			require.NoError(t, err, code)
		}
		assert.Equal(t, itsm.CallFailed, outcome.Result, code)
		assert.Equal(t, code, outcome.Status)
		assert.Equal(t, want.reached, outcome.Reached, code)
		assert.Contains(t, outcome.Reason, want.reason, code)
		assert.Contains(t, outcome.Reason, "DELETE "+c.system.URL+"/old?of=acme", code)
		assert.Len(t, c.system.asked, 1, "%d is sent once, and goes nowhere else", code)
	}
}

func TestCallWaitsAsLongAsItIsAskedTo(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, "86400": time.Hour} {
		c := openCaller(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", header)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		_, err := c.call(t, "go.2", plain, nil)
		_, wait := passing(t, err)
		assert.Equal(t, want, wait, header)
	}
}

func TestTimeoutMayHaveTakenEffectAndARefusedConnectionHasNot(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	c := openCaller(t, func(http.ResponseWriter, *http.Request) { <-released })
	_, err := c.call(t, "go.2", plain, nil)
	close(released)
	slow, _ := passing(t, err)
	assert.True(t, slow.Reached)
	require.NotEmpty(t, *c.beats)
	assert.True(t, (*c.beats)[0].Reached, "should the worker be lost now, nobody could say that nothing was done")
	assert.Contains(t, slow.Reason, "got no answer within 1s")

	c.system.Close()
	_, err = c.call(t, "go.2", plain, nil)
	away, _ := passing(t, err)
	assert.False(t, away.Reached)
	assert.Contains(t, away.Reason, "connection refused")
	assert.Equal(t, 1, strings.Count(away.Reason, c.system.URL), "the URL is not said twice: %s", away.Reason)
}

func TestWhatAnEarlierAttemptMayHaveDoneIsNotForgotten(t *testing.T) {
	t.Parallel()
	c := openCaller(t, status(400, ""))
	for _, reached := range []bool{true, false} {
		outcome, err := c.call(t, "go.2", plain, &itsm.CallOutcome{Result: itsm.CallFailed, Reached: reached})
		require.NoError(t, err)
		assert.Equal(t, reached, outcome.Reached, "this attempt was refused")
		outcome, err = c.call(t, "go.6", plain, &itsm.CallOutcome{Result: itsm.CallFailed, Reached: reached})
		require.NoError(t, err)
		assert.Equal(t, itsm.CallBlocked, outcome.Result)
		assert.Equal(t, reached, outcome.Reached, "this attempt was not made")
	}
}

func TestCallThatCannotBeSentBlocks(t *testing.T) {
	t.Parallel()
	c := openCaller(t, status(200, ""))
	for step, want := range map[string]string{
		"go.6": "the body of the call can't be evaluated",
		"go.7": `no secret "unknown" for the header Authorization; set secrets.unknown`,
		"go.8": `the header "X-Bad" has characters that can't be sent`,
		"go.9": `"POST http:///nowhere" can't be sent`,
		"none": `model calling has no step "none"`,
	} {
		outcome, err := c.call(t, step, plain, nil)
		require.NoError(t, err)
		assert.Equal(t, itsm.CallBlocked, outcome.Result, step)
		assert.Contains(t, outcome.Reason, want, step)
		assert.False(t, outcome.Reached, step)
	}
	assert.Empty(t, c.system.asked)
}

func TestAnswersAreKeptAsFarAsTheyAreReadable(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", bodyAtMost)
	for name, test := range map[string]struct{ body, want string }{
		"nothing":         {"", ""},
		"JSON":            {` {"a": [1, null]} `, `{"a":[1,null]}`},
		"text":            {"done\x00", `"done\u0000"`},
		"broken letters":  {"{\"a\": \"\xff\"}", `{"a":"�"}`},
		"JSON in full":    {`"` + strings.Repeat("x", bodyAtMost-2) + `"`, `"` + strings.Repeat("x", bodyAtMost-2) + `"`},
		"too long a JSON": {`"` + strings.Repeat("x", bodyAtMost-1) + `"`, `"\"` + strings.Repeat("x", bodyAtMost-1) + bodyCut + `"`},
		"too long a text": {long, `"` + long[:bodyAtMost] + bodyCut + `"`},
	} {
		c := openCaller(t, status(200, test.body))
		outcome, err := c.call(t, "go.2", plain, nil)
		require.NoError(t, err, name)
		assert.Equal(t, itsm.CallSucceeded, outcome.Result, name)
		assert.Equal(t, test.want, string(outcome.Body), name)
	}
}

func TestAnswerThatBreaksOffIsStillASuccess(t *testing.T) {
	t.Parallel()
	c := openCaller(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"half":`)
	})
	outcome, err := c.call(t, "go.2", plain, nil)
	require.NoError(t, err)
	assert.Equal(t, itsm.CallSucceeded, outcome.Result)
	assert.JSONEq(t, `"{\"half\":`+bodyCut+`"`, string(outcome.Body))
}

// The called system may say again whatever it was told.
func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()
	echo := func(code int, before string) func(w http.ResponseWriter, r *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			said := map[string]string{"auth": r.Header.Get("Authorization"), "callback": r.Header.Get("Steward-Callback")}
			raw, _ := json.Marshal(said)
			status(code, before+string(raw)+said["auth"]+said["callback"])(w, r)
		}
	}
	filler := strings.Repeat("x", bodyAtMost-150)
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"success": echo(200, ""), "for good": echo(400, ""), "passing": echo(500, ""),
		"cut in the middle of it": echo(200, filler), "cut a little later": echo(200, filler[40:]), "and later": echo(200, filler[100:]),
	} {
		c := openCaller(t, answer)
		outcome, err := c.call(t, "go.1", plain, nil)
		shown, _ := json.Marshal([]any{outcome, *c.beats})
		all := string(shown) + c.log.String()
		if err != nil {
			left, _ := passing(t, err)
			raw, _ := json.Marshal(left)
			all += string(raw) + err.Error()
		}
		key, err := c.Store.CallbackKey(t.Context())
		require.NoError(t, err)
		token := itsm.CallbackAddress{Process: "CHG-1", Step: "go.1", Attempt: 2}.Token(key)
		for _, secret := range []string{"s3cr3t", "Acme", token, token[len(token)-20:]} {
			assert.NotContains(t, all, secret, name)
		}
		assert.NotContains(t, all, strings.TrimSuffix(token, token[len(token)-30:]), "%s: nor the beginning of it", name)
	}
}
