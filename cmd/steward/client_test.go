package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/config"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

func TestPassingOutageIsSatOutUnderTheSameKey(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.pauses = []time.Duration{0, 0, 0}
	route := "POST /v1/approvals/APR-1/delegations"
	s.answer(route, 503, problem(503, itsm.CodeUnavailable, "try again"))
	s.answer(route, 502, "<html>")
	s.answer(route, 200, api.Receipt{Process: "APR-1", Event: 4, State: itsm.StateOpen, Stage: "board"})
	got := s.run("delegate", "APR-1", "--to", "tom")
	assert.Equal(t, exitDone, got.code, got.errOut)
	assert.Equal(t, "APR-1 handed over (event 4); open at stage board\n", got.out)
	require.Len(t, s.requests, 3)
	for _, request := range s.requests {
		assert.Equal(t, "key-1", request.header.Get("Idempotency-Key"))
		assert.JSONEq(t, `{"to": "tom"}`, request.body)
	}
}

func TestRefusalIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.pauses = []time.Duration{0, 0}
	s.answer("POST /v1/approvals/APR-1/withdraw", 409, problem(409, itsm.CodeProcessClosed, "it is closed"))
	assert.Equal(t, exitRefused, s.run("withdraw", "APR-1").code)
	assert.Len(t, s.requests, 1)
}

func TestRetriesTakeTwoSecondsInAll(t *testing.T) {
	t.Parallel()
	var all time.Duration
	for _, pause := range newEnv(nil, nil, nil, func(string) string { return "" }).pauses {
		all += pause
	}
	assert.Equal(t, 2*time.Second, all)
}

func TestPersonToActAsGoesIntoAHeader(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("GET /v1/me", 200, api.Me{Actor: itsm.Person("raj")})
	require.Equal(t, exitDone, s.run("whoami", "--as", "raj").code)
	assert.Equal(t, "raj", s.sent().header.Get("Steward-As"))
	assert.Empty(t, s.sent().header.Get("Authorization"))
}

func TestFlagWinsOverEnvironment(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("GET /v1/me", 200, api.Me{Actor: itsm.Person("raj")})
	url := s.vars["STEWARD_URL"]
	s.vars["STEWARD_URL"], s.vars["STEWARD_TOKEN"] = "http://127.0.0.1:1", "from-environment"
	require.Equal(t, exitDone, s.run("whoami", "--url", url, "--token", "from-flag").code)
	assert.Equal(t, "Bearer from-flag", s.sent().header.Get("Authorization"))
}

func TestListsFollowPagesAsFarAsWanted(t *testing.T) {
	t.Parallel()
	pages := func(s *shell) {
		s.answer("GET /v1/inbox", 200, api.InboxPage{Items: []api.InboxItem{{Process: "APR-1"}, {Process: "APR-2"}}, Next: "c2"})
		s.answer("GET /v1/inbox", 200, api.InboxPage{Items: []api.InboxItem{{Process: "APR-3"}}})
	}
	t.Run("all", func(t *testing.T) {
		t.Parallel()
		s := newShell(t)
		pages(s)
		got := s.run("inbox", "--all")
		assert.Contains(t, got.out, "APR-3")
		assert.Empty(t, got.errOut)
		assert.Contains(t, s.sent().query, "cursor=c2")
	})
	t.Run("two", func(t *testing.T) {
		t.Parallel()
		s := newShell(t)
		pages(s)
		got := s.run("inbox", "--limit", "2")
		assert.NotContains(t, got.out, "APR-3")
		assert.Contains(t, got.errOut, "there are more")
		assert.Equal(t, "limit=2", s.sent().query)
		require.Len(t, s.requests, 1)
	})
}

func TestServerThatTakesTooLongIsAskedOnce(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // it takes connections, and never answers
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	s := newShell(t)
	s.pauses = []time.Duration{time.Hour}
	got := s.run("whoami", "--url", "http://"+listener.Addr().String(), "--timeout", "20ms")
	assert.Equal(t, exitUnavailable, got.code)
	assert.Contains(t, got.errOut, "longer than --timeout")
}

func TestServerThatSaysLateThatItCannotIsAskedOnce(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.pauses, s.slow = []time.Duration{time.Hour}, time.Nanosecond // every answer is late
	s.answer("POST /v1/approvals/APR-1/withdraw", 503, problem(503, itsm.CodeUnavailable, "try again"))
	got := s.run("withdraw", "APR-1")
	assert.Equal(t, exitUnavailable, got.code)
	assert.Contains(t, got.errOut, "--idempotency-key key-1", "it says how to go on")
	assert.Len(t, s.requests, 1)
}

func TestServersAnswerBeforeClientsGiveUp(t *testing.T) {
	t.Parallel()
	e := newEnv(nil, nil, nil, func(string) string { return "" })
	cfg, err := config.Load("", nil)
	require.NoError(t, err)
	assert.Greater(t, defaultTimeout, cfg.Limits.RequestTimeout)
	assert.Less(t, e.slow, cfg.Limits.RequestTimeout, "what took a server all its time is not asked for again")
}

func TestInterruptEndsTheWait(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.pauses = []time.Duration{time.Hour}
	ctx, stop := context.WithCancel(t.Context())
	s.ctx = ctx
	s.answer("POST /v1/approvals/APR-1/withdraw", 503, problem(503, itsm.CodeUnavailable, "try again"))
	s.asked = stop
	got := s.run("withdraw", "APR-1")
	assert.Equal(t, exitUnavailable, got.code)
	assert.Contains(t, got.errOut, "interrupted")
	assert.Contains(t, got.errOut, "--idempotency-key key-1")
}

func TestAnswerThatBreaksOffIsNoAnswer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"process": "APR-1", "event"`)
	}))
	t.Cleanup(server.Close)
	got := newShell(t).run("withdraw", "APR-1", "--url", server.URL)
	assert.Equal(t, exitUnavailable, got.code)
	assert.Contains(t, got.errOut, "--idempotency-key key-1")
}
