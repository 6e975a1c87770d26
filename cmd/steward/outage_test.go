package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/steward-itsm/steward/internal/pgtest"
	"github.com/steward-itsm/steward/itsm"
)

const (
	outageApprovals = 24

	// outageCost is how many events one history may gain while the database is
	// away, however long: for a command that was on its way a workflow task of
	// three, the command, the marker of the try within the task, and the activity
	// that goes on trying; for each of the three that may wait behind it a
	// workflow task and the command.
	outageCost = 6 + 3*4
)

// outageFlow has one stage that is decided while the database goes away and
// comes back, and a flow whose deadline passes meanwhile.
const outageFlow = `apiVersion: steward/v1
kind: ApprovalFlow
metadata: {name: outage}
spec:
  stages:
    - {name: all, approvers: [{person: a}, {person: b}, {person: c}, {person: d}], need: all, within: 1d}
---
apiVersion: steward/v1
kind: ApprovalFlow
metadata: {name: passing}
spec:
  stages:
    - {name: soon, approvers: [{person: a}], within: 3s, onTimeout: reject}
`

// TestDatabaseThatIsAwayDelaysAndDecidesNothing takes PostgreSQL away while
// commands are under way, and holds Steward to its promises.
func TestDatabaseThatIsAwayDelaysAndDecidesNothing(t *testing.T) {
	t.Parallel()
	database := pgtest.NewCluster(t)
	c := startCluster(t, database.URL())
	succeed(t, nil, "migrate", "--database-url", c.database)
	server := c.server("STEWARD_LIMITS_REQUEST_TIMEOUT=3s")
	c.worker()
	o := &outage{cluster: c, deciders: map[string]visitor{}}
	o.prepare(server)
	o.run(database, server)

	o.checkReplies()
	for i, id := range o.ids {
		o.checkDecisions(i, id)
	}
	o.checkDeadline()
}

type outage struct {
	*cluster
	back     time.Time // when the database was started again
	deciders map[string]visitor
	ids      []string // of the approvals that are decided meanwhile
	passing  string   // the one whose deadline passes

	mutex   sync.Mutex
	replies []reply
}

func (o *outage) prepare(server *part) {
	secret := succeed(o.t, nil, "token", "bootstrap", "--database-url", o.database)
	admin := visitor{url: server.url, token: strings.TrimSpace(secret)}
	admin.apply(o.t, firePeople()+outageFlow)
	for _, name := range []string{"a", "b", "c", "d", "asker"} {
		secret := succeed(o.t, nil, "token", "bootstrap", "--database-url", o.database, "--person", name)
		o.deciders[name] = visitor{url: server.url, token: strings.TrimSpace(secret)}
	}
	for i := range outageApprovals {
		o.ids = append(o.ids, o.begin("outage", fmt.Sprintf("start-%d", i)))
	}
}

func (o *outage) begin(flow, key string) string {
	r := o.deciders["asker"].send(http.MethodPost, "/v1/approvals", key, map[string]any{"flow": flow, "subject": map[string]any{}})
	require.Equal(o.t, http.StatusCreated, r.status, "%s", r.body)
	var receipt itsm.Receipt
	r.into(o.t, &receipt)
	return receipt.Process
}

// run has everybody decide on everything, again and again until it is known to
// count, while the database goes away and comes back.
func (o *outage) run(database *pgtest.Cluster, server *part) {
	var deciding sync.WaitGroup
	first := make(chan struct{}, outageApprovals*4)
	for _, name := range []string{"a", "b", "c", "d"} {
		deciding.Go(func() {
			for _, id := range o.ids {
				o.decide(name, id, first)
			}
		})
	}
	for range outageApprovals { // some are answered, some are on their way
		<-first
	}
	o.passing = o.begin("passing", "passing")
	database.Stop(o.t)
	o.seeWhatIsDown(server)
	o.seeHistoriesRest()
	o.back = time.Now()
	database.Start(o.t)
	require.Eventually(o.t, server.isReady, 30*time.Second, 50*time.Millisecond, "ready again by itself")
	deciding.Wait()
}

func (o *outage) decide(name, id string, answered chan<- struct{}) {
	for {
		r := o.deciders[name].send(http.MethodPost, "/v1/approvals/"+id+"/decisions", name+"/"+id, map[string]any{"decision": "approve"})
		o.mutex.Lock()
		o.replies = append(o.replies, r)
		o.mutex.Unlock()
		if !r.lost() {
			answered <- struct{}{}
			return
		}
		pause(50 * time.Millisecond)
	}
}

func (o *outage) seeWhatIsDown(server *part) {
	r := visitor{url: server.url}.send(http.MethodGet, "/readyz", "", nil)
	assert.Equal(o.t, http.StatusServiceUnavailable, r.status)
	var problem struct {
		Detail string
		Parts  []struct {
			Name string
			Ok   bool
		}
	}
	r.into(o.t, &problem)
	up := map[string]bool{}
	for _, p := range problem.Parts {
		up[p.Name] = p.Ok
	}
	assert.Equal(o.t, map[string]bool{"database": false, "schema": false, "temporal": true}, up)
	assert.Contains(o.t, problem.Detail, "database")
	assert.Equal(o.t, http.StatusOK, visitor{url: server.url}.send(http.MethodGet, "/healthz", "", nil).status, "to restart it would not help")
}

