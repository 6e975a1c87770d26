package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
)

// firing is an alert of payments that fires.
func firing(key string, severity itsm.Severity) itsm.Alert {
	return itsm.Alert{
		Service: "payments", Key: key, Title: "Zahlungen <zu langsam> & mehr", Severity: severity, Status: itsm.AlertFiring,
		Source: "prometheus", Details: json.RawMessage(`{"z":1.50,"a":"<&>"}`),
	}
}

// says is what comes of an alert that doesn't fire, without anything else.
func says(key string, status itsm.AlertStatus) itsm.Alert {
	return itsm.Alert{Service: "payments", Key: key, Status: status}
}

func mustRaise(t require.TestingT, b bundle, a itsm.Alert) store.Raised {
	raised, err := b.Raise(contextOf(t), store.Raise{Alert: a, At: noon})
	require.NoError(t, err)
	return raised
}

// mustBegin raises an alert and records the incident that it opens.
func mustBegin(t require.TestingT, b bundle, a itsm.Alert) (incident string) {
	raised := mustRaise(t, b, a)
	require.True(t, raised.New)
	mustRecord(t, b.Store, opening(raised.Incident))
	return raised.Incident
}

func alertsOf(t require.TestingT, b bundle, incident string) []store.AlertState {
	states, err := b.AlertsOf(contextOf(t), incident)
	require.NoError(t, err)
	return states
}

func keysOf(states []store.AlertState) []string {
	return namesOf(states, func(s store.AlertState) string { return s.Alert.Service + "/" + s.Alert.Key })
}

func TestFirstAlertOpensAnIncidentAndItsProcessIsNewUntilItIsRecorded(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		alert := firing("latency", itsm.SeverityWarning)
		given := alert
		given.Change = 7 // the store counts changes, whatever the caller says
		assert.Equal(t, store.Raised{Incident: "INC-1", New: true, Alert: alert}, mustRaise(t, b, given))
		assert.Equal(t, store.Raised{Incident: "INC-1", New: true, Alert: alert, Repeats: 1}, mustRaise(t, b, alert), "an earlier try broke off")
		mustRecord(t, b.Store, opening("INC-1"))
		assert.Equal(t, store.Raised{Incident: "INC-1", Repeats: 2}, mustRaise(t, b, alert))

		id, _, err := b.Reserve(t.Context(), store.Reservation{Actor: itsm.Person("raj"), Key: "a", Kind: itsm.KindIncident}, noon)
		require.NoError(t, err)
		assert.Equal(t, "INC-2", id, "alerts and people share the numbers")
	})
}

func TestRepeatCostsOneStatement(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustBegin(t, b, firing("latency", itsm.SeverityError))
		before := b.Statements()
		raised, err := b.Raise(t.Context(), store.Raise{Alert: firing("latency", itsm.SeverityInfo), Times: 500, At: noon.Add(time.Hour)})
		require.NoError(t, err)
		assert.EqualValues(t, 1, b.Statements()-before)
		assert.Equal(t, store.Raised{Incident: "INC-1", Repeats: 500}, raised)

		states := alertsOf(t, b, "INC-1")
		assert.Equal(t, []store.AlertState{{
			Alert: firing("latency", itsm.SeverityError), Repeats: 500, FirstAt: noon, LastAt: noon.Add(time.Hour),
		}}, states)
		for _, late := range []itsm.Severity{itsm.SeverityError, itsm.SeverityCritical} {
			mustRaise(t, b, firing("latency", late)) // as of noon
			assert.Equal(t, noon.Add(time.Hour), alertsOf(t, b, "INC-1")[0].LastAt)
		}
	})
}

