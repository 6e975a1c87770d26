package activities

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
	"github.com/steward-itsm/steward/workflows"
)

// incident asks for what INC-1 wants to know, which alice reported of payments
// and which began just now.
func (b bundle) incident(t *testing.T, priority string, wanted itsm.IncidentWants, at time.Time) workflows.FindRequest {
	t.Helper()
	policy, escalation := b.carried(t, "IncidentPolicy", "standard-incidents"), b.carried(t, "EscalationPolicy", "payments-escalation")
	return workflows.FindRequest{
		Process: "INC-1", Wanted: wanted, At: at, Reporter: itsm.Person("alice"),
		Facts: itsm.IncidentFacts{
			ID: "INC-1", Title: "No payment is booked", Service: "payments", Category: "software", Impact: itsm.LevelHigh, Urgency: itsm.LevelHigh,
			Priority: priority, State: "new", Reporter: "alice", Opened: at,
		},
		Service: b.carried(t, definition.KindService, "payments"), Policy: &policy, Escalation: &escalation,
		Calendars: []workflows.Definition{b.carried(t, definition.KindCalendar, "office-hours")},
		Respond:   itsm.Clock{Started: at}, Resolve: itsm.Clock{Started: at},
	}
}

func (b bundle) find(t *testing.T, request workflows.FindRequest) itsm.IncidentFindings {
	t.Helper()
	found, err := b.FindForIncident(t.Context(), request)
	require.NoError(t, err)
	return found
}

// transitionIn puts a transition of payments into a phase.
func (b bundle) transitionIn(t *testing.T, id string, phase itsm.Phase, state itsm.State, planned *itsm.Period) {
	t.Helper()
	at := utc(t, "2026-01-01 12:00")
	detail, err := json.Marshal(itsm.TransitionDetail{Phase: phase, Planned: planned})
	require.NoError(t, err)
	_, err = b.Store.Record(t.Context(), itsm.Record{
		Process: id, Snapshot: json.RawMessage(`{}`),
		Events: []itsm.Event{{Process: id, Number: 1, Time: at, Type: itsm.EventTransitionOpened, Actor: itsm.Person("raj")}},
		View: itsm.View{
			ID: id, Kind: itsm.KindTransition, Summary: "Payments 4.2", State: state, Phase: phase, Requester: itsm.Person("raj"),
			Service: "payments", Opened: at, Updated: at, LastEvent: 1, Detail: detail,
		},
	})
	require.NoError(t, err)
}

var everything = itsm.IncidentWants{People: true, Clocks: true, Major: true, Rung: true, Transitions: true}

func TestOnlyWhatAnIncidentWantsIsFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.transitionIn(t, "CHG-1", itsm.PhaseEarlyLife, itsm.StateOpen, nil)
	at := utc(t, "2026-01-07 12:00")
	owner, support, rung, attached := []string{"maria"}, []string{"alice", "bob", "chen"}, []string{"alice"}, []string{"CHG-1"}

	all := b.find(t, b.incident(t, "P1", everything, at))
	require.NotNil(t, all.Respond)
	require.NotNil(t, all.Resolve)
	assert.Equal(t, at.Add(15*time.Minute), *all.Respond.Due)
	assert.Equal(t, at.Add(4*time.Hour), *all.Resolve.Due)
	assert.Equal(t, at.Add(3*time.Hour), *all.Resolve.WarnAt)
	assert.Equal(t, itsm.IncidentFindings{
		Owner: owner, Support: support, Respond: all.Respond, Resolve: all.Resolve, Major: true, Rung: rung, Transitions: attached,
	}, all)

	for name, c := range map[string]struct {
		wanted itsm.IncidentWants
		want   itsm.IncidentFindings
	}{
		"nothing":     {itsm.IncidentWants{}, itsm.IncidentFindings{}},
		"people":      {itsm.IncidentWants{People: true}, itsm.IncidentFindings{Owner: owner, Support: support}},
		"clocks":      {itsm.IncidentWants{Clocks: true}, itsm.IncidentFindings{Respond: all.Respond, Resolve: all.Resolve}},
		"major":       {itsm.IncidentWants{Major: true}, itsm.IncidentFindings{Major: true}},
		"rung":        {itsm.IncidentWants{Rung: true}, itsm.IncidentFindings{Rung: rung}},
		"transitions": {itsm.IncidentWants{Transitions: true}, itsm.IncidentFindings{Transitions: attached}},
	} {
		assert.Equal(t, c.want, b.find(t, b.incident(t, "P1", c.wanted, at)), name)
	}
}

func TestServiceWithoutPoliciesPromisesNothingAndTellsNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	request := b.incident(t, "", everything, utc(t, "2026-01-07 12:00"))
	request.Policy, request.Escalation, request.Calendars = nil, nil, nil
	assert.Equal(t, itsm.IncidentFindings{Owner: []string{"maria"}, Support: []string{"alice", "bob", "chen"}}, b.find(t, request))
}

