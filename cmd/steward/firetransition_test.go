package main

import (
	"fmt"
	"net/http"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/audit"
	"github.com/steward-itsm/steward/itsm"
)

const fireTransitions = 12

// TestTransitionsComeThroughTheFire kills the whole of Steward with SIGKILL
// while requests to deploy and to roll back are under way. Every system that it
// calls sees each piece of work under one key, whatever is killed, and nothing
// stays half done.
func TestTransitionsComeThroughTheFire(t *testing.T) {
	t.Parallel()
	f := &transitionFire{at: map[string][]int{"/deploy": {3, 9}, "/rollback": {2, 5}}, seen: map[string]int{}}
	server := newDeployments(t, f.answer)
	f.dev = startDev(t)
	f.dev.apply(rolloutModel(server.url, "5m", "5m"))
	ids := make([]string, fireTransitions)
	for i := range ids {
		name := "well"
		if i%2 == 0 {
			name = "fails"
		}
		ids[i] = f.dev.open("alice", fmt.Sprintf("change-%d", i), map[string]any{"model": "rollout", "service": "shop", "subject": map[string]any{"case": name}})
	}
	for i, id := range ids {
		f.check(t, id, i%2 == 0, f.dev.awaitEnd(id), server)
	}
	assert.Equal(t, map[string][]int{"/deploy": {}, "/rollback": {}}, f.at, "all kills happened while requests were under way")
	assert.Len(t, all[itsm.View](f.dev, "/v1/processes?"), fireTransitions)
}

// transitionFire is a deployment server that kills Steward at some of the
// requests that it gets.
type transitionFire struct {
	dev *devProcess

	mutex sync.Mutex
	at    map[string][]int // at which requests to a path it kills
	seen  map[string]int
}

func (f *transitionFire) answer(w http.ResponseWriter, r request) {
	f.mutex.Lock()
	f.seen[r.path]++
	if due := f.at[r.path]; len(due) > 0 && f.seen[r.path] >= due[0] {
		f.at[r.path] = due[1:]
		f.dev.kill(syscall.SIGKILL)
		f.dev.start()
	}
	f.mutex.Unlock()
	switch {
	case r.path == "/deploy":
		go done(r)
	case r.path == "/verify" && r.body.Case == "fails":
		w.WriteHeader(http.StatusConflict)
	}
}

// check holds one transition to what was promised of it.
func (f *transitionFire) check(t *testing.T, id string, fails bool, view itsm.View, server *deployments) {
	t.Helper()
	want := itsm.OutcomeSuccessful
	if fails {
		want = itsm.OutcomeRolledBack
	}
	require.Equal(t, want, view.Outcome, "%s: %s", id, view.Detail)
	for step, paths := range map[string][2]string{"rollout.1": {"/prepare", "/unprepare"}, "rollout.2": {"/deploy", "/rollback"}} {
		assert.Equal(t, []string{id + "/" + step + "/1"}, keysOf(server.of(id, paths[0])), "%s is one piece of work", step)
		if fails {
			assert.Equal(t, []string{id + "/" + step + ".undo/1"}, keysOf(server.of(id, paths[1])), "%s is taken back once", step)
		} else {
			assert.Empty(t, server.of(id, paths[1]), "%s stays", step)
		}
	}
	for i, event := range all[itsm.Event](f.dev, "/v1/processes/"+id+"/events?") {
		assert.Equal(t, i+1, event.Number, "%s: no gap and no double in the journal", id)
	}
	raw := f.dev.insist(http.MethodGet, "/v1/processes/"+id+"/history", "", "", nil)
	history, err := audit.ParseHistory(raw.body)
	require.NoError(t, err)
	assert.Empty(t, audit.Verify(history), "%s replays", id)
}

// keysOf gives the keys under which requests came, each once.
func keysOf(requests []request) []string {
	var keys []string
	seen := map[string]bool{}
	for _, r := range requests {
		if !seen[r.key] {
			keys = append(keys, r.key)
		}
		seen[r.key] = true
	}
	return keys
}
