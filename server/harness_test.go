package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/engine"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
	"github.com/steward-itsm/steward/store"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// sent is one call that the engine got.
type sent struct {
	name string
	call engine.Call
	args []any
}

// fakeEngine notes what it is asked and answers what it is told to.
type fakeEngine struct {
	mu      sync.Mutex
	got     []sent
	receipt itsm.Receipt
	err     error
	down    error
	do      func(context.Context) // runs within every command
	clocks  []engine.ClockReading
	raised  map[string]*engine.Raised // by service and key
	refuse  map[string]error          // by key
}

func (f *fakeEngine) note(ctx context.Context, name string, call engine.Call, args ...any) (itsm.Receipt, error) {
	f.mu.Lock()
	f.got = append(f.got, sent{name, call, args})
	do := f.do
	f.mu.Unlock()
	if do != nil {
		do(ctx)
	}
	return f.receipt, f.err
}

func (f *fakeEngine) last(t *testing.T) sent {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	require.NotEmpty(t, f.got, "the engine was asked nothing")
	return f.got[len(f.got)-1]
}

func (f *fakeEngine) StartApproval(ctx context.Context, call engine.Call, start engine.StartApproval) (itsm.Receipt, error) {
	return f.note(ctx, "start", call, start)
}

func (f *fakeEngine) Decide(ctx context.Context, call engine.Call, id string, verdict itsm.Verdict, stage string) (itsm.Receipt, error) {
	return f.note(ctx, "decide", call, id, verdict, stage)
}

func (f *fakeEngine) Delegate(ctx context.Context, call engine.Call, id, to string) (itsm.Receipt, error) {
	return f.note(ctx, "delegate", call, id, to)
}

func (f *fakeEngine) Withdraw(ctx context.Context, call engine.Call, id string) (itsm.Receipt, error) {
	return f.note(ctx, "withdraw", call, id)
}

func (f *fakeEngine) Amend(ctx context.Context, call engine.Call, id string, subject json.RawMessage) (itsm.Receipt, error) {
	return f.note(ctx, "amend", call, id, string(subject))
}

func (f *fakeEngine) Resume(ctx context.Context, call engine.Call, id string, override bool) (itsm.Receipt, error) {
	return f.note(ctx, "resume", call, id, override)
}

func (f *fakeEngine) StartTransition(ctx context.Context, call engine.Call, start engine.StartTransition) (itsm.Receipt, error) {
	return f.note(ctx, "start transition", call, start)
}

func (f *fakeEngine) Reschedule(ctx context.Context, call engine.Call, id string, to itsm.Period, override bool) (itsm.Receipt, error) {
	return f.note(ctx, "reschedule", call, id, to, override)
}

func (f *fakeEngine) Cancel(ctx context.Context, call engine.Call, id string) (itsm.Receipt, error) {
	return f.note(ctx, "cancel", call, id)
}

func (f *fakeEngine) Rollback(ctx context.Context, call engine.Call, id string) (itsm.Receipt, error) {
	return f.note(ctx, "rollback", call, id)
}

func (f *fakeEngine) ByHand(ctx context.Context, call engine.Call, id, step string, do itsm.ByHand, output json.RawMessage) (itsm.Receipt, error) {
	return f.note(ctx, "by hand", call, id, step, do, string(output))
}

func (f *fakeEngine) ClaimTask(ctx context.Context, call engine.Call, task string) (itsm.Receipt, error) {
	return f.note(ctx, "claim", call, task)
}

func (f *fakeEngine) ReleaseTask(ctx context.Context, call engine.Call, task string, operator bool) (itsm.Receipt, error) {
	return f.note(ctx, "release", call, task, operator)
}

func (f *fakeEngine) WorkOnTask(ctx context.Context, call engine.Call, task string, work itsm.TaskWork) (itsm.Receipt, error) {
	return f.note(ctx, "work on", call, task, work)
}

func (f *fakeEngine) CompleteTask(ctx context.Context, call engine.Call, task string, work itsm.TaskWork) (itsm.Receipt, error) {
	return f.note(ctx, "complete", call, task, work)
}

func (f *fakeEngine) StartIncident(ctx context.Context, call engine.Call, start engine.StartIncident) (itsm.Receipt, error) {
	return f.note(ctx, "start incident", call, start)
}

func (f *fakeEngine) Acknowledge(ctx context.Context, call engine.Call, id string) (itsm.Receipt, error) {
	return f.note(ctx, "acknowledge", call, id)
}

func (f *fakeEngine) Assign(ctx context.Context, call engine.Call, id, person string) (itsm.Receipt, error) {
	return f.note(ctx, "assign", call, id, person)
}

