package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"

	"github.com/steward-itsm/steward/audit"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

const (
	fireApprovals = 200
	fireKills     = 10
	fireClients   = 16
)

// fireFlow asks three people, of whom two must approve, and then two, who both
// must.
const fireFlow = `apiVersion: steward/v1
kind: ApprovalFlow
metadata: {name: fire}
spec:
  stages:
    - {name: first, approvers: [{person: a}, {person: b}, {person: c}], need: 2, within: 1d}
    - {name: second, approvers: [{person: d}, {person: e}], need: all, within: 1d}
`

// vote is one command that a decider sends until its fate is known.
type vote struct {
	stage, person string
	verdict       itsm.Verdict
	key           string
	reply         reply
}

// trial is one approval, the votes that it is to get, and what they demand.
type trial struct {
	key     string
	id      string
	start   reply
	votes   []vote
	outcome string
}

// TestNothingAcknowledgedIsLostOrDoneTwiceUnderFire kills the whole of Steward
// with SIGKILL again and again while deciders work at the same time and retry
// blindly, and then holds it to every promise that it made.
func TestNothingAcknowledgedIsLostOrDoneTwiceUnderFire(t *testing.T) {
	t.Parallel()
	d := startDev(t, "STEWARD_NOTIFY_LOG=false")
	d.apply(firePeople() + fireFlow)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	trials := make([]*trial, fireApprovals)
	for i := range trials {
		trials[i] = newTrial(i, random)
	}
	f := &fire{dev: d, thresholds: thresholds(random)}
	f.drive(trials)
	require.Equal(t, int64(fireKills), f.kills.Load(), "all kills happened while commands were under way")

	assert.Len(t, all[itsm.View](d, "/v1/processes?"), fireApprovals, "no start made two processes, none was lost")
	for _, tr := range trials {
		f.check(t, tr)
	}
}

func firePeople() string {
	people := ""
	for _, name := range []string{"a", "b", "c", "d", "e", "asker"} {
		people += fmt.Sprintf("apiVersion: steward/v1\nkind: Person\nmetadata: {name: %s}\nspec: {email: %s@fire.test}\n---\n", name, name)
	}
	return people
}

// newTrial rolls the votes of one approval. In each stage only the set of
// votes counts, so the outcome is known although their order is not.
func newTrial(i int, random *rand.Rand) *trial {
	tr := &trial{key: fmt.Sprintf("start-%d", i), outcome: itsm.OutcomeRejected}
	approved := map[string]int{}
	for _, v := range []vote{
		{stage: "first", person: "a"}, {stage: "first", person: "b"}, {stage: "first", person: "c"},
		{stage: "second", person: "d"}, {stage: "second", person: "e"},
	} {
		v.verdict = itsm.Approve
		if random.IntN(4) == 0 {
			v.verdict = itsm.Reject
		}
		if v.verdict == itsm.Approve {
			approved[v.stage]++
		}
		v.key = fmt.Sprintf("vote-%d-%s", i, v.person)
		tr.votes = append(tr.votes, v)
	}
	if approved["first"] >= 2 && approved["second"] == 2 {
		tr.outcome = itsm.OutcomeApproved
	}
	return tr
}

// thresholds picks after how many answered commands each kill comes.
func thresholds(random *rand.Rand) []int64 {
	picked := make([]int64, fireKills)
	for i := range picked {
		picked[i] = 20 + random.Int64N(fireApprovals*4-100)
	}
	slices.Sort(picked)
	for i := 1; i < len(picked); i++ { // no two at once
		picked[i] = max(picked[i], picked[i-1]+5)
	}
	return picked
}

// fire drives the trials and kills the process meanwhile.
type fire struct {
	dev        *devProcess
	thresholds []int64
	answered   atomic.Int64
	kills      atomic.Int64
	killing    sync.Mutex
}

func (f *fire) drive(trials []*trial) {
	var clients sync.WaitGroup
	work := make(chan *trial)
	for range fireClients {
		clients.Go(func() {
			for tr := range work {
				f.carryOut(tr)
			}
		})
	}
	for _, tr := range trials {
		work <- tr
	}
	close(work)
	clients.Wait()
}

// carryOut starts one approval and has its deciders vote, all of a stage at once.
func (f *fire) carryOut(tr *trial) {
	tr.start = f.dev.insist(http.MethodPost, "/v1/approvals", "asker", tr.key, map[string]any{"flow": "fire", "subject": map[string]any{}})
	f.count()
	var receipt itsm.Receipt
	if !tr.start.ok() {
		return
	}
	tr.start.into(f.dev.t, &receipt)
	tr.id = receipt.Process
	for _, stage := range []string{"first", "second"} {
		var deciders sync.WaitGroup
		for i := range tr.votes {
			if v := &tr.votes[i]; v.stage == stage {
				deciders.Go(func() {
					v.reply = f.dev.insist(http.MethodPost, "/v1/approvals/"+tr.id+"/decisions", v.person, v.key,
						map[string]any{"decision": v.verdict, "stage": v.stage})
					f.count()
				})
			}
		}
		deciders.Wait()
	}
}

