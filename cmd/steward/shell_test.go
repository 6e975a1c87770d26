package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/server/api"
)

var update = flag.Bool("update", false, "write the expected output and the manual anew")

// noon is the present in these tests.
var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// shell runs command lines against a server with canned answers.
type shell struct {
	t      *testing.T
	in     string
	vars   map[string]string
	pauses []time.Duration
	slow   time.Duration
	ctx    context.Context // ends the run, where a test interrupts it
	asked  func()          // called when a request arrives

	mutex    sync.Mutex
	answers  map[string][]answered // by method and path; the last one stays
	requests []asked
}

type answered struct {
	status int
	body   any
}

type asked struct {
	method, path, query string
	header              http.Header
	body                string
}

// result is what a run left.
type result struct {
	code        int
	out, errOut string
}

func newShell(t *testing.T) *shell {
	t.Helper()
	s := &shell{t: t, ctx: t.Context(), asked: func() {}, slow: time.Minute, vars: map[string]string{"TZ": "Europe/Berlin"}, answers: map[string][]answered{}}
	server := httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(server.Close)
	s.vars["STEWARD_URL"] = server.URL
	return s
}

// answer makes the server answer a route, the next time and from then on.
func (s *shell) answer(route string, status int, body any) {
	s.answers[route] = append(s.answers[route], answered{status, body})
}

func (s *shell) serve(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	defer s.asked()
	body, _ := io.ReadAll(r.Body)
	s.requests = append(s.requests, asked{r.Method, r.URL.Path, r.URL.RawQuery, r.Header, string(body)})
	route := r.Method + " " + r.URL.Path
	next := answered{http.StatusNotFound, api.Problem{Status: 404, Code: "not_found", Title: "Not found", Detail: "no canned answer for " + route}}
	if queue := s.answers[route]; len(queue) > 0 {
		next = queue[0]
		if len(queue) > 1 {
			s.answers[route] = queue[1:]
		}
	}
	if text, isText := next.body.(string); isText {
		w.WriteHeader(next.status)
		_, _ = io.WriteString(w, text)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(next.status)
	_ = json.NewEncoder(w).Encode(next.body)
}

// run runs a command line, and takes no time to wait between tries.
func (s *shell) run(args ...string) result {
	s.t.Helper()
	var out, errOut bytes.Buffer
	e := newEnv(strings.NewReader(s.in), &out, &errOut, func(name string) string { return s.vars[name] })
	e.now = func() time.Time { return noon }
	e.newKey = func() string { return "key-1" }
	e.pauses, e.slow, e.linger = s.pauses, s.slow, time.Millisecond
	return result{e.run(s.ctx, args), out.String(), errOut.String()}
}

// sent gives the last request.
func (s *shell) sent() asked {
	s.t.Helper()
	require.NotEmpty(s.t, s.requests)
	return s.requests[len(s.requests)-1]
}

// golden compares output with what is expected of it in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// write puts a file into a folder of the test and gives its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}
