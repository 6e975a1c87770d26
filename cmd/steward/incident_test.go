package main

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/audit"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// alarm is an alert as a test raises it.
type alarm struct {
	Service  string           `json:"service"`
	Key      string           `json:"key"`
	Title    string           `json:"title,omitempty"`
	Severity itsm.Severity    `json:"severity,omitempty"`
	Status   itsm.AlertStatus `json:"status,omitempty"`
}

// raise raises an alert, and tells what became of it.
func (d *devProcess) raise(a alarm) api.Raised {
	d.t.Helper()
	r := d.insist(http.MethodPost, "/v1/alerts", "", "", a)
	require.Equal(d.t, http.StatusAccepted, r.status, "%s", r.body)
	var raised api.Raised
	r.into(d.t, &raised)
	return raised
}

// act sends a command to an incident that must succeed. It may be sent twice,
// and then is another one.
func (d *devProcess) act(as, id, verb string, body any) itsm.Receipt {
	d.t.Helper()
	r := d.send(http.MethodPost, "/v1/incidents/"+id+"/"+verb, as, "", body)
	require.True(d.t, r.ok(), "%s %s by %s: %d %s", verb, id, as, r.status, r.body)
	var receipt itsm.Receipt
	r.into(d.t, &receipt)
	return receipt
}

// incident shows an incident as it is now.
func (d *devProcess) incident(id string) itsm.IncidentDetail {
	d.t.Helper()
	return incidentIn(d.t, d.await(id, "its view", func(itsm.View) bool { return true }))
}

// awaitIncident waits until an incident is as it should be.
func (d *devProcess) awaitIncident(id, what string, is func(itsm.IncidentDetail) bool) itsm.IncidentDetail {
	d.t.Helper()
	return incidentIn(d.t, d.await(id, what, func(v itsm.View) bool { return is(incidentIn(d.t, v)) }))
}

func incidentIn(t *testing.T, v itsm.View) itsm.IncidentDetail {
	t.Helper()
	var detail itsm.IncidentDetail
	require.NoError(t, json.Unmarshal(v.Detail, &detail))
	return detail
}

func isPaged(i itsm.IncidentDetail) bool { return len(i.Pages) > 0 }

// eventsOf gives the events of a process that have a type.
func (d *devProcess) eventsOf(id string, kind itsm.EventType) []itsm.Event {
	d.t.Helper()
	var found []itsm.Event
	for _, event := range all[itsm.Event](d, "/v1/processes/"+id+"/events?") {
		if event.Type == kind {
			found = append(found, event)
		}
	}
	return found
}

// clock explains one of the clocks of an incident.
func (d *devProcess) clock(id string, name itsm.ClockName) api.Clock {
	d.t.Helper()
	var clocks api.Clocks
	visitor{url: d.url()}.get(d.t, "/v1/incidents/"+id+"/clocks", &clocks)
	for _, clock := range clocks.Clocks {
		if clock.Name == name {
			return clock
		}
	}
	require.Fail(d.t, "there is no such clock", "%s of %s", name, id)
	return api.Clock{}
}

func (d *devProcess) alertsOf(id string) map[string]api.AlertState {
	d.t.Helper()
	var list api.AlertList
	visitor{url: d.url()}.get(d.t, "/v1/incidents/"+id+"/alerts", &list)
	alerts := map[string]api.AlertState{}
	for _, alert := range list.Items {
		alerts[alert.Key] = alert
	}
	return alerts
}

// tasksOf lists what waits for a person, by process and task.
func (d *devProcess) tasksOf(person string) []string {
	d.t.Helper()
	var page struct{ Items []itsm.InboxItem }
	visitor{url: d.url(), as: person}.get(d.t, "/v1/inbox", &page)
	tasks := []string{}
	for _, item := range page.Items {
		tasks = append(tasks, item.Process+"."+item.Task)
	}
	return tasks
}

// checkJournal holds a process to an unbroken journal and a history that replays.
func (d *devProcess) checkJournal(id string) {
	d.t.Helper()
	for i, event := range all[itsm.Event](d, "/v1/processes/"+id+"/events?") {
		assert.Equal(d.t, i+1, event.Number, "%s: no gap and no double in the journal", id)
	}
	raw := d.insist(http.MethodGet, "/v1/processes/"+id+"/history", "", "", nil)
	history, err := audit.ParseHistory(raw.body)
	require.NoError(d.t, err)
	assert.Empty(d.t, audit.Verify(history), "%s replays", id)
}

// closeSoon has Acme's incidents close a second after they were resolved.
func (d *devProcess) closeSoon() {
	d.t.Helper()
	text, err := os.ReadFile(acmeFolder + "/incidents.yaml")
	require.NoError(d.t, err)
	require.Contains(d.t, string(text), "autoClose: 5d")
	d.apply(strings.ReplaceAll(string(text), "autoClose: 5d", "autoClose: 1s"))
}