func (f *fakeEngine) Note(ctx context.Context, call engine.Call, id string) (itsm.Receipt, error) {
	return f.note(ctx, "note", call, id)
}

func (f *fakeEngine) Hold(ctx context.Context, call engine.Call, id string, phase itsm.IncidentPhase) (itsm.Receipt, error) {
	return f.note(ctx, "hold", call, id, phase)
}

func (f *fakeEngine) Classify(ctx context.Context, call engine.Call, id string, class itsm.Classification) (itsm.Receipt, error) {
	return f.note(ctx, "classify", call, id, class)
}

func (f *fakeEngine) Escalate(ctx context.Context, call engine.Call, id string, rung int) (itsm.Receipt, error) {
	return f.note(ctx, "escalate", call, id, rung)
}

func (f *fakeEngine) DeclareMajor(ctx context.Context, call engine.Call, id, commander string) (itsm.Receipt, error) {
	return f.note(ctx, "major", call, id, commander)
}

func (f *fakeEngine) Resolve(ctx context.Context, call engine.Call, id, cause, fix string) (itsm.Receipt, error) {
	return f.note(ctx, "resolve", call, id, cause, fix)
}

func (f *fakeEngine) Reopen(ctx context.Context, call engine.Call, id string) (itsm.Receipt, error) {
	return f.note(ctx, "reopen", call, id)
}

func (f *fakeEngine) Merge(ctx context.Context, call engine.Call, id, into string) (itsm.Receipt, error) {
	return f.note(ctx, "merge", call, id, into)
}

func (f *fakeEngine) Attach(ctx context.Context, call engine.Call, id, transition string) (itsm.Receipt, error) {
	return f.note(ctx, "attach", call, id, transition)
}

