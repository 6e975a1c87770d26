package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/embedded"
)

// cluster is Steward as it runs in production: servers and workers, each a
// process of its own, on one Temporal and one PostgreSQL.
type cluster struct {
	t        *testing.T
	database string
	folder   string // of Temporal's files
	address  string // of Temporal
	temporal *embedded.Server
}

// startCluster starts Temporal, beside a database that it leaves as it is.
func startCluster(t *testing.T, database string) *cluster {
	t.Helper()
	c := &cluster{t: t, database: database, folder: t.TempDir(), address: freeAddress(t)}
	c.startTemporal()
	t.Cleanup(c.stopTemporal)
	return c
}

// startTemporal starts it at its address, with all that it knew.
func (c *cluster) startTemporal() {
	c.t.Helper()
	_, port, err := net.SplitHostPort(c.address)
	require.NoError(c.t, err)
	number, err := strconv.Atoi(port)
	require.NoError(c.t, err)
	c.temporal, err = embedded.Start(c.t.Context(), embedded.Options{
		Dir: c.folder, Port: number, Namespace: "steward", Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(c.t, err)
}

// stopTemporal takes it away; once more does nothing.
func (c *cluster) stopTemporal() { assert.NoError(c.t, c.temporal.Stop()) }

// settings are the flags of every part.
func (c *cluster) settings(more ...string) []string {
	return append(more, "--database-url", c.database, "--temporal-address", c.address)
}

// server starts one that answers the API at the address, when it is ready.
func (c *cluster) server(env ...string) *part {
	c.t.Helper()
	address := freeAddress(c.t)
	p := startPart(c.t, "http://"+address, env, c.settings("server", "--listen", address, "--log-level", "warn")...)
	require.Eventually(c.t, p.isReady, time.Minute, 20*time.Millisecond, "steward server is not ready")
	return p
}

// worker starts one, and returns when it says that it works.
func (c *cluster) worker(env ...string) *part {
	c.t.Helper()
	p := startPart(c.t, "", append(env, "STEWARD_NOTIFY_LOG=false"), c.settings("worker", "--log-level", "warn")...)
	require.Eventually(c.t, func() bool { return strings.Contains(p.out.String(), "ready on task queue") },
		time.Minute, 20*time.Millisecond, "steward worker is not ready")
	return p
}

// startPart starts a process, which ends with the test at the latest.
func startPart(t *testing.T, url string, env []string, args ...string) *part {
	t.Helper()
	p := &part{name: args[0], url: url, cmd: steward(context.WithoutCancel(t.Context()), args...)}
	p.cmd.Env = append(p.cmd.Env, env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.log
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() {
		p.end(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("steward %s wrote:\n%s", p.name, p.log.String())
		}
	})
	return p
}

// part is one process of a cluster.
type part struct {
	name, url string
	cmd       *exec.Cmd
	out, log  lockedBuffer

	once sync.Once
	code int
}

func (p *part) isReady() bool {
	response, err := http.Get(p.url + "/readyz")
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode == http.StatusOK
}

// end sends the signal, once, and gives the exit code.
func (p *part) end(signal syscall.Signal) int {
	p.once.Do(func() {
		_ = p.cmd.Process.Signal(signal) // it may be gone already
		_ = p.cmd.Wait()                 // a killed process has no good exit code
		p.code = p.cmd.ProcessState.ExitCode()
	})
	return p.code
}

// lockedBuffer is written by a process and read by the test.
type lockedBuffer struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(text []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.Write(text)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.String()
}

// wait waits for a moment of the clock.
func wait(t *testing.T, until time.Time) {
	t.Helper()
	require.Eventually(t, func() bool { return !time.Now().Before(until) }, time.Until(until)+time.Minute, 10*time.Millisecond)
}

// command runs a command line to its end, in this process. The variables say
// who asks whom.
func command(t *testing.T, vars map[string]string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out, errOut bytes.Buffer
	code := run(ctx, args, io.NopCloser(strings.NewReader("")), &out, &errOut, func(name string) string { return vars[name] })
	return result{code, out.String(), errOut.String()}
}

// succeed runs a command line that must be done, and gives what it printed.
func succeed(t *testing.T, vars map[string]string, args ...string) string {
	t.Helper()
	r := command(t, vars, args...)
	require.Equal(t, exitDone, r.code, "steward %s\n%s%s", strings.Join(args, " "), r.out, r.errOut)
	return r.out
}