func TestOnlyWhatChangesSomethingIsTold(t *testing.T) {
	const (
		fires  = itsm.AlertFiring
		acked  = itsm.AlertAcknowledged
		over   = itsm.AlertResolved
		unsaid = itsm.Severity("")
	)
	steps := []struct {
		status   itsm.AlertStatus
		severity itsm.Severity
		changed  bool
		then     itsm.AlertStatus
		worst    itsm.Severity
	}{
		{fires, itsm.SeverityInfo, false, fires, itsm.SeverityWarning},
		{fires, itsm.SeverityWarning, false, fires, itsm.SeverityWarning},
		{fires, itsm.SeverityError, true, fires, itsm.SeverityError},
		{fires, itsm.SeverityWarning, false, fires, itsm.SeverityError},
		{fires, itsm.SeverityError, false, fires, itsm.SeverityError}, // no worse than it has been
		{acked, itsm.SeverityCritical, true, acked, itsm.SeverityError},
		{acked, unsaid, false, acked, itsm.SeverityError},
		{fires, itsm.SeverityInfo, true, fires, itsm.SeverityError},
		{over, unsaid, true, over, itsm.SeverityError},
		{over, itsm.SeverityCritical, false, over, itsm.SeverityError},
		{acked, unsaid, false, over, itsm.SeverityError},
		{fires, itsm.SeverityCritical, true, fires, itsm.SeverityCritical},
		{acked, unsaid, true, acked, itsm.SeverityCritical},
		{over, unsaid, true, over, itsm.SeverityCritical},
	}
	onBoth(t, func(t *testing.T, b bundle) {
		mustBegin(t, b, firing("latency", itsm.SeverityWarning))
		changes := 0
		for i, s := range steps {
			alert := firing("latency", s.severity)
			if s.status != fires {
				alert = says("latency", s.status)
				alert.Severity = s.severity
			}
			raised := mustRaise(t, b, alert)
			assert.Equal(t, s.changed, raised.Changed, "step %d", i)
			if s.changed {
				changes++
				want := firing("latency", s.worst)
				want.Status, want.Change = s.then, changes
				assert.Equal(t, want, raised.Alert, "step %d", i)
				require.NoError(t, b.AlertTold(t.Context(), "payments", "latency", "INC-1", changes))
			}
			assert.Equal(t, []any{"INC-1", false}, []any{raised.Incident, raised.New}, "step %d", i)
			stored := alertsOf(t, b, "INC-1")[0].Alert
			assert.Equal(t, []any{s.then, s.worst}, []any{stored.Status, stored.Severity}, "step %d", i)
		}
		assert.Equal(t, 7, alertsOf(t, b, "INC-1")[0].Repeats, "only what fires is counted")
	})
}

func TestWhatEndsIsNothingWhereNoIncidentIsOpen(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		ends := func() {
			for _, status := range []itsm.AlertStatus{itsm.AlertResolved, itsm.AlertAcknowledged} {
				assert.Equal(t, store.Raised{}, mustRaise(t, b, says("latency", status)))
			}
		}
		ends()
		mustBegin(t, b, firing("latency", itsm.SeverityError))
		mustRecord(t, b.Store, closing("INC-1", 2, "resolved"))
		ends()
		assert.Equal(t, "INC-2", mustBegin(t, b, firing("latency", itsm.SeverityInfo)), "no number is lost")
	})
}

func TestAlertOfAClosedIncidentOpensAnotherFromTheBeginning(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustBegin(t, b, firing("latency", itsm.SeverityError))
		mustRaise(t, b, firing("latency", itsm.SeverityCritical))
		mustRecord(t, b.Store, closing("INC-1", 2, "resolved"))

		again := firing("latency", itsm.SeverityInfo)
		raised, err := b.Raise(t.Context(), store.Raise{Alert: again, Times: 3, At: noon.Add(time.Hour)})
		require.NoError(t, err)
		assert.Equal(t, store.Raised{Incident: "INC-2", New: true, Alert: again, Repeats: 2}, raised)
		assert.Equal(t, []store.AlertState{{Alert: again, Repeats: 2, FirstAt: noon.Add(time.Hour), LastAt: noon.Add(time.Hour)}}, alertsOf(t, b, "INC-2"))
		assert.Empty(t, alertsOf(t, b, "INC-1"))
	})
}

