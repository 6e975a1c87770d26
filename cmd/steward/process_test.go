package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// actAsSteward makes the test binary run as steward itself: so tests can start
// and kill whole processes without building a second binary.
const actAsSteward = "STEWARD_TEST_ACT_AS_STEWARD"

func TestMain(m *testing.M) {
	if os.Getenv(actAsSteward) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// steward makes a command that runs steward in a process of its own.
func steward(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), actAsSteward+"=1")
	return cmd
}

// devProcess is a `steward dev` in a process of its own, which can be killed
// and started again on the same data and the same address.
type devProcess struct {
	t       *testing.T
	address string
	data    string
	env     []string
	output  *bytes.Buffer

	mutex sync.Mutex
	cmd   *exec.Cmd
}

// startDev starts one on fresh data, and stops it when the test ends.
func startDev(t *testing.T, env ...string) *devProcess {
	t.Helper()
	d := &devProcess{t: t, address: freeAddress(t), data: t.TempDir(), env: env, output: &bytes.Buffer{}}
	d.start()
	t.Cleanup(func() {
		d.kill(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("steward dev wrote:\n%s", d.output)
		}
	})
	return d
}

func (d *devProcess) url() string { return "http://" + d.address }

// start runs the process, and returns when it says that all its parts are ready.
func (d *devProcess) start() {
	d.t.Helper()
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.cmd = steward(context.WithoutCancel(d.t.Context()), "dev", "--listen", d.address, "--data", d.data, "--log-level", "warn")
	d.cmd.Env = append(d.cmd.Env, d.env...)
	d.cmd.Stdout, d.cmd.Stderr = io.Discard, d.output
	require.NoError(d.t, d.cmd.Start())
	require.Eventually(d.t, d.ready, time.Minute, 20*time.Millisecond, "steward dev is not ready")
}

func (d *devProcess) ready() bool {
	response, err := http.Get(d.url() + "/readyz")
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode == http.StatusOK
}

// kill ends the process with a signal, and waits until it is gone.
func (d *devProcess) kill(signal syscall.Signal) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.cmd == nil {
		return
	}
	_ = d.cmd.Process.Signal(signal) // it may be gone already
	_ = d.cmd.Wait()                 // a killed process has no good exit code
	d.cmd = nil
}

// freeAddress gives a loopback address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// send sends one request as a person; a status of 0 means that no answer came.
func (d *devProcess) send(method, path, as, key string, body any) reply {
	return visitor{url: d.url(), as: as}.send(method, path, key, body)
}

// insist sends a request until its fate is known.
func (d *devProcess) insist(method, path, as, key string, body any) reply {
	return visitor{url: d.url(), as: as}.insist(method, path, key, body)
}

// apply applies definitions, given as YAML.
func (d *devProcess) apply(yaml string) {
	d.t.Helper()
	visitor{url: d.url()}.apply(d.t, yaml)
}

// all reads every page of a list.
func all[T any](d *devProcess, path string) []T {
	d.t.Helper()
	var items []T
	for cursor := ""; ; {
		var page struct {
			Items []T
			Next  string
		}
		r := d.insist(http.MethodGet, fmt.Sprintf("%slimit=100&cursor=%s", path, cursor), "", "", nil)
		require.True(d.t, r.ok(), "%s: %d %s", path, r.status, r.body)
		r.into(d.t, &page)
		items = append(items, page.Items...)
		if cursor = page.Next; cursor == "" {
			return items
		}
	}
}
