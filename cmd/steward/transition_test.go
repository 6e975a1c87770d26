package main

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

// rolloutModel prepares, deploys with a callback, and verifies with what the
// callback said. within is how long calls are tried, callback how long the
// report may take.
func rolloutModel(url, within, callback string) string {
	return fmt.Sprintf(`apiVersion: steward/v1
kind: Person
metadata: {name: alice}
spec: {email: alice@acme.test, roles: [operator]}
---
apiVersion: steward/v1
kind: Group
metadata: {name: team}
spec: {members: [alice]}
---
apiVersion: steward/v1
kind: Service
metadata: {name: shop}
spec: {owner: alice, supportGroup: team}
---
apiVersion: steward/v1
kind: TransitionModel
metadata: {name: rollout, owner: alice}
spec:
  type: standard
  input: {type: object, required: [case], properties: {case: {type: string}}}
  stages:
    - name: rollout
      steps:
        - call: POST %[1]s/prepare
          undo: {call: "POST %[1]s/unprepare", timeout: 1s, within: 1m}
          timeout: 1s
          within: 1m
        - call: POST %[1]s/deploy
          name: deploy
          body: '{"case": subject.case, "change": subject.id}'
          timeout: 1s
          within: %[2]s
          callback: %[3]s
          undo: {call: "POST %[1]s/rollback", body: '{"case": subject.case}', timeout: 1s, within: %[2]s}
        - call: POST %[1]s/verify
          body: '{"case": subject.case, "build": steps.deploy.callback.build}'
          timeout: 1s
          within: 1m
`, url, within, callback)
}

// rollout is one way in which the deployment server behaves, and what must come
// of it.
type rollout struct {
	deploy  func(w http.ResponseWriter, r request)
	outcome string
	why     string
	tries   int // of the request to deploy
	undone  bool
}

func done(r request) { report(r.body.Callback, `{"result": {"build": 4711}}`) }

