package itsm_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

// slow is what monitoring says of payments.
func slow(status itsm.AlertStatus, severity itsm.Severity, change int) itsm.Alert {
	return itsm.Alert{
		Service: "payments", Key: "slow", Title: "Payments are slow", Severity: severity, Status: status, Change: change,
		Details: json.RawMessage(`{"p99":"4s"}`),
	}
}

// other is an alert with another key.
func other(status itsm.AlertStatus, change int) itsm.Alert {
	alert := slow(status, itsm.SeverityCritical, change)
	alert.Key = "other"
	return alert
}

// alarmed is an incident that an alert began.
func alarmed(t require.TestingT, severity itsm.Severity) *outage {
	alert := slow(itsm.AlertFiring, severity, 0)
	return newOutage(t, standardIncidents(), severity.Class(), &alert).opened()
}

func TestSeverityStandsForAClass(t *testing.T) {
	t.Parallel()
	for severity, priority := range map[itsm.Severity]string{
		itsm.SeverityCritical: "P1", itsm.SeverityError: "P2", itsm.SeverityWarning: "P3", itsm.SeverityInfo: "P5",
	} {
		assert.Equal(t, priority, alarmed(t, severity).Class.Priority, severity)
		assert.True(t, severity.IsKnown())
	}
	assert.False(t, itsm.Severity("page").IsKnown())
	assert.True(t, itsm.SeverityCritical.WorseThan(itsm.SeverityError))
	assert.False(t, itsm.SeverityError.WorseThan(itsm.SeverityError))
}

func TestAlertThatIsOverResolvesItsIncident(t *testing.T) {
	t.Parallel()
	o := alarmed(t, itsm.SeverityError).at(time.Hour)
	o.must(o.changing(slow(itsm.AlertResolved, itsm.SeverityError, 1))).isIn(itsm.IncidentResolved)
	assert.Equal(t, &itsm.Resolution{By: "steward", At: o.now, Cause: "alert-cleared", Fix: "none", Comment: "the alert is over"}, o.Resolution)
	o.at(time.Hour + 5*day).ended(itsm.OutcomeResolved)
}

func TestAlertThatIsBackReopensItsIncidentAndPages(t *testing.T) {
	t.Parallel()
	o := alarmed(t, itsm.SeverityError).at(time.Minute)
	o.must(o.changing(slow(itsm.AlertResolved, itsm.SeverityError, 1))).at(time.Hour)
	o.must(o.changing(slow(itsm.AlertFiring, itsm.SeverityError, 2))).isIn(itsm.IncidentInProgress)
	assert.Equal(t, []string{"0m page 1.1 alice", "60m page 1.1 alice"}, o.climbed())
	assert.Equal(t, "its alert fires again", o.event(itsm.EventIncidentReopened, &itsm.IncidentEvent{}).Comment)
}

func TestAlertThatBecomesWorseRaisesThePriorityAndNothingLowersIt(t *testing.T) {
	t.Parallel()
	o := alarmed(t, itsm.SeverityWarning).at(time.Minute)
	o.must(o.changing(slow(itsm.AlertFiring, itsm.SeverityCritical, 1)))
	assert.Equal(t, "P1", o.Class.Priority)
	assert.Equal(t, "its alert became critical", o.event(itsm.EventIncidentClassified, &itsm.IncidentClassified{}).Comment)
	assert.Equal(t, monday.Add(4*time.Hour), *o.Resolve.Due)

	byHand := alarmed(t, itsm.SeverityWarning)
	byHand.must(byHand.classifying(itsm.Classification{Category: "network", Impact: "high", Urgency: "high"}, "all customers"))
	byHand.must(byHand.changing(slow(itsm.AlertFiring, itsm.SeverityError, 1)))
	assert.Equal(t, itsm.Classification{Category: "network", Impact: "high", Urgency: "high", Priority: "P1"}, byHand.Class, "an error is no more than that")
	assert.Equal(t, 1, byHand.count(itsm.EventIncidentClassified))

	half := alarmed(t, itsm.SeverityWarning)
	half.must(half.classifying(classed("low", "high"), "one customer")).must(half.changing(slow(itsm.AlertFiring, itsm.SeverityError, 1)))
	assert.Equal(t, itsm.Classification{Impact: "high", Urgency: "high", Priority: "P1"}, half.Class, "each level by itself")
}

func TestAlertThatBecomesLessBadChangesNoClass(t *testing.T) {
	t.Parallel()
	o := alarmed(t, itsm.SeverityCritical)
	o.must(o.changing(slow(itsm.AlertFiring, itsm.SeverityInfo, 1)))
	assert.Equal(t, "P1", o.Class.Priority)
	assert.Equal(t, itsm.SeverityInfo, o.Alert.Severity, "what it says now is shown")
}

