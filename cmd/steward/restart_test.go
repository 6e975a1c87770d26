package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/internal/pgtest"
	"github.com/steward-itsm/steward/itsm"
)

// promptly is how exact a deadline is. A busy machine may stall for longer once,
// so a test that holds a clock to it may try again; what is wrong stays wrong.
const promptly = time.Second

// keptPromptly measures how late deadlines were, up to three times.
func keptPromptly(t *testing.T, measure func() (late time.Duration)) {
	t.Helper()
	for range 3 {
		late := measure()
		t.Logf("at most %s after it was due", late)
		if late < promptly {
			return
		}
	}
	t.Errorf("deadlines are later than %s, again and again", promptly)
}

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
	keptPromptly(t, func() time.Duration { return deadlinesAcrossRestart(t, d) })
}

// deadlinesAcrossRestart gives how late the latest of three deadlines was: one
// that passes while Steward is up, one while it is down, and one after.
func deadlinesAcrossRestart(t *testing.T, d *devProcess) time.Duration {
	t.Helper()
	asker := visitor{url: d.url(), as: "asker"}
	up := awaitTimeout(t, asker, ask(t, asker, "early"))

	whileDown, later := ask(t, asker, "early"), ask(t, asker, "late")
	d.kill(syscall.SIGKILL)
	wait(t, time.Now().Add(2*time.Second+promptly)) // past the first deadline, before the second
	begun := time.Now()
	d.start()
	ready := time.Now()
	t.Logf("ready %s after it was started", ready.Sub(begun))

	missed, after := awaitTimeout(t, asker, whileDown), awaitTimeout(t, asker, later)
	assert.True(t, missed.at.After(begun), "nothing happens while it is down")
	for _, one := range []timeout{up, missed, after} {
		assert.False(t, one.at.Before(one.Deadline), "never before it is due")
	}
	return max(up.late(), missed.at.Sub(ready), after.late())
}

// TestDeadlinesAreKeptThoughAWorkerIsKilled has processes that wait in the
// memory of two workers, and kills one. It is not parallel for the same reason.
func TestDeadlinesAreKeptThoughAWorkerIsKilled(t *testing.T) { //nolint:paralleltest // see above
	c := startCluster(t, pgtest.URL(t))
	succeed(t, nil, "migrate", "--database-url", c.database)
	server, killed := c.server(), c.worker()
	c.worker()
	secret := succeed(t, nil, "token", "bootstrap", "--database-url", c.database)
	v := visitor{url: server.url, token: strings.TrimSpace(secret)}
	v.apply(t, firePeople()+deadlineFlows)
	keptPromptly(t, func() (latest time.Duration) {
		ids := make([]string, 12)
		for i := range ids {
			ids[i] = ask(t, v, "early")
		}
		killed.end(syscall.SIGKILL)
		for _, id := range ids {
			latest = max(latest, awaitTimeout(t, v, id).late())
		}
		killed = c.worker()
		return latest
	})
}

func ask(t *testing.T, v visitor, flow string) string {
	t.Helper()
	r := v.send(http.MethodPost, "/v1/approvals", "", map[string]any{"flow": flow, "subject": map[string]any{}})
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

func (m timeout) late() time.Duration { return m.at.Sub(m.Deadline) }

func awaitTimeout(t *testing.T, v visitor, id string) (found timeout) {
	t.Helper()
	require.Eventually(t, func() bool {
		var page struct{ Items []itsm.Event }
		v.get(t, "/v1/processes/"+id+"/events", &page)
		for _, e := range page.Items {
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