// Another caller may be starting the process right now: what ended must reach it.
func TestWhatEndsBeforeItsProcessIsRecordedIsKeptForIt(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustRaise(t, b, firing("latency", itsm.SeverityError))
		raised := mustRaise(t, b, says("latency", itsm.AlertResolved))
		want := firing("latency", itsm.SeverityError)
		want.Status, want.Change = itsm.AlertResolved, 1
		assert.Equal(t, store.Raised{Incident: "INC-1", New: true, Changed: true, Alert: want}, raised)
		mustRecord(t, b.Store, opening("INC-1"))
		assert.True(t, mustRaise(t, b, says("latency", itsm.AlertResolved)).Changed, "it was not told yet")
	})
}

func TestToldOnlyGoesForwardAndOnlyForItsIncident(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustBegin(t, b, firing("latency", itsm.SeverityInfo))
		mustRaise(t, b, firing("latency", itsm.SeverityWarning))
		mustRaise(t, b, firing("latency", itsm.SeverityError)) // change 2
		changed := func() bool { return mustRaise(t, b, firing("latency", itsm.SeverityError)).Changed }
		for _, c := range []struct {
			incident string
			change   int
			still    bool
		}{
			{"INC-1", 1, true},
			{"INC-9", 2, true},
			{"INC-1", 3, true}, // nothing of the kind was said
			{"INC-1", 2, false},
			{"INC-1", 1, false}, // an answer that came late
		} {
			require.NoError(t, b.AlertTold(t.Context(), "payments", "latency", c.incident, c.change))
			assert.Equal(t, c.still, changed(), "%s %d", c.incident, c.change)
		}
	})
}

func TestAlertsOfAMergedIncidentBelongToTheOther(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustBegin(t, b, firing("latency", itsm.SeverityError))
		mustBegin(t, b, firing("errors", itsm.SeverityError))
		for range 2 {
			require.NoError(t, b.HandOverAlerts(t.Context(), "INC-1", "INC-2"))
		}
		mustRecord(t, b.Store, closing("INC-1", 2, "merged"))
		assert.Equal(t, []string{"payments/errors", "payments/latency"}, keysOf(alertsOf(t, b, "INC-2")))
		assert.Equal(t, store.Raised{Incident: "INC-2", Repeats: 1}, mustRaise(t, b, firing("latency", itsm.SeverityError)))
		assert.True(t, mustRaise(t, b, says("latency", itsm.AlertResolved)).Changed)
	})
}

// merged closes an incident as the same as another.
func merged(incident, into string) itsm.Record {
	r := closing(incident, 2, itsm.OutcomeMerged)
	r.View.Detail = json.RawMessage(`{"mergedInto": "` + into + `"}`)
	return r
}

func TestAlertThatFiresBeforeItIsHandedOverOpensNoThirdIncident(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		for _, key := range []string{"one", "two", "three"} {
			mustBegin(t, b, firing(key, itsm.SeverityError))
		}
		mustRecord(t, b.Store, merged("INC-1", "INC-2"))
		mustRecord(t, b.Store, merged("INC-2", "INC-3"))
		assert.Equal(t, store.Raised{Incident: "INC-3", Repeats: 1}, mustRaise(t, b, firing("one", itsm.SeverityError)))
		assert.Equal(t, "INC-3", mustRaise(t, b, says("two", itsm.AlertResolved)).Incident)
		assert.Equal(t, []string{"payments/one", "payments/three", "payments/two"}, keysOf(alertsOf(t, b, "INC-3")))
		mustRecord(t, b.Store, merged("INC-3", "INC-1")) // in a circle
		assert.True(t, mustRaise(t, b, firing("one", itsm.SeverityError)).New)
	})
}

func TestSameKeyOfAnotherServiceIsAnotherAlert(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustBegin(t, b, firing("latency", itsm.SeverityError))
		other := firing("latency", itsm.SeverityError)
		other.Service = "ledger"
		assert.Equal(t, "INC-2", mustBegin(t, b, other))
	})
}