func TestAcmesWorstIncidentGoesAllTheWay(t *testing.T) {
	t.Parallel()
	d := startDev(t)
	d.applyAcme("http://127.0.0.1:1")
	d.closeSoon()
	id := d.raise(alarm{Service: "payments", Key: "down", Title: "No payment goes through", Severity: itsm.SeverityCritical}).Incident
	page := d.awaitIncident(id, "its first page", isPaged)
	var schedule api.OnCall
	visitor{url: d.url()}.get(t, "/v1/schedules/payments-primary", &schedule)
	require.Len(t, schedule.Now, 1)
	onCall := schedule.Now[0].Person
	assert.Equal(t, []string{onCall}, page.Pages[0].To)
	assert.Equal(t, itsm.Classification{Impact: itsm.LevelHigh, Urgency: itsm.LevelHigh, Priority: "P1"}, page.Class)
	require.NotNil(t, page.Major, "the policy makes it a major one")
	assert.Equal(t, "the policy", page.Major.By)

	d.act(onCall, id, "acknowledge", map[string]any{})
	taken := d.incident(id)
	assert.Equal(t, itsm.IncidentInProgress, taken.Phase)
	assert.Equal(t, onCall, taken.Assignee)
	assert.NotNil(t, taken.Clocks[itsm.ClockRespond].Stopped)
	assert.Contains(t, d.tasksOf(onCall), id+".resolve")

	d.waitForUser(id, onCall)
	d.resolveTwice(id, onCall)
	d.review(id)
	view := d.awaitEnd(id)
	assert.Equal(t, itsm.OutcomeResolved, view.Outcome)
	assert.Len(t, incidentIn(t, view).Pages, 2, "one as it began, one as it was reopened")
	refused := d.send(http.MethodPost, "/v1/incidents/"+id+"/reopen", onCall, "", map[string]any{"comment": "It is down"})
	assert.Equal(t, string(itsm.CodeProcessClosed), refused.code())
	again := d.raise(alarm{Service: "payments", Key: "down", Title: "No payment goes through", Severity: itsm.SeverityCritical})
	assert.NotEqual(t, id, again.Incident, "what is over is over")
	d.checkJournal(id)
}

// waitForUser holds an incident: its clock stands, and is due so much later as
// it stood.
func (d *devProcess) waitForUser(id, who string) {
	d.t.Helper()
	before := d.clock(id, itsm.ClockResolve)
	require.NotNil(d.t, before.Due)
	d.act(who, id, "hold", map[string]any{"for": "waiting-for-user", "comment": "Which customers?"})
	held := d.clock(id, itsm.ClockResolve)
	assert.Nil(d.t, held.Due)
	last := held.Intervals[len(held.Intervals)-1]
	assert.False(d.t, last.Counts)
	assert.Contains(d.t, last.Why, string(itsm.IncidentWaitingUser))
	wait(d.t, last.From.Add(1500*time.Millisecond))
	assert.Equal(d.t, held.Elapsed, d.clock(id, itsm.ClockResolve).Elapsed, "the clock stands")

	d.act(who, id, "resume", map[string]any{})
	stood := d.eventsOf(id, itsm.EventIncidentResumed)[0].Time.Sub(d.eventsOf(id, itsm.EventIncidentHeld)[0].Time)
	after := d.clock(id, itsm.ClockResolve)
	require.NotNil(d.t, after.Due)
	assert.Equal(d.t, before.Due.Add(stood), *after.Due)
}

// resolveTwice resolves an incident that was not resolved the first time.
func (d *devProcess) resolveTwice(id, who string) {
	d.t.Helper()
	fix := map[string]any{"cause": "deployment", "fix": "restarted", "comment": "The queue hung"}
	without := d.send(http.MethodPost, "/v1/incidents/"+id+"/resolve", who, "", map[string]any{"cause": "deployment"})
	assert.Equal(d.t, http.StatusUnprocessableEntity, without.status, "%s", without.body)
	d.act(who, id, "resolve", fix)
	assert.Contains(d.t, d.tasksOf("maria"), id+".review", "the service's owner looks back")
	assert.NotNil(d.t, d.clock(id, itsm.ClockResolve).Stopped)

	d.act("tom", id, "reopen", map[string]any{"comment": "France still fails"})
	d.awaitIncident(id, "its second page", func(i itsm.IncidentDetail) bool { return len(i.Pages) == 2 })
	assert.NotContains(d.t, d.tasksOf("maria"), id+".review", "nobody looks back before it is over")
	assert.NotNil(d.t, d.clock(id, itsm.ClockResolve).Due, "its clock goes on")
	d.act(who, id, "resolve", fix)
	assert.Equal(d.t, itsm.IncidentResolved, d.incident(id).Phase)
}

