package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

// deployments is a deployment server that behaves as a test wants.
type deployments struct {
	url    string
	behave func(w http.ResponseWriter, r request) // answers one request

	mutex    sync.Mutex
	requests []request
}

// request is one that came in.
type request struct {
	path, key string
	try       int // how many came under the same key, with this one
	body      struct {
		Case, Change, Callback string
		Build                  int
	}
}

func newDeployments(t *testing.T, behave func(w http.ResponseWriter, r request)) *deployments {
	t.Helper()
	d := &deployments{behave: behave}
	server := httptest.NewServer(http.HandlerFunc(d.serve))
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

func (d *deployments) serve(w http.ResponseWriter, r *http.Request) {
	got := request{path: r.URL.Path, key: r.Header.Get("Idempotency-Key")}
	_ = json.NewDecoder(r.Body).Decode(&got.body) // a body that is none leaves its fields empty
	d.mutex.Lock()
	got.try = 1
	for _, earlier := range d.requests {
		if earlier.key == got.key {
			got.try++
		}
	}
	d.requests = append(d.requests, got)
	d.mutex.Unlock()
	d.behave(w, got)
}

// of gives the requests of one change to a path.
func (d *deployments) of(change, path string) []request {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	var found []request
	for _, r := range d.requests {
		if r.path == path && strings.HasPrefix(r.key, change+"/") {
			found = append(found, r)
		}
	}
	return found
}

// report calls a callback until Steward answers, and gives the status.
func report(url, body string) int {
	deadline := time.Now().Add(time.Minute)
	for {
		response, err := http.Post(url, "application/json", bytes.NewBufferString(body))
		if err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			if response.StatusCode < http.StatusInternalServerError {
				return response.StatusCode
			}
		}
		if time.Now().After(deadline) {
			return 0
		}
		pause(50 * time.Millisecond)
	}
}

// applyAcme applies the examples, with the deployment server of a test in the
// place of theirs.
func (d *devProcess) applyAcme(deployments string) {
	d.t.Helper()
	paths, err := filepath.Glob("../../examples/acme/*.yaml")
	require.NoError(d.t, err)
	var all []string
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(d.t, err)
		all = append(all, strings.ReplaceAll(string(text), "http://127.0.0.1:9099", deployments))
	}
	d.apply(strings.Join(all, "\n---\n"))
}

// open starts a transition and gives its ID.
func (d *devProcess) open(as, key string, start map[string]any) string {
	d.t.Helper()
	r := d.insist(http.MethodPost, "/v1/transitions", as, key, start)
	require.True(d.t, r.ok(), "%s: %d %s", key, r.status, r.body)
	var receipt itsm.Receipt
	r.into(d.t, &receipt)
	return receipt.Process
}

// do sends a command that must succeed.
func (d *devProcess) do(as, path string, body any) {
	d.t.Helper()
	r := d.insist(http.MethodPost, path, as, as+path, body)
	require.True(d.t, r.ok(), "%s by %s: %d %s", path, as, r.status, r.body)
}

// await reads a process until it is as it should be.
func (d *devProcess) await(id, what string, is func(itsm.View) bool) itsm.View {
	d.t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); ; {
		var view itsm.View
		r := d.send(http.MethodGet, "/v1/processes/"+id, "", "", nil)
		if r.ok() {
			r.into(d.t, &view)
			if is(view) {
				return view
			}
		}
		require.True(d.t, time.Now().Before(deadline), "%s: %s does not come: %s", id, what, r.body)
		pause(50 * time.Millisecond)
	}
}

func (d *devProcess) awaitPhase(id string, phase itsm.Phase) itsm.View {
	d.t.Helper()
	return d.await(id, "phase "+string(phase), func(v itsm.View) bool { return v.Phase == phase })
}

// awaitAuthorization gives the approval that authorises a transition, once it
// can be decided.
func (d *devProcess) awaitAuthorization(id string) string {
	d.t.Helper()
	approval := transitionDetail(d.awaitPhase(id, itsm.PhaseAuthorize)).Authorization.Approval
	d.await(approval, "its first stage", func(v itsm.View) bool { return approvalDetail(v).Stage != "" })
	return approval
}

func (d *devProcess) awaitEnd(id string) itsm.View {
	d.t.Helper()
	return d.await(id, "its end", func(v itsm.View) bool { return v.State == itsm.StateClosed })
}

// awaitStep waits until a step has a status.
func (d *devProcess) awaitStep(id, step string, status itsm.StepStatus) itsm.View {
	d.t.Helper()
	return d.await(id, fmt.Sprintf("step %s %s", step, status), func(v itsm.View) bool {
		run := stepOf(v, step)
		return run != nil && run.Status == status
	})
}

// stepOf finds what became of a step, or nil.
func stepOf(v itsm.View, id string) *itsm.StepRun {
	for _, step := range transitionDetail(v).Steps {
		if step.ID == id {
			return step.Run
		}
		if step.Undo != nil && step.Undo.ID == id {
			return step.Undo.Run
		}
	}
	return nil
}
