package main

import (
	"encoding/json"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

// promptly is how exact a deadline is.
const promptly = time.Second

const deadlineFlows = `---
apiVersion: steward/v1
kind: ApprovalFlow
metadata: {name: early}
spec: {stages: [{name: only, approvers: [{person: a}], within: 2s, onTimeout: reject}]}
---
apiVersion: steward/v1
kind: ApprovalFlow
metadata: {name: late}
spec: {stages: [{name: only, approvers: [{person: a}], within: 8s, onTimeout: approve}]}
`

// TestDeadlinesAreKeptToTheSecondAcrossRestarts is not parallel, because it
// holds the clock to a second.
func TestDeadlinesAreKeptToTheSecondAcrossRestarts(t *testing.T) { //nolint:paralleltest // see above
	d := startDev(t, "STEWARD_NOTIFY_LOG=false")
	d.apply(firePeople() + deadlineFlows)
	whileUp := ask(t, d, "early")
	missed := awaitTimeout(t, d, whileUp)
	assert.WithinRange(t, missed.at, missed.Deadline, missed.Deadline.Add(promptly), "due while Steward is up")
	t.Logf("while up: %s after it was due", missed.at.Sub(missed.Deadline))

	whileDown, later := ask(t, d, "early"), ask(t, d, "late")
	d.kill(syscall.SIGKILL)
	wait(t, time.Now().Add(2*time.Second+promptly)) // past the first deadline, before the second
	begun := time.Now()
	d.start()
	ready := time.Now()
	t.Logf("ready %s after it was started", ready.Sub(begun))

	missed = awaitTimeout(t, d, whileDown)
	assert.WithinRange(t, missed.at, begun, ready.Add(promptly), "due while Steward was down")
	t.Logf("while down: %s after it was ready again", missed.at.Sub(ready))
	assert.WithinRange(t, missed.Deadline, begun.Add(-time.Minute), begun, "it was due before")
	missed = awaitTimeout(t, d, later)
	assert.WithinRange(t, missed.at, missed.Deadline, missed.Deadline.Add(promptly), "due after the restart")
	t.Logf("after the restart: %s after it was due", missed.at.Sub(missed.Deadline))
}

func ask(t *testing.T, d *devProcess, flow string) string {
	t.Helper()
	r := d.send(http.MethodPost, "/v1/approvals", "asker", "", map[string]any{"flow": flow, "subject": map[string]any{}})
	require.Equal(t, http.StatusCreated, r.status, "%s", r.body)
	var receipt itsm.Receipt
	r.into(t, &receipt)
	return receipt.Process
}

// timeout is a deadline that was missed, and when it was noticed.
type timeout struct {
	itsm.StageTimedOut
	at time.Time
}

func awaitTimeout(t *testing.T, d *devProcess, id string) (found timeout) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, e := range all[itsm.Event](d, "/v1/processes/"+id+"/events?") {
			if e.Type == itsm.EventStageTimedOut {
				found.at = e.Time
				return json.Unmarshal(e.Data, &found.StageTimedOut) == nil
			}
		}
		return false
	}, 30*time.Second, 20*time.Millisecond, "%s has not missed its deadline", id)
	return found
}

func TestDevStopsInPeaceAndKeepsItsFolderToItself(t *testing.T) {
	t.Parallel()
	address, data := freeAddress(t), t.TempDir()
	dev := func(listen string) []string {
		return []string{"dev", "--listen", listen, "--data", data, "--log-level", "warn"}
	}
	first := startPart(t, "http://"+address, nil, dev(address)...)
	require.Eventually(t, first.isReady, time.Minute, 20*time.Millisecond)
	assert.Contains(t, first.out.String(), "Steward is ready at http://"+address)

	for _, listen := range []string{address, freeAddress(t)} {
		second := command(t, nil, dev(listen)...)
		assert.Equal(t, exitRefused, second.code)
		assert.Contains(t, second.errOut, "in use by process")
		assert.Contains(t, second.errOut, "--data", "it says what to do")
	}
	taken := command(t, nil, "dev", "--listen", address, "--data", t.TempDir())
	assert.Equal(t, exitRefused, taken.code)
	assert.Contains(t, taken.errOut, "--listen", "another folder, but the same address")

	d := visitor{url: first.url}
	d.apply(t, firePeople()+deadlineFlows)
	r := visitor{url: first.url, as: "asker"}.send(http.MethodPost, "/v1/approvals", "", map[string]any{"flow": "late", "subject": map[string]any{}})
	require.True(t, r.ok(), "%s", r.body)
	begun := time.Now()
	assert.Equal(t, exitDone, first.end(syscall.SIGTERM))
	assert.Less(t, time.Since(begun), 10*time.Second)
	t.Logf("stopped after %s", time.Since(begun))
	assert.Empty(t, first.log.String(), "stopping is no news")
}