// review looks back on a major incident, and does what follows from it.
func (d *devProcess) review(id string) {
	d.t.Helper()
	complete := func(as, task string, body any) reply {
		return d.send(http.MethodPost, "/v1/tasks/"+id+"."+task+"/complete", as, "", body)
	}
	due := time.Now().Add(24 * time.Hour).UTC().Truncate(time.Second)
	actions := []map[string]any{{"title": "Watch the queue", "who": "chen", "due": due}, {"title": "Rehearse the fix", "who": "bob"}}
	nobody := complete("maria", "review", map[string]any{"actions": []map[string]any{{"title": "Watch", "who": "nobody"}}})
	assert.Equal(d.t, string(itsm.CodePersonUnknown), nobody.code(), "%s", nobody.body)
	other := complete("raj", "review", map[string]any{"actions": actions})
	assert.Equal(d.t, string(itsm.CodeTaskNotYours), other.code(), "%s", other.body)
	done := complete("maria", "review", map[string]any{"lessons": "Nobody watched the queue", "actions": actions})
	require.True(d.t, done.ok(), "%s", done.body)
	assert.Equal(d.t, "Nobody watched the queue", d.incident(id).Review.Lessons)

	assert.Contains(d.t, d.tasksOf("chen"), id+".action.1")
	require.True(d.t, complete("chen", "action.1", map[string]any{}).ok())
	assert.Equal(d.t, itsm.IncidentResolved, d.incident(id).Phase, "it waits for the other action")
	require.True(d.t, complete("bob", "action.2", map[string]any{}).ok())
}

func TestMaintenanceKeepsPeopleAsleepVisibly(t *testing.T) {
	t.Parallel()
	d := startDev(t)
	d.applyAcme("http://127.0.0.1:1")
	announce := func(service string, to time.Time) {
		r := d.send(http.MethodPost, "/v1/maintenances", "alice", "", map[string]any{"service": service, "to": to, "reason": "New disks"})
		require.Equal(t, http.StatusCreated, r.status, "%s", r.body)
	}
	announce("payments", time.Now().Add(time.Hour))
	long := d.raise(alarm{Service: "payments", Key: "disk", Title: "Disk gone", Severity: itsm.SeverityError}).Incident
	quiet := d.awaitIncident(long, "the reason for its silence", func(i itsm.IncidentDetail) bool { return i.Ladder.Suppressed != "" })
	assert.Contains(t, quiet.Ladder.Suppressed, "MNT-1")
	assert.Contains(t, quiet.Ladder.Suppressed, "New disks")
	assert.Empty(t, quiet.Pages)
	assert.Len(t, d.eventsOf(long, itsm.EventPagingSuppressed), 1)
	d.act("raj", long, "escalate", map[string]any{"comment": "This is no maintenance any more"})
	d.awaitIncident(long, "help that was asked for", isPaged)

	end := time.Now().Add(4 * time.Second)
	announce("ledger", end)
	short := d.raise(alarm{Service: "ledger", Key: "disk", Title: "Disk gone", Severity: itsm.SeverityError}).Incident
	paged := d.awaitIncident(short, "its page", isPaged)
	assert.Len(t, d.eventsOf(short, itsm.EventPagingSuppressed), 1)
	assert.Len(t, d.eventsOf(short, itsm.EventPagingAllowed), 1)
	assert.False(t, paged.Pages[0].At.Before(end.Truncate(time.Microsecond)), "not before it ended")
	assert.Empty(t, paged.Ladder.Suppressed)
}

// keepFiring raises an alert again and again, until stop tells to which
// incidents it belonged.
func (d *devProcess) keepFiring(a alarm) (stop func() []string) {
	ending, incidents := make(chan struct{}), make(chan []string)
	go func() {
		var seen []string
		for {
			select {
			case <-ending:
				incidents <- slices.Compact(seen)
				return
			default:
				var raised api.Raised
				r := d.insist(http.MethodPost, "/v1/alerts", "", "", a)
				assert.NoError(d.t, json.Unmarshal(r.body, &raised), "%s", r.body)
				seen = append(seen, raised.Incident)
			}
		}
	}()
	return func() []string {
		close(ending)
		return <-incidents
	}
}