func TestClocksFollowThePriority(t *testing.T) {
	t.Parallel()
	b := setup(t)
	friday := utc(t, "2026-03-06 16:00") // 17:00 in Berlin
	clocks := itsm.IncidentWants{Clocks: true}

	found := b.find(t, b.incident(t, "P3", clocks, friday))
	assert.Equal(t, utc(t, "2026-03-09 10:00"), *found.Respond.Due, "one hour on Friday, three on Monday")

	paused := b.incident(t, "P3", clocks, friday)
	paused.Resolve.Pauses = []itsm.Pause{{From: friday, Why: "waiting-for-user"}}
	found = b.find(t, paused)
	assert.Nil(t, found.Resolve.Due, "it stands still")
	assert.NotNil(t, found.Respond.Due)

	found = b.find(t, b.incident(t, "P9", clocks, friday))
	assert.Equal(t, itsm.IncidentFindings{}, found, "nothing is promised for it")

	lost := b.incident(t, "P3", itsm.IncidentWants{Clocks: true, Major: true, Rung: true}, friday)
	lost.Calendars = nil
	found = b.find(t, lost)
	assert.Nil(t, found.Resolve)
	assert.Equal(t, []string{`the clocks of P3: there is no Calendar "office-hours"; apply one`}, found.Problems)
	assert.NotEmpty(t, found.Rung, "the rest is found all the same")
}

func TestMajorIsJudgedByThePolicy(t *testing.T) {
	t.Parallel()
	b := setup(t, `{apiVersion: steward/v1, kind: IncidentPolicy, metadata: {name: dividing}, spec: {
		priority: {high: {high: P1, medium: P1, low: P1}, medium: {high: P1, medium: P1, low: P1}, low: {high: P1, medium: P1, low: P1}},
		targets: {P1: {respond: 1h, resolve: 1d}}, major: 10 / incident.repeats > 1 && service.tier == 1}}`)
	at := utc(t, "2026-01-07 12:00")
	for priority, want := range map[string]bool{"P1": true, "P2": false} {
		assert.Equal(t, want, b.find(t, b.incident(t, priority, itsm.IncidentWants{Major: true}, at)).Major, priority)
	}
	request := b.incident(t, "P1", itsm.IncidentWants{Major: true, People: true}, at)
	dividing := b.carried(t, "IncidentPolicy", "dividing")
	request.Policy = &dividing
	found := b.find(t, request)
	assert.False(t, found.Major)
	assert.NotEmpty(t, found.Owner)
	require.Len(t, found.Problems, 1)
	assert.Contains(t, found.Problems[0], "declare it by hand if it is one")
	request.Facts.Repeats = 3
	assert.True(t, b.find(t, request).Major)
}

func TestIncidentIsNotHeldUpByAServiceWithoutOwner(t *testing.T) {
	t.Parallel()
	b := setup(t)
	request := b.incident(t, "P1", everything, utc(t, "2026-01-07 12:00"))
	doc := b.docs[store.Ref{Kind: definition.KindService, Name: "payments"}]
	request.Service.Document = replaced(t, doc.Canonical, `"owner":"maria"`, `"owner":"ghost"`)
	found := b.find(t, request)
	assert.Equal(t, []string{`the owner of service payments: there is no Person "ghost"; apply one`}, found.Problems)
	assert.Equal(t, []string{"alice", "bob", "chen"}, found.Support)
	assert.Equal(t, []string{"alice"}, found.Rung)
	assert.NotNil(t, found.Resolve)
}

func TestWhatTheDatabaseKeepsBackIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, wanted := range map[string]itsm.IncidentWants{
		"people": {People: true}, "rung": {Rung: true}, "transitions": {Transitions: true},
	} {
		b := setup(t)
		require.NoError(t, b.Store.Close())
		_, err := b.FindForIncident(t.Context(), b.incident(t, "P1", wanted, utc(t, "2026-01-07 12:00")))
		require.Error(t, err, name)
		_, refused := workflows.Refusal(err)
		assert.False(t, refused, name)
	}
}

func TestAlertsOfAMergedIncidentBelongToTheOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := utc(t, "2026-01-07 12:00")
	raised, err := b.Store.Raise(t.Context(), store.Raise{At: at, Alert: itsm.Alert{
		Service: "payments", Key: "disk", Title: "Disk full", Severity: itsm.SeverityError, Status: itsm.AlertFiring,
	}})
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, b.HandOverAlerts(t.Context(), workflows.HandOverRequest{From: raised.Incident, To: "INC-9"}))
		alerts, err := b.Store.AlertsOf(t.Context(), "INC-9")
		require.NoError(t, err)
		assert.Len(t, alerts, 1)
	}
}