func TestAlertAcknowledgedElsewhereIsTakenOnOnce(t *testing.T) {
	t.Parallel()
	o := alarmed(t, itsm.SeverityError).at(time.Minute)
	o.must(o.changing(slow(itsm.AlertAcknowledged, itsm.SeverityError, 1))).isIn(itsm.IncidentInProgress)
	assert.Equal(t, "prometheus", o.Acknowledged.By)
	assert.Empty(t, o.Assignee)
	assert.Len(t, o.at(time.Hour).climbed(), 1, "the ladder rests")

	taken := alarmed(t, itsm.SeverityError)
	taken.must(taken.acknowledging("alice")).must(taken.changing(slow(itsm.AlertAcknowledged, itsm.SeverityError, 1)))
	assert.Equal(t, "alice", taken.Acknowledged.By, "who has it keeps it")
}

func TestLateChangesOfAnAlertDoNothing(t *testing.T) {
	t.Parallel()
	o := alarmed(t, itsm.SeverityError)
	o.must(o.changing(slow(itsm.AlertFiring, itsm.SeverityCritical, 3)))
	for change := range 4 {
		before := o.snapshot()
		o.must(o.changing(slow(itsm.AlertResolved, itsm.SeverityError, change)))
		assert.JSONEq(t, string(before), string(o.snapshot()), "change %d", change)
	}
	o.must(o.changing(slow(itsm.AlertResolved, itsm.SeverityError, 4))).isIn(itsm.IncidentResolved)
}

func TestEndOfAnAlertSaysNothingElseAndIsNotBelievedToo(t *testing.T) {
	t.Parallel()
	o := alarmed(t, itsm.SeverityError)
	o.must(o.changing(itsm.Alert{Service: "payments", Key: "slow", Status: itsm.AlertResolved, Change: 1}))
	assert.Equal(t, "Payments are slow", o.Alert.Title, "PagerDuty's resolve has neither title nor severity")
	assert.JSONEq(t, `{"p99":"4s"}`, string(o.Alert.Details))
	o.must(o.changing(slow(itsm.AlertFiring, itsm.SeverityError, 2)))
	assert.Zero(t, o.count(itsm.EventIncidentClassified), "it is back as it was, and no worse")
}

func TestIncidentThatClosesWithItsAlertIsTouchedNoMore(t *testing.T) {
	t.Parallel()
	rules := standardIncidents()
	rules.AutoClose = itsm.Duration{}
	alert := slow(itsm.AlertFiring, itsm.SeverityWarning, 0)
	o := newOutage(t, rules, classed("medium", "medium"), &alert).opened()
	o.must(o.changing(slow(itsm.AlertResolved, itsm.SeverityCritical, 1))).ended(itsm.OutcomeResolved)
	assert.Equal(t, itsm.EventIncidentClosed, o.events[len(o.events)-1].Type)
	o.refuses(itsm.CodeProcessClosed, o.changing(slow(itsm.AlertFiring, itsm.SeverityCritical, 2)))
}

func TestMajorIncidentIsNotOverBecauseItsAlertIs(t *testing.T) {
	t.Parallel()
	o := alarmed(t, itsm.SeverityCritical)
	o.must(o.declaring("tom")).must(o.changing(slow(itsm.AlertResolved, itsm.SeverityCritical, 1))).isIn(itsm.IncidentNew)
	assert.Equal(t, itsm.AlertResolved, o.detail().Alert.Status)
	o.must(o.solving).isIn(itsm.IncidentResolved)
}

func TestWhatPeopleReportedPeopleResolve(t *testing.T) {
	t.Parallel()
	o := reported(t, worst)
	o.must(o.absorbing("INC-2", other(itsm.AlertFiring, 0))).must(o.changing(other(itsm.AlertResolved, 1))).isIn(itsm.IncidentNew)
	assert.Nil(t, o.Alert)
	assert.Equal(t, itsm.AlertResolved, o.detail().Others[0].Status)
}

func TestIncidentIsOverWhenAllItsAlertsAre(t *testing.T) {
	t.Parallel()
	o := alarmed(t, itsm.SeverityError)
	o.must(o.absorbing("INC-2", other(itsm.AlertFiring, 0)))
	o.must(o.changing(slow(itsm.AlertResolved, itsm.SeverityError, 1))).isIn(itsm.IncidentNew)
	o.must(o.changing(slow(itsm.AlertFiring, itsm.SeverityError, 2)))
	o.must(o.changing(other(itsm.AlertResolved, 1))).isIn(itsm.IncidentNew)
	o.must(o.changing(slow(itsm.AlertResolved, itsm.SeverityError, 3))).isIn(itsm.IncidentResolved)
	o.must(o.changing(other(itsm.AlertFiring, 2))).isIn(itsm.IncidentInProgress)
}

func TestEachAlertHasItsOwnOrderOfChanges(t *testing.T) {
	t.Parallel()
	o := alarmed(t, itsm.SeverityWarning)
	o.must(o.absorbing("INC-2", other(itsm.AlertFiring, 7)))
	o.must(o.changing(slow(itsm.AlertFiring, itsm.SeverityError, 3))).must(o.changing(other(itsm.AlertAcknowledged, 8)))
	before := o.snapshot()
	o.must(o.changing(slow(itsm.AlertResolved, itsm.SeverityError, 2))).must(o.changing(other(itsm.AlertResolved, 7)))
	assert.JSONEq(t, string(before), string(o.snapshot()))
	assert.Equal(t, "slow", o.Alert.Key)
}