// seeHistoriesRest waits until ordinary activities try in vain, and sees that no
// history grows by that.
func (o *outage) seeHistoriesRest() {
	temporal, err := client.DialContext(o.t.Context(), client.Options{
		HostPort: o.address, Namespace: "steward", Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(o.t, err)
	defer temporal.Close()
	describe := func(id string) *workflowservice.DescribeWorkflowExecutionResponse {
		info, err := temporal.DescribeWorkflowExecution(o.t.Context(), id, "")
		require.NoError(o.t, err)
		return info
	}
	lengths := func() map[string]int64 {
		lengths := map[string]int64{}
		for _, id := range append([]string{o.passing}, o.ids...) {
			lengths[id] = describe(id).GetWorkflowExecutionInfo().GetHistoryLength()
		}
		return lengths
	}
	tried := func(times int32) func() bool {
		return func() bool {
			pending := describe(o.passing).GetPendingActivities()
			return len(pending) == 1 && pending[0].GetAttempt() > times
		}
	}
	before := lengths()
	require.Eventually(o.t, tried(1), time.Minute, 20*time.Millisecond, "an activity tries to record the deadline")
	resting := lengths()
	for id, length := range resting {
		assert.LessOrEqual(o.t, length-before[id], int64(outageCost), "%s grew", id)
	}
	require.Eventually(o.t, tried(2), time.Minute, 20*time.Millisecond)
	assert.Equal(o.t, resting, lengths(), "no history grows while all wait")
}

// checkReplies sees that every answer was a success or a clear "later".
func (o *outage) checkReplies() {
	later := 0
	for _, r := range o.replies {
		if r.ok() {
			continue
		}
		later++
		assert.Equal(o.t, http.StatusServiceUnavailable, r.status, "%s", r.body)
		assert.Equal(o.t, string(itsm.CodeUnavailable), r.code())
		assert.NotEmpty(o.t, r.header.Get("Retry-After"))
		assert.Contains(o.t, string(r.body), "try again")
	}
	assert.NotZero(o.t, later, "the outage was felt")
}

func (o *outage) checkDecisions(i int, id string) {
	asker := o.deciders["asker"]
	var view itsm.View
	asker.get(o.t, "/v1/processes/"+id, &view)
	assert.Equal(o.t, itsm.OutcomeApproved, view.Outcome, id)
	var page struct{ Items []itsm.Event }
	asker.get(o.t, "/v1/processes/"+id+"/events?limit=100", &page)
	keys := map[string]int{}
	for n, event := range page.Items {
		assert.Equal(o.t, n+1, event.Number, "%s has no gap and no double", id)
		keys[event.Key]++
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		assert.Equal(o.t, 1, keys["person:"+name+"/"+name+"/"+id], "%s of %s counts once", name, id)
	}
	assert.Equal(o.t, 1, keys[fmt.Sprintf("person:asker/start-%d", i)])
}

// checkDeadline sees that the deadline that passed meanwhile was applied after.
func (o *outage) checkDeadline() {
	asker := o.deciders["asker"]
	require.Eventually(o.t, func() bool {
		var view itsm.View
		asker.get(o.t, "/v1/processes/"+o.passing, &view)
		return view.Outcome == itsm.OutcomeRejected
	}, 30*time.Second, 100*time.Millisecond, "the deadline is applied once the database is back")
	var page struct{ Items []itsm.Event }
	asker.get(o.t, "/v1/processes/"+o.passing+"/events", &page)
	for _, event := range page.Items {
		if event.Type != itsm.EventStageTimedOut {
			continue
		}
		var data itsm.StageTimedOut
		require.NoError(o.t, json.Unmarshal(event.Data, &data))
		assert.WithinRange(o.t, event.Time, data.Deadline, o.back, "it was noticed while the database was away")
		return
	}
	assert.Fail(o.t, "the deadline is not in the journal")
}

// TestTemporalThatIsAwayDelaysAndDecidesNothing takes the other part away.
func TestTemporalThatIsAwayDelaysAndDecidesNothing(t *testing.T) {
	t.Parallel()
	c := startCluster(t, pgtest.URL(t))
	succeed(t, nil, "migrate", "--database-url", c.database)
	server := c.server("STEWARD_LIMITS_REQUEST_TIMEOUT=2s")
	c.worker()
	o := &outage{cluster: c, deciders: map[string]visitor{}}
	o.prepare(server)
	decide := func() reply {
		return o.deciders["a"].send(http.MethodPost, "/v1/approvals/"+o.ids[0]+"/decisions", "once", map[string]any{"decision": "approve"})
	}
	c.stopTemporal()
	r := decide()
	assert.Equal(t, http.StatusServiceUnavailable, r.status, "%s", r.body)
	assert.NotEmpty(t, r.header.Get("Retry-After"))
	ready := visitor{url: server.url}.send(http.MethodGet, "/readyz", "", nil)
	assert.Equal(t, http.StatusServiceUnavailable, ready.status)
	assert.Contains(t, string(ready.body), "temporal does not work")
	assert.True(t, o.deciders["a"].send(http.MethodGet, "/v1/inbox", "", nil).ok(), "questions are answered all the same")

	c.startTemporal()
	require.Eventually(t, func() bool { return decide().ok() }, 30*time.Second, 50*time.Millisecond, "it goes on by itself")
	require.Eventually(t, server.isReady, 30*time.Second, 50*time.Millisecond)
	var page struct{ Items []itsm.Event }
	o.deciders["asker"].get(t, "/v1/processes/"+o.ids[0]+"/events", &page)
	assert.Len(t, page.Items, 3, "opened, asked, and decided once")
}