func rollouts(again chan<- int) map[string]rollout {
	return map[string]rollout{
		"well": {outcome: itsm.OutcomeSuccessful, tries: 1, deploy: func(_ http.ResponseWriter, r request) { go done(r) }},
		"reports before it answers": {outcome: itsm.OutcomeSuccessful, tries: 1,
			deploy: func(_ http.ResponseWriter, r request) { done(r) }},
		"fails and recovers": {outcome: itsm.OutcomeSuccessful, tries: 3, deploy: func(w http.ResponseWriter, r request) {
			if r.try < 3 {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			go done(r)
		}},
		"asks to wait": {outcome: itsm.OutcomeSuccessful, tries: 2, deploy: func(w http.ResponseWriter, r request) {
			if r.try == 1 {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			go done(r)
		}},
		"reports twice": {outcome: itsm.OutcomeSuccessful, tries: 1, deploy: func(_ http.ResponseWriter, r request) {
			go func() {
				done(r)
				again <- report(r.body.Callback, `{"result": {"build": 4711}}`)
				again <- report(r.body.Callback, `{"status": "failed"}`)
			}()
		}},
		"refuses": {outcome: itsm.OutcomeRolledBack, why: "400", tries: 1, // what was prepared is taken back
			deploy: func(w http.ResponseWriter, _ request) { w.WriteHeader(http.StatusBadRequest) }},
		"does not answer": {outcome: itsm.OutcomeRolledBack, why: "within 8s", undone: true,
			deploy: func(_ http.ResponseWriter, _ request) { pause(1500 * time.Millisecond) }},
		"does not report": {outcome: itsm.OutcomeRolledBack, why: "callback did not come in time", tries: 1, undone: true,
			deploy: func(http.ResponseWriter, request) {}},
		"reports a failure": {outcome: itsm.OutcomeRolledBack, why: "disk full", tries: 1, undone: true,
			deploy: func(_ http.ResponseWriter, r request) {
				go report(r.body.Callback, `{"status": "failed", "message": "disk full"}`)
			}},
	}
}

func TestTransitionsMakeTheBestOfADeploymentServer(t *testing.T) {
	t.Parallel()
	again := make(chan int, 2)
	cases := rollouts(again)
	server := newDeployments(t, func(w http.ResponseWriter, r request) {
		if r.path == "/deploy" {
			cases[r.body.Case].deploy(w, r)
		}
	})
	d := startDev(t)
	d.apply(rolloutModel(server.url, "8s", "2s"))
	ids := map[string]string{}
	for name := range cases {
		ids[name] = d.open("alice", strings.ReplaceAll(name, " ", "-"), map[string]any{"model": "rollout", "service": "shop", "subject": map[string]any{"case": name}})
	}
	for name, c := range cases {
		view := d.awaitEnd(ids[name])
		assert.Equal(t, c.outcome, view.Outcome, name)
		c.check(t, name, ids[name], view, server)
	}
	assert.Equal(t, http.StatusOK, <-again, "the same report again is as good")
	assert.Equal(t, http.StatusConflict, <-again, "another one is not")
}

func (c rollout) check(t *testing.T, name, id string, view itsm.View, server *deployments) {
	t.Helper()
	tries := server.of(id, "/deploy")
	if c.tries > 0 {
		assert.Len(t, tries, c.tries, name)
	}
	for _, r := range tries {
		assert.Equal(t, id+"/rollout.2/1", r.key, name)
	}
	if back := transitionDetail(view).Rollback; c.why != "" {
		require.NotNil(t, back, name)
		assert.Contains(t, back.Why, c.why, name)
		assert.Len(t, server.of(id, "/unprepare"), 1, "%s: what was done is taken back", name)
	} else {
		verified := server.of(id, "/verify")
		require.Len(t, verified, 1, name)
		assert.Equal(t, 4711, verified[0].body.Build, "%s: later steps know what was reported", name)
	}
	assert.Equal(t, c.undone, len(server.of(id, "/rollback")) == 1, "%s: a call that may have taken effect is taken back", name)
}

func TestUndoThatFailsWaitsForAnOperator(t *testing.T) {
	t.Parallel()
	server := newDeployments(t, func(w http.ResponseWriter, r request) {
		if r.path == "/rollback" && r.key[len(r.key)-2:] == "/1" || r.path == "/verify" {
			w.WriteHeader(http.StatusConflict)
		}
		if r.path == "/deploy" {
			go done(r)
		}
	})
	d := startDev(t)
	d.apply(rolloutModel(server.url, "8s", "2s"))
	id := d.open("alice", "k", map[string]any{"model": "rollout", "service": "shop", "subject": map[string]any{"case": "x"}})
	view := d.awaitStep(id, "rollout.2.undo", itsm.StepBlocked)
	assert.Equal(t, itsm.StateBlocked, view.State)
	assert.Empty(t, server.of(id, "/unprepare"), "the order of what is taken back is kept")

	without := d.send(http.MethodPost, "/v1/transitions/"+id+"/steps/rollout.2.undo/retry", "alice", "", map[string]any{})
	assert.Equal(t, http.StatusUnprocessableEntity, without.status, "%s", without.body)
	d.do("alice", "/v1/transitions/"+id+"/steps/rollout.2.undo/retry", map[string]any{"comment": "mended"})
	assert.Equal(t, itsm.OutcomeRolledBack, d.awaitEnd(id).Outcome)
	assert.Len(t, server.of(id, "/unprepare"), 1)
}

// acmePlan is the input of Acme's normal change.
var acmePlan = map[string]any{"version": "4.2", "plan": "Deploy in two waves, watch the queue", "backout": "Deploy 4.1 again"}

func TestAcmesNormalChangeGoesAllTheWay(t *testing.T) {
	t.Parallel()
	server := newDeployments(t, func(_ http.ResponseWriter, r request) {
		if r.body.Callback != "" {
			go done(r)
		}
	})
	d := startDev(t)
	d.applyAcme(server.url)
	start := time.Now().Add(3 * time.Second).UTC()
	request := map[string]any{"model": "normal-change", "service": "payments", "title": "Payments 4.2", "subject": acmePlan, "plannedStart": start, "plannedEnd": start.Add(time.Hour)}
	refused := d.send(http.MethodPost, "/v1/transitions", "alice", "", request)
	assert.Equal(t, string(itsm.CodeSchedule), refused.code(), "%s", refused.body)
	request["override"], request["comment"] = true, "The old certificate expires tonight"
	id := d.open("maria", "change", request)

	approval := d.awaitAuthorization(id)
	for _, person := range []string{"bob", "tom", "ines"} {
		d.do(person, "/v1/approvals/"+approval+"/decisions", map[string]any{"decision": "approve"})
	}
	d.awaitStep(id, "validation.1", itsm.StepRunning)
	d.do("raj", "/v1/tasks/"+id+".validation.1/complete", map[string]any{
		"check":    []string{"Regression tests green", "Load test within objectives", "Backout rehearsed"},
		"evidence": []map[string]any{{"text": "512 of 512"}},
	})
	d.awaitStep(id, "migration.3", itsm.StepRunning)
	deployed := server.of(id, "/deploy")
	require.Len(t, deployed, 1)
	d.do("chen", "/v1/tasks/"+id+".migration.3/complete", map[string]any{})
	d.awaitStep(id, "support.1.2.1", itsm.StepRunning)
	d.do("tom", "/v1/tasks/"+id+".support.1.2.1/complete", map[string]any{})
	d.do("alice", "/v1/tasks/"+id+".support.1.1.1/complete", map[string]any{})
	acceptance := stepOf(d.awaitStep(id, "acceptance.1", itsm.StepRunning), "acceptance.1").Approval
	d.await(acceptance, "its first stage", func(v itsm.View) bool { return approvalDetail(v).Stage == "operations" })
	d.do("bob", "/v1/approvals/"+acceptance+"/decisions", map[string]any{"decision": "approve", "stage": "operations"})
	d.do("maria", "/v1/approvals/"+acceptance+"/decisions", map[string]any{"decision": "approve", "stage": "owner"})

	watched := transitionDetail(d.awaitPhase(id, itsm.PhaseEarlyLife))
	assert.WithinDuration(t, time.Now().Add(14*24*time.Hour), watched.EarlyLife.Until, time.Minute)
	d.do("alice", "/v1/transitions/"+id+"/rollback", map[string]any{"comment": "Payments to France fail"})
	assert.Equal(t, itsm.OutcomeRolledBack, d.awaitEnd(id).Outcome)
	assert.Len(t, server.of(id, "/rollback"), 1)
}

func TestAcmesEmergencyIsFixedAndReviewed(t *testing.T) {
	t.Parallel()
	d := startDev(t)
	d.applyAcme("http://127.0.0.1:1")
	fix := map[string]any{"model": "emergency-fix", "service": "payments", "subject": map[string]any{"incident": "INC-7", "plan": "Restart the queue"}}
	refused := d.open("alice", "one", fix)
	approval := d.awaitAuthorization(refused)
	for _, person := range []string{"tom", "maria"} {
		d.do(person, "/v1/approvals/"+approval+"/decisions", map[string]any{"decision": "reject", "comment": "Wait for the window"})
	}
	end := d.awaitEnd(refused)
	assert.Equal(t, itsm.OutcomeNotApproved, end.Outcome)
	assert.Equal(t, "on-call-manager", transitionDetail(end).Authorization.Stage)
	for _, told := range []string{"tom", "on-call-manager", "Wait for the window"} {
		assert.Contains(t, transitionDetail(end).Rollback.Why, told)
	}

	fixed := d.open("alice", "two", fix)
	approval = d.awaitAuthorization(fixed)
	d.do("tom", "/v1/approvals/"+approval+"/decisions", map[string]any{"decision": "approve"})
	onCall := stepOf(d.awaitStep(fixed, "fix.1", itsm.StepRunning), "fix.1").People
	require.Len(t, onCall, 1)
	d.do(onCall[0], "/v1/tasks/"+fixed+".fix.1/complete", map[string]any{})
	d.awaitPhase(fixed, itsm.PhaseReview)
	d.do("ines", "/v1/tasks/"+fixed+".review/complete", map[string]any{"result": "successful-with-issues", "lessons": "Watch the queue"})
	assert.Equal(t, itsm.OutcomeWithIssues, d.awaitEnd(fixed).Outcome)
}

func TestAcmesStandardChangeNeedsNobody(t *testing.T) {
	t.Parallel()
	server := newDeployments(t, func(http.ResponseWriter, request) {})
	d := startDev(t)
	d.applyAcme(server.url)
	id := d.open("alice", "restart", map[string]any{"model": "standard-restart", "service": "payments"})
	assert.Equal(t, itsm.OutcomeSuccessful, d.awaitEnd(id).Outcome)
	assert.Len(t, server.of(id, "/restart"), 1)
}

func TestGateOutlivesTheServerThatItAsks(t *testing.T) {
	t.Parallel()
	d := startDev(t)
	d.applyAcme("http://127.0.0.1:1")
	id := d.open("alice", "one", map[string]any{"model": "emergency-fix", "service": "payments", "subject": map[string]any{"incident": "INC-7", "plan": "Restart the queue"}})
	approval := d.awaitAuthorization(id)
	gate := steward(t.Context(), "gate", id, "--for", "authorized", "--timeout", "2m", "--url", d.url())
	out, err := gate.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, gate.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan(), "it says where the transition stands")
	assert.Contains(t, lines.Text(), id+"  phase authorize")

	d.kill(syscall.SIGKILL)
	d.start()
	d.do("tom", "/v1/approvals/"+approval+"/decisions", map[string]any{"decision": "approve"})
	require.True(t, lines.Scan(), "it goes on where it was")
	assert.NotContains(t, lines.Text(), "authorize")
	require.NoError(t, gate.Wait(), "the exit code is 0")
}