func TestAlertsGoOnToWhereTheirIncidentIsMerged(t *testing.T) {
	t.Parallel()
	first, second, third := alarmed(t, itsm.SeverityError), alarmed(t, itsm.SeverityError), reported(t, worst)
	second.must(second.absorbing("INC-3", other(itsm.AlertFiring, 2)))
	third.must(third.absorbing("INC-2", second.Alerts()...))
	alerts := third.Alerts()
	require.Len(t, alerts, 2)
	assert.Equal(t, []string{"slow", "other"}, []string{alerts[0].Key, alerts[1].Key})
	assert.Nil(t, alerts[0].Details, "what may be many is kept small")
	first.must(first.absorbing("INC-2", second.Alerts()...))
	assert.Len(t, first.Alerts(), 2, "the same alert is one")
	namesake := slow(itsm.AlertFiring, itsm.SeverityError, 0)
	namesake.Service = "ledger"
	first.must(first.absorbing("INC-4", namesake))
	assert.Len(t, first.Alerts(), 3, "the same key of another service is another")
	assert.NotNil(t, first.Alert.Details)
}

func TestAlertThatComesBackAgainAndAgainNoLongerResolvesItsIncident(t *testing.T) {
	t.Parallel()
	alert := itsm.Alert{Service: "payments", Key: "disk", Title: "Disk full", Severity: itsm.SeverityError, Status: itsm.AlertFiring}
	first := alert
	i := itsm.NewIncident(itsm.IncidentStart{ID: "INC-1", Service: "payments", Alert: &first, Rules: itsm.IncidentRules{AutoClose: itsm.Duration{Days: 5}}})
	at := monday
	i.Open(itsm.Command{Actor: itsm.System()}, at, nil)
	i.Find(itsm.IncidentFindings{}, at)
	for change := 1; change <= 40; change++ {
		at = at.Add(time.Minute)
		alert.Change = change
		alert.Status = []itsm.AlertStatus{itsm.AlertFiring, itsm.AlertResolved}[change%2]
		_, err := i.Changed(itsm.Command{Actor: itsm.System(), Key: "c"}, alert, at)
		require.NoError(t, err)
	}
	events, _ := i.Drain()
	reopened := 0
	for _, e := range events {
		if e.Type == itsm.EventIncidentReopened {
			reopened++
		}
	}
	assert.Equal(t, 5, reopened)
	assert.Len(t, i.Resolve.Pauses, 5, "its state is bounded")
	assert.Equal(t, itsm.IncidentInProgress, i.Phase, "somebody must look")
}

func TestMergedAlertThatFiresWakesTheResolvedIncidentAndMakesItWorse(t *testing.T) {
	t.Parallel()
	i := itsm.NewIncident(itsm.IncidentStart{ID: "INC-1", Service: "payments", Class: itsm.Classification{Impact: itsm.LevelLow, Urgency: itsm.LevelLow},
		Rules: itsm.IncidentRules{AutoClose: itsm.Duration{Days: 5}}})
	i.Open(itsm.Command{Actor: itsm.System()}, monday, nil)
	_, err := i.Resolved(itsm.Command{Actor: itsm.Person("alice")}, "unknown", "none", monday)
	require.NoError(t, err)
	alert := itsm.Alert{Service: "payments", Key: "disk", Severity: itsm.SeverityCritical, Status: itsm.AlertFiring}
	_, err = i.Absorb(itsm.Command{Actor: itsm.System()}, "INC-2", monday, alert)
	require.NoError(t, err)
	assert.Equal(t, itsm.IncidentInProgress, i.Phase)
	assert.Equal(t, itsm.LevelHigh, i.Class.Impact)
}

func TestAlertThatGetsWorseWhileItsIncidentIsHeldEndsTheHold(t *testing.T) {
	t.Parallel()
	alert := itsm.Alert{Service: "payments", Key: "disk", Severity: itsm.SeverityInfo, Status: itsm.AlertFiring}
	first := alert
	i := itsm.NewIncident(itsm.IncidentStart{ID: "INC-1", Service: "payments", Alert: &first, Class: alert.Severity.Class(),
		Rules: itsm.IncidentRules{Rungs: []itsm.Duration{{Clock: 300}}}})
	i.Open(itsm.Command{Actor: itsm.System()}, monday, nil)
	_, err := i.Hold(itsm.Command{Actor: itsm.Person("alice")}, itsm.IncidentWaitingUser, monday)
	require.NoError(t, err)
	alert.Severity, alert.Change = itsm.SeverityCritical, 1
	_, err = i.Changed(itsm.Command{Actor: itsm.System()}, alert, monday.Add(time.Hour))
	require.NoError(t, err)
	assert.Equal(t, itsm.IncidentInProgress, i.Phase)
	assert.Nil(t, i.Acknowledged)
	due, waits := i.NextDue()
	assert.True(t, waits)
	assert.Equal(t, monday.Add(time.Hour), due)
}