// count counts an answered command; the one that reaches a threshold kills.
func (f *fire) count() {
	n := f.answered.Add(1)
	f.killing.Lock()
	defer f.killing.Unlock()
	if len(f.thresholds) > 0 && n >= f.thresholds[0] {
		f.thresholds = f.thresholds[1:]
		f.dev.kill(syscall.SIGKILL)
		f.dev.start()
		f.kills.Add(1)
	}
}

// check holds one approval to all that was promised of it.
func (f *fire) check(t *testing.T, tr *trial) {
	t.Helper()
	require.True(t, tr.start.ok(), "%s: %d %s", tr.key, tr.start.status, tr.start.body)
	var view itsm.View
	f.dev.send(http.MethodGet, "/v1/processes/"+tr.id, "", "", nil).into(t, &view)
	assert.Equal(t, tr.outcome, view.Outcome, "%s has the outcome that its votes demand", tr.id)

	events := all[itsm.Event](f.dev, "/v1/processes/"+tr.id+"/events?")
	require.NotEmpty(t, events)
	assert.Equal(t, itsm.EventApprovalOpened, events[0].Type)
	keys := map[string]int{}
	for i, event := range events {
		assert.Equal(t, i+1, event.Number, "%s: no gap and no double in the journal", tr.id)
		keys[event.Key]++
	}
	raw := f.dev.send(http.MethodGet, "/v1/processes/"+tr.id+"/history", "", "", nil)
	history, err := audit.ParseHistory(raw.body)
	require.NoError(t, err)
	assert.Empty(t, audit.Verify(history), "%s replays", tr.id)
	last := history.Events[len(history.Events)-1]
	assert.NotNil(t, last.GetWorkflowExecutionCompletedEventAttributes(), "%s: the workflow is as closed as the view", tr.id)
	inHistory := commandsOf(t, history)
	f.checkCommand(t, tr.id, "person:asker/"+tr.key, tr.start, keys, inHistory)
	for _, v := range tr.votes {
		f.checkCommand(t, tr.id, "person:"+v.person+"/"+v.key, v.reply, keys, inHistory)
	}
	f.checkRetries(t, tr)
}

// commandsOf counts the commands in a history: those that were accepted as
// updates, and those that came into it only as what an earlier life of the
// worker had recorded.
func commandsOf(t *testing.T, history *historypb.History) map[string]int {
	t.Helper()
	commands := map[string]int{}
	for _, event := range history.Events {
		if accepted := event.GetWorkflowExecutionUpdateAcceptedEventAttributes(); accepted != nil {
			commands[accepted.GetAcceptedRequest().GetMeta().GetUpdateId()]++
		}
	}
	for _, event := range history.Events {
		for _, payload := range event.GetMarkerRecordedEventAttributes().GetDetails()["result"].GetPayloads() {
			var recorded workflows.Recorded
			if err := json.Unmarshal(payload.Data, &recorded); err != nil || recorded.Earlier == nil {
				continue
			}
			for _, taken := range recorded.Earlier.Events {
				if taken.Key != "" {
					commands[taken.Key] = max(commands[taken.Key], 1)
				}
			}
		}
	}
	return commands
}

// checkCommand finds a command that was answered 2xx in history and journal
// exactly once, and one that was refused in neither journal.
func (f *fire) checkCommand(t *testing.T, id, key string, r reply, journal, history map[string]int) {
	t.Helper()
	if r.ok() {
		assert.Equal(t, 1, journal[key], "%s: %s in the journal", id, key)
		assert.Equal(t, 1, history[key], "%s: %s in the history", id, key)
		return
	}
	assert.Equal(t, http.StatusConflict, r.status, "%s: %s was refused with %s", id, key, r.body)
	assert.Zero(t, journal[key], "%s: refused %s is not in the journal; it was told %s", id, key, r.body)
}

// checkRetries sends accepted commands once more: each gets the answer it had.
func (f *fire) checkRetries(t *testing.T, tr *trial) {
	t.Helper()
	again := f.dev.send(http.MethodPost, "/v1/approvals", "asker", tr.key, map[string]any{"flow": "fire", "subject": map[string]any{}})
	assert.JSONEq(t, string(tr.start.body), string(again.body))
	for _, v := range tr.votes {
		if v.reply.ok() {
			again := f.dev.send(http.MethodPost, "/v1/approvals/"+tr.id+"/decisions", v.person, v.key,
				map[string]any{"decision": v.verdict, "stage": v.stage})
			assert.JSONEq(t, string(v.reply.body), string(again.body))
		}
	}
}