func TestMergedIncidentsAlertGoesOnWithTheOther(t *testing.T) {
	t.Parallel()
	d := startDev(t)
	d.applyAcme("http://127.0.0.1:1")
	d.closeSoon()
	queue := alarm{Service: "payments", Key: "queue", Title: "Queue grows", Severity: itsm.SeverityError}
	slow := alarm{Service: "payments", Key: "slow", Title: "Payments are slow", Severity: itsm.SeverityWarning}
	one, other := d.raise(queue).Incident, d.raise(slow).Incident
	require.NotEqual(t, one, other)
	firing := d.keepFiring(slow)
	d.act("alice", other, "merge", map[string]any{"into": one, "comment": "The queue makes them slow"})
	d.awaitIncident(one, "what was merged", func(i itsm.IncidentDetail) bool { return len(i.Absorbed) == 1 })
	for range 5 {
		assert.Equal(t, one, d.raise(slow).Incident)
	}
	for _, id := range firing() {
		assert.Contains(t, []string{one, other}, id, "there is no third")
	}
	assert.Equal(t, itsm.OutcomeMerged, d.awaitEnd(other).Outcome)
	refused := d.send(http.MethodPost, "/v1/incidents/"+other+"/acknowledge", "alice", "", map[string]any{})
	assert.Equal(t, string(itsm.CodeProcessClosed), refused.code())
	assert.Contains(t, string(refused.body), one, "it says where to go on")

	alerts := d.alertsOf(one)
	require.Len(t, alerts, 2)
	assert.GreaterOrEqual(t, alerts["slow"].Repeats, 5)
	queue.Status, slow.Status = itsm.AlertResolved, itsm.AlertResolved
	d.raise(queue)
	assert.NotEqual(t, itsm.IncidentResolved, d.incident(one).Phase, "the other alert is not over")
	assert.Equal(t, one, d.raise(slow).Incident)
	assert.Equal(t, itsm.OutcomeResolved, d.awaitEnd(one).Outcome)
	assert.Len(t, all[itsm.View](d, "/v1/processes?"), 2)
	d.checkJournal(one)
	d.checkJournal(other)
}

// carefulModel is taken back when the worst happens in its early life.
const carefulModel = `apiVersion: steward/v1
kind: TransitionModel
metadata: {name: careful, owner: change-managers}
spec:
  type: standard
  stages:
    - name: rollout
      steps:
        - {task: Deploy by hand, assign: {person: alice}, undo: {call: POST URL/rollback, timeout: 1s, within: 1m}}
  earlyLife: {for: 1d, rollBackWhen: 'incidents.exists(i, i.priority == "P1")'}
`

func TestIncidentInEarlyLifeTakesTheTransitionBack(t *testing.T) {
	t.Parallel()
	server := newDeployments(t, func(http.ResponseWriter, request) {})
	d := startDev(t)
	d.applyAcme(server.url)
	d.apply(strings.ReplaceAll(carefulModel, "URL", server.url))
	change := d.open("alice", "change", map[string]any{
		"model": "careful", "service": "payments", "title": "Payments 4.3",
		"plannedStart": time.Now().UTC().Add(time.Second), "plannedEnd": time.Now().UTC().Add(time.Hour),
	})
	d.awaitStep(change, "rollout.1", itsm.StepRunning)

	during := d.raise(alarm{Service: "payments", Key: "restarts", Title: "Payments restart", Severity: itsm.SeverityError}).Incident
	quiet := d.awaitIncident(during, "the reason for its silence", func(i itsm.IncidentDetail) bool { return i.Ladder.Suppressed != "" })
	assert.Contains(t, quiet.Ladder.Suppressed, change)
	assert.Empty(t, quiet.Pages)

	d.do("alice", "/v1/tasks/"+change+".rollout.1/complete", map[string]any{})
	d.awaitPhase(change, itsm.PhaseEarlyLife)
	after := d.raise(alarm{Service: "payments", Key: "slow", Title: "Payments are slow", Severity: itsm.SeverityWarning}).Incident
	known := func(priority string) func(itsm.View) bool {
		return func(v itsm.View) bool {
			early := transitionDetail(v).EarlyLife
			if early == nil || len(early.Incidents) != 1 {
				return false
			}
			var facts itsm.IncidentFacts
			return json.Unmarshal(early.Incidents[0], &facts) == nil && facts.ID == after && facts.Priority == priority
		}
	}
	mild := d.await(change, "an incident that is not bad", known("P3"))
	assert.Equal(t, itsm.PhaseEarlyLife, mild.Phase)
	assert.Equal(t, []string{change}, d.incident(after).Transitions)
	d.act("bob", after, "classify", map[string]any{"impact": "high", "urgency": "high", "comment": "Nobody can pay"})
	end := d.awaitEnd(change)
	assert.Equal(t, itsm.OutcomeRolledBack, end.Outcome)
	assert.True(t, known("P1")(end))
	assert.Len(t, server.of(change, "/rollback"), 1)
	d.checkJournal(change)
	d.checkJournal(after)
}