func TestSameNewAlertAtOnceIsOneIncident(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		const callers, keys = 50, 5
		incidents := make([]string, callers)
		raise := func(i int) {
			raised, err := b.Raise(t.Context(), store.Raise{Alert: firing(fmt.Sprint("key-", i%keys), itsm.SeverityError), Times: 1 + i, At: noon})
			assert.NoError(t, err)
			assert.True(t, raised.New)
			incidents[i] = raised.Incident
		}
		atOnce(callers, raise)
		for i, incident := range incidents {
			assert.Equal(t, incidents[i%keys], incident)
		}
		found := slices.Compact(slices.Sorted(slices.Values(incidents)))
		assert.Equal(t, []string{"INC-1", "INC-2", "INC-3", "INC-4", "INC-5"}, found, "one each, and no number is lost")

		total := 0
		for _, incident := range found {
			states := alertsOf(t, b, incident)
			require.Len(t, states, 1)
			total += states[0].Repeats
		}
		assert.Equal(t, callers*(callers+1)/2-keys, total, "every repeat is counted")
	})
}

func TestRepeatsAtOnceAddUpAndTheWorstIsTold(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustBegin(t, b, firing("latency", itsm.SeverityInfo))
		severities := []itsm.Severity{itsm.SeverityInfo, itsm.SeverityWarning, itsm.SeverityError, itsm.SeverityCritical}
		atOnce(40, func(i int) {
			_, err := b.Raise(t.Context(), store.Raise{Alert: firing("latency", severities[i%len(severities)]), At: noon})
			assert.NoError(t, err)
		})
		state := alertsOf(t, b, "INC-1")[0]
		assert.Equal(t, 40, state.Repeats)
		assert.Equal(t, itsm.SeverityCritical, state.Alert.Severity)
		assert.Contains(t, []int{1, 2, 3}, state.Alert.Change)
	})
}

// Whether an alert comes before its incident is closed or after, whoever comes
// after finds the same new incident.
func TestAlertsWhileTheIncidentIsClosedOpenExactlyOneOther(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		for round := range 10 {
			key, before := fmt.Sprint("key-", round), 2*round+1
			require.Equal(t, itsm.KindIncident.ID(int64(before)), mustBegin(t, b, firing(key, itsm.SeverityError)))
			old, another := itsm.KindIncident.ID(int64(before)), itsm.KindIncident.ID(int64(before+1))
			atOnce(12, func(i int) {
				if i == 5 {
					assertFirst(t, b, closing(old, 2, "resolved"))
					return
				}
				raised, err := b.Raise(t.Context(), store.Raise{Alert: firing(key, itsm.SeverityError), At: noon})
				assert.NoError(t, err)
				assert.Contains(t, []string{old, another}, raised.Incident)
				assert.Equal(t, raised.Incident == another, raised.New)
			})
			assert.Equal(t, another, mustRaise(t, b, firing(key, itsm.SeverityError)).Incident)
		}
	})
}

func TestOfTwoIncidentsThatAreMergedIntoEachOtherOneGoesOn(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		for round := range 10 {
			one, other := fmt.Sprintf("INC-%d", 2*round+1), fmt.Sprintf("INC-%d", 2*round+2)
			refused := make(chan error, 2)
			for _, pair := range [][2]string{{one, other}, {other, one}} {
				go func() { refused <- b.HandOverAlerts(t.Context(), pair[0], pair[1]) }()
			}
			first, second := <-refused, <-refused
			assert.NotEqual(t, first == nil, second == nil, "%v, %v", first, second)
		}
	})
}

func TestAlertThatFiresOnAfterSomebodyResolvedItsIncidentIsNews(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		alert := firing("disk", itsm.SeverityError)
		raised, err := b.Raise(t.Context(), store.Raise{Alert: alert, At: noon})
		require.NoError(t, err)
		mustRecord(t, b.Store, opening(raised.Incident))
		require.NoError(t, b.AlertsAreOver(t.Context(), raised.Incident))
		again, err := b.Raise(t.Context(), store.Raise{Alert: alert, At: noon})
		require.NoError(t, err)
		assert.True(t, again.Changed)
		assert.Equal(t, raised.Incident, again.Incident)
	})
}
