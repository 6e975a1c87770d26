package workflows_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

const policyOfTests = `  priority:
    high: {high: P1, medium: P2, low: P3}
    medium: {high: P2, medium: P3, low: P4}
    low: {high: P3, medium: P4, low: P5}
  targets:
    P1: {respond: 15m, resolve: 4h, clock: always}
    P2: {respond: 30m, resolve: 8h, clock: always}
    P3: {respond: 4h, resolve: 3d, clock: always}
    P4: {respond: 8h, resolve: 5d, clock: always}
    P5: {respond: 2d, resolve: 10d, clock: always}
  warnAt: 75%
  pause: [waiting-for-user]
  autoClose: 5d
`

const ladderOfTests = `  steps:
    - {tell: [{person: alice}], wait: 5m}
    - {tell: [{person: bob}], wait: 10m}
    - {tell: [{person: maria}], wait: 15m}
  repeat: 1
  acknowledgedFor: 1h
`

// outage is a world in which an incident runs.
type outage struct {
	*world
	rungs       [][]string // whom each names; nil: one person each
	suppressed  func(at time.Time) *itsm.PagingSuppressed
	transitions []string
	handed      []workflows.HandOverRequest
}

func newOutage(t *testing.T) *outage {
	t.Helper()
	o := &outage{world: newWorld(t), rungs: [][]string{{"alice"}, {"bob"}, {"maria"}}}
	o.env.RegisterActivityWithOptions(o.find, activity.RegisterOptions{Name: workflows.ActivityFind})
	o.env.RegisterActivityWithOptions(o.handOver, activity.RegisterOptions{Name: workflows.ActivityHandOver})
	return o
}

func (o *outage) find(_ context.Context, request workflows.FindRequest) (itsm.IncidentFindings, error) {
	var found itsm.IncidentFindings
	if request.Wanted.People {
		found.Owner, found.Support = []string{"maria"}, []string{"alice", "bob"}
	}
	if request.Wanted.Clocks {
		respond := itsm.ClockRule{Target: duration(o.t, "15m"), WarnAt: 0.75}.Read(request.Respond, request.At)
		resolve := itsm.ClockRule{Target: duration(o.t, "4h"), WarnAt: 0.75}.Read(request.Resolve, request.At)
		found.Respond, found.Resolve = &respond, &resolve
	}
	if request.Wanted.Rung {
		found.Rung = o.rungs[request.Rung]
		if o.suppressed != nil {
			found.Suppressed = o.suppressed(request.At)
		}
	}
	if request.Wanted.Transitions {
		found.Transitions = o.transitions
	}
	return found, nil
}

func (o *outage) handOver(_ context.Context, request workflows.HandOverRequest) error {
	o.handed = append(o.handed, request)
	return nil
}

func duration(t *testing.T, text string) itsm.Duration {
	t.Helper()
	d, err := itsm.ParseDuration(text)
	require.NoError(t, err)
	return d
}

func (o *outage) input() workflows.IncidentInput {
	o.t.Helper()
	policy, ladder := carried(o.t, "IncidentPolicy", "p", policyOfTests), carried(o.t, "EscalationPolicy", "e", ladderOfTests)
	return workflows.IncidentInput{
		ID: "INC-1", Command: by("raj", "start"), Reporter: itsm.Person("raj"), Title: "Payments are down",
		Class:   itsm.Classification{Impact: itsm.LevelHigh, Urgency: itsm.LevelHigh},
		Service: carried(o.t, "Service", "payments", "  owner: maria\n  supportGroup: payments-team\n"),
		Policy:  &policy, Escalation: &ladder,
	}
}

func (o *outage) start() string {
	o.t.Helper()
	return o.startWith(o.input())
}

func (o *outage) startWith(input workflows.IncidentInput) string {
	o.t.Helper()
	o.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: input.ID})
	o.env.ExecuteWorkflow(workflows.IncidentWorkflow, input)
	require.True(o.t, o.env.IsWorkflowCompleted())
	require.NoError(o.t, o.env.GetWorkflowError())
	var result workflows.IncidentResult
	require.NoError(o.t, o.env.GetWorkflowResult(&result))
	return result.Outcome
}

func (o *outage) acknowledge(person string) *answer {
	return o.send(workflows.UpdateAcknowledge, "ack/"+person, workflows.PlainArgs{Command: by(person, "ack/"+person)})
}

func (o *outage) resolve(person string) *answer {
	return o.send(workflows.UpdateResolve, "resolve/"+person, workflows.ResolveArgs{Command: by(person, "resolve/"+person), Cause: "capacity", Fix: "restarted"})
}

// pages lists whom each page called, and how long after the start.
func (o *outage) pages() (pages []string) {
	for _, event := range o.journal {
		var data itsm.PageSent
		if event.Type == itsm.EventPageSent {
			require.NoError(o.t, json.Unmarshal(event.Data, &data))
			pages = append(pages, data.To[0]+" "+event.Time.Sub(monday).String())
		}
	}
	return pages
}

func TestLadderPagesOneRungAfterTheOtherUntilSomebodyAcknowledges(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	o.at(16*time.Minute, func() { o.acknowledge("maria") })
	o.at(30*time.Minute, func() { o.resolve("maria") })

	assert.Equal(t, itsm.OutcomeResolved, o.start())

	assert.Equal(t, []string{"alice 0s", "bob 5m0s", "maria 15m0s"}, o.pages())
	assert.Equal(t, 5*day+30*time.Minute, o.view.Closed.Sub(monday), "it closes by itself after the policy's time")
	assert.Equal(t, 1, count(o.types(), itsm.EventClockBreached), "the clock to respond was breached a minute before")
}

