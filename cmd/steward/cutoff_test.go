package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
)

const cutOffFlow = `apiVersion: steward/v1
kind: ApprovalFlow
metadata: {name: two}
spec:
  stages:
    - {name: first, approvers: [{person: a}]}
    - {name: second, approvers: [{person: b}], within: 1d}
`

// TestProcessThatACrashCutOffGoesOnWithoutARetry kills Steward in the instant
// in which a decision is in the journal and not yet in the workflow's history,
// and never sends that decision again. All that it opened must work.
func TestProcessThatACrashCutOffGoesOnWithoutARetry(t *testing.T) {
	t.Parallel()
	d := startDev(t, "STEWARD_NOTIFY_LOG=false")
	d.apply(firePeople() + cutOffFlow)
	journal, err := store.Open(t.Context(), "sqlite:"+filepath.Join(d.data, "steward.db"), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, journal.Close()) })

	const tries = 40 // the instant is met about every second time
	for n := range tries {
		id := d.startTwo(t, n)
		if !d.killedInTheInstant(t, journal, id) {
			continue
		}
		var view itsm.View
		d.insist(http.MethodGet, "/v1/processes/"+id, "", "", nil).into(t, &view)
		require.Equal(t, 5, view.LastEvent, "the decision, and what it opened")
		second := d.insist(http.MethodPost, "/v1/approvals/"+id+"/decisions", "b", "second", map[string]any{"decision": "approve", "stage": "second"})
		require.True(t, second.ok(), "%d %s", second.status, second.body)
		again := d.insist(http.MethodPost, "/v1/approvals/"+id+"/decisions", "a", "first", map[string]any{"decision": "approve", "stage": "first"})
		require.True(t, again.ok(), "who was never answered may still ask: %d %s", again.status, again.body)
		return
	}
	t.Fatalf("in %d tries the process was never killed between journal and history", tries)
}

func (d *devProcess) startTwo(t *testing.T, n int) string {
	t.Helper()
	r := d.insist(http.MethodPost, "/v1/approvals", "asker", fmt.Sprintf("two-%d", n), map[string]any{"flow": "two"})
	require.True(t, r.ok(), "%s", r.body)
	var receipt itsm.Receipt
	r.into(t, &receipt)
	return receipt.Process
}

// killedInTheInstant decides the first stage, kills the process as soon as the
// journal has the decision, and starts it again. It reports whether the sender
// went without an answer.
func (d *devProcess) killedInTheInstant(t *testing.T, journal *store.Store, id string) bool {
	t.Helper()
	answered := make(chan reply, 1)
	go func() {
		answered <- d.send(http.MethodPost, "/v1/approvals/"+id+"/decisions", "a", "first", map[string]any{"decision": "approve", "stage": "first"})
	}()
	for {
		_, recorded, err := journal.EventByKey(t.Context(), id, "person:a/first")
		require.NoError(t, err)
		if recorded {
			break
		}
	}
	d.kill(syscall.SIGKILL)
	d.start()
	return !(<-answered).ok()
}