// Raise gives each key of a service an incident of its own.
func (f *fakeEngine) Raise(ctx context.Context, call engine.Call, alert itsm.Alert) (engine.Raised, error) {
	if _, err := f.note(ctx, "raise", call, alert); err != nil {
		return engine.Raised{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refuse[alert.Key]; err != nil {
		return engine.Raised{}, err
	}
	if f.raised == nil {
		f.raised = map[string]*engine.Raised{}
	}
	known, found := f.raised[alert.Service+"/"+alert.Key]
	switch {
	case found:
		known.Repeats++
		known.Opened = false
	case alert.Status != itsm.AlertFiring:
		return engine.Raised{}, nil
	default:
		known = &engine.Raised{Incident: fmt.Sprint("INC-", len(f.raised)+1), Opened: true}
		f.raised[alert.Service+"/"+alert.Key] = known
	}
	return *known, nil
}

func (f *fakeEngine) Clocks(ctx context.Context, id string, at time.Time) ([]engine.ClockReading, error) {
	_, err := f.note(ctx, "clocks", engine.Call{}, id, at)
	return f.clocks, err
}

func (f *fakeEngine) Callback(ctx context.Context, token string, answer itsm.CallbackAnswer) (itsm.Receipt, error) {
	return f.note(ctx, "callback", engine.Call{}, token, answer)
}

func (f *fakeEngine) Absence(ctx context.Context, call engine.Call, absence itsm.Absence) ([]itsm.Receipt, error) {
	receipt, err := f.note(ctx, "absence", call, absence)
	return []itsm.Receipt{receipt}, err
}

func (f *fakeEngine) History(ctx context.Context, id string) ([]byte, error) {
	_, err := f.note(ctx, "history", engine.Call{}, id)
	return []byte(`{"events": []}`), err
}

func (f *fakeEngine) Ping(context.Context) error { return f.down }

// readCalendars has answers of that kind read as the text that they are.
var readCalendars = sync.OnceFunc(func() {
	openapi3filter.RegisterBodyDecoder(calendarMedia, func(body io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (any, error) {
		text, err := io.ReadAll(body)
		return string(text), err
	})
})

// bundle is a server on a database of its own, with the people of Acme in it.
type bundle struct {
	*Server
	engine *fakeEngine
	admin  string // a token's secret
	logs   *lockedBuffer
	router routers.Router
}

func setup(t *testing.T, change ...func(*Options)) *bundle {
	t.Helper()
	readCalendars()
	b := &bundle{logs: &lockedBuffer{}, engine: &fakeEngine{receipt: itsm.Receipt{
		Process: "APR-1", Event: 3, State: itsm.StateOpen, Stage: "manager", Fingerprint: "f00d",
	}}}
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "steward.db"), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	_, err = db.Migrate(t.Context())
	require.NoError(t, err)
	o := Options{
		Engine: b.engine, Store: db, Version: "v1.2.3", PublicURL: "https://steward.acme.test",
		Log: slog.New(slog.NewTextHandler(b.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now: func() time.Time { return noon },
	}
	for _, c := range change {
		c(&o)
	}
	b.Server, err = New(o)
	require.NoError(t, err)
	b.router, err = legacy.NewRouter(b.contract.doc)
	require.NoError(t, err)
	b.admin = b.token(t, api.TokenRequest{Integration: "admin", Roles: []string{RoleAdmin}})
	b.do(t, "POST", "/v1/definitions", acme(t, "people.yaml"), asToken(b.admin), header("Content-Type", yamlMedia)).is(t, http.StatusOK)
	return b
}

func (b *bundle) token(t *testing.T, request api.TokenRequest) (secret string) {
	t.Helper()
	token, err := NewToken(t.Context(), b.store, request, b.now())
	require.NoError(t, err)
	return token.Secret
}

// person gives a token of one of Acme's people.
func (b *bundle) person(t *testing.T, name string) option {
	t.Helper()
	return asToken(b.token(t, api.TokenRequest{Person: name}))
}

// record puts a process into the store, as a workflow would.
func (b *bundle) record(t *testing.T, id, requester string, waitsFor ...string) {
	t.Helper()
	r := itsm.Record{Process: id, View: itsm.View{
		ID: id, Kind: itsm.KindApproval, Summary: "Buy a thing", State: itsm.StateOpen, Requester: itsm.Person(requester),
		Opened: noon, Updated: noon, LastEvent: 1, Subject: json.RawMessage(`{"item":"thing"}`), Detail: json.RawMessage(`{"flow":"purchase"}`),
		Definitions: []itsm.DefinitionRef{{Kind: "ApprovalFlow", Name: "purchase", Digest: "sha256:1"}},
	}}
	r.Events = []itsm.Event{{Process: id, Number: 1, Time: noon, Type: itsm.EventApprovalOpened, Actor: itsm.Person(requester), Key: "k", Data: json.RawMessage(`{}`)}}
	for _, person := range waitsFor {
		r.Inbox = append(r.Inbox, itsm.InboxItem{Process: id, Task: "manager/1", Person: person, Action: "decide", Title: "Buy a thing", Since: noon})
	}
	_, err := b.store.Record(t.Context(), r)
	require.NoError(t, err)
}

type option func(*http.Request)

func header(name, value string) option { return func(r *http.Request) { r.Header.Add(name, value) } }
func asToken(secret string) option     { return header("Authorization", "Bearer "+secret) }

// do sends a request and checks that the answer is one that the contract allows.
func (b *bundle) do(t *testing.T, method, target, body string, options ...option) *answered {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	r.Host = "steward.acme.test"
	if body != "" {
		r.Header.Set("Content-Type", jsonMedia)
	}
	for _, o := range options {
		if r.Header.Get("Content-Type") == jsonMedia { // an option's own wins
			with := r.Clone(t.Context())
			with.Header.Del("Content-Type")
			if o(with); with.Header.Get("Content-Type") != "" {
				r.Header.Del("Content-Type")
			}
		}
		o(r)
	}
	w := httptest.NewRecorder()
	b.Handler().ServeHTTP(w, r)
	b.conforms(t, r, w)
	return &answered{w}
}

func (b *bundle) conforms(t *testing.T, r *http.Request, w *httptest.ResponseRecorder) {
	t.Helper()
	route, parameters, err := b.router.FindRoute(r)
	if err != nil {
		return // not in the contract: /metrics, /docs, paths that are not there
	}
	require.NoError(t, openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: parameters, Route: route},
		Status:                 w.Code, Header: w.Header(), Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}), "%s %s answered %d %s", r.Method, r.URL, w.Code, w.Body)
}

type answered struct{ *httptest.ResponseRecorder }

func (a *answered) is(t *testing.T, status int) *answered {
	t.Helper()
	require.Equal(t, status, a.Code, a.Body.String())
	return a
}

// problem checks the parts of a problem that all of them have.
func (a *answered) problem(t *testing.T, status int, code itsm.Code) api.Problem {
	t.Helper()
	a.is(t, status)
	assert.Equal(t, problemMedia, a.Header().Get("Content-Type"))
	p := into[api.Problem](t, a)
	assert.Equal(t, string(code), p.Code, p.Detail)
	assert.Equal(t, status, p.Status)
	assert.NotEmpty(t, p.Detail)
	assert.Equal(t, a.Header().Get(requestIDHeader), p.RequestId)
	return p
}

func into[T any](t *testing.T, a *answered) T {
	t.Helper()
	var value T
	require.NoError(t, json.Unmarshal(a.Body.Bytes(), &value), a.Body.String())
	return value
}

func acme(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "examples", "acme", file))
	require.NoError(t, err)
	return string(text)
}

type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