func TestUnacknowledgedLadderRepeatsAndIsThenExhausted(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	o.at(2*time.Hour, func() { o.resolve("maria") })
	o.start()
	assert.Equal(t, []string{
		"alice 0s", "bob 5m0s", "maria 15m0s", "alice 30m0s", "bob 35m0s", "maria 45m0s",
	}, o.pages())
	assert.Equal(t, time.Hour, timeOf(t, o.world, itsm.EventLadderExhausted).Sub(monday))
}

func TestRungThatNamesNobodyIsPassedAtOnceAndRecorded(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	o.rungs[0] = nil
	o.at(time.Minute, func() { o.resolve("bob") })
	o.start()
	assert.Equal(t, []string{"bob 0s"}, o.pages())
	assert.Equal(t, 1, count(o.types(), itsm.EventRungPassed))
}

func TestSilenceAfterAnAcknowledgementLetsTheLadderGoOn(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	o.at(time.Minute, func() { o.acknowledge("alice") })
	o.at(40*time.Minute, func() { o.send(workflows.UpdateNote, "n", workflows.PlainArgs{Command: by("alice", "n")}) })
	o.at(3*time.Hour, func() { o.resolve("bob") })
	o.start()
	assert.Equal(t, "bob 1h40m0s", o.pages()[1], "an hour after the last sign of life, where it stopped")
}

func TestSuppressedPagingIsVisibleAndEndsWithTheMaintenance(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	until := monday.Add(40 * time.Minute)
	o.suppressed = func(at time.Time) *itsm.PagingSuppressed {
		if at.Before(until) {
			return &itsm.PagingSuppressed{Until: &until, Why: "maintenance MNT-1"}
		}
		return nil
	}
	var meanwhile itsm.View
	o.at(20*time.Minute, func() { meanwhile = o.view })
	o.at(41*time.Minute, func() { o.resolve("alice") })
	o.start()
	assert.Equal(t, []string{"alice 40m0s"}, o.pages())
	assert.Contains(t, string(meanwhile.Detail), "maintenance MNT-1")
}

func TestPausedClockOfResolutionIsDueLater(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	o.at(time.Minute, func() { o.acknowledge("alice") })
	o.at(time.Hour, func() {
		o.send(workflows.UpdateHold, "h", workflows.NamedArgs{Command: by("alice", "h"), Name: string(itsm.IncidentWaitingUser)})
	})
	o.at(7*time.Hour, func() { o.send(workflows.UpdateResume, "r", workflows.PlainArgs{Command: by("alice", "r")}) })
	o.at(11*time.Hour, func() { o.resolve("alice") })
	o.start()
	assert.Equal(t, 10*time.Hour, timeOf(t, o.world, itsm.EventClockBreached).Sub(monday), "four hours that count, and six that do not")
}

func TestMergedIncidentHandsItsAlertsOver(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	told := ""
	o.env.OnSignalExternalWorkflow("default-test-namespace", "INC-7", "", workflows.SignalAbsorbed, workflows.Absorbed{Incident: "INC-1"}).
		Return(func(string, string, string, string, any) error { told = "INC-7"; return nil })
	o.at(time.Minute, func() {
		o.send(workflows.UpdateMerge, "m", workflows.NamedArgs{Command: by("alice", "m"), Name: "INC-7"})
	})
	assert.Equal(t, itsm.OutcomeMerged, o.start())
	assert.Equal(t, []workflows.HandOverRequest{{From: "INC-1", To: "INC-7"}}, o.handed)
	assert.Equal(t, "INC-7", told)
}

// Whatever a crash left in the journal stands: no rung is skipped, none is paged
// twice.
func TestLadderGoesOnFromWhateverACrashLeft(t *testing.T) {
	t.Parallel()
	whole := newOutage(t)
	whole.at(50*time.Minute, func() { whole.resolve("maria") })
	whole.start()
	for n := range whole.steps {
		if whole.steps[n].events == len(whole.journal) {
			break // it was over
		}
		o := newOutage(t)
		o.main = whole.main
		o.recordedBy(whole.world, n)
		o.at(3*time.Hour, func() { o.resolve("maria") })
		assert.Equal(t, itsm.OutcomeResolved, o.start(), "after step %d", n)
		assert.Len(t, o.pages(), 6, "after step %d", n)
	}
}

func TestLongHistoryOfAnIncidentGoesOnInANewOne(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	o.at(6*time.Minute, func() {
		o.env.SetContinueAsNewSuggested(true)
		o.send(workflows.UpdateNote, "n", workflows.PlainArgs{Command: by("alice", "n")})
	})
	input := o.input()
	o.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: input.ID})
	o.env.ExecuteWorkflow(workflows.IncidentWorkflow, input)
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, o.env.GetWorkflowError(), &again)

	next := newOutage(t)
	next.main = o.main
	next.recordedBy(o.world, len(o.steps)-1)
	next.at(20*time.Minute, func() { next.resolve("maria") })
	var carried workflows.IncidentInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &carried))
	assert.Equal(t, itsm.OutcomeResolved, next.startWith(carried))
	assert.Equal(t, 1, count(next.types(), itsm.EventIncidentOpened))
}
