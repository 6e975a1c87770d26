package store_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
)

// intake is what alerts are by the book: all in memory, one after the other.
type intake struct {
	alerts    map[string]*known
	incidents map[string]itsm.State // "" until it is recorded
	opened    int
}

type known struct {
	alert    itsm.Alert
	incident string
	told     int
	repeats  int
}

// raise says what the store must answer.
func (in *intake) raise(a itsm.Alert, times int) store.Raised {
	k := in.alerts[a.Key]
	if k == nil || in.incidents[k.incident] == itsm.StateClosed {
		if a.Status != itsm.AlertFiring {
			return store.Raised{}
		}
		in.opened++
		k = &known{alert: a, incident: itsm.KindIncident.ID(int64(in.opened)), repeats: times - 1}
		in.alerts[a.Key], in.incidents[k.incident] = k, ""
		return store.Raised{Incident: k.incident, New: true, Alert: a, Repeats: k.repeats}
	}
	k.say(a, times)
	raised := store.Raised{
		Incident: k.incident, New: in.incidents[k.incident] == "", Changed: k.told < k.alert.Change, Repeats: k.repeats,
	}
	if raised.New || raised.Changed {
		raised.Alert = k.alert
	}
	return raised
}

func (k *known) say(a itsm.Alert, times int) {
	before := k.alert
	switch {
	case a.Status == itsm.AlertFiring:
		k.repeats += times
		if before.Status == itsm.AlertFiring && !a.Severity.WorseThan(before.Severity) {
			return
		}
		k.alert = a
		if before.Severity.WorseThan(a.Severity) {
			k.alert.Severity = before.Severity
		}
	case a.Status == before.Status, a.Status == itsm.AlertAcknowledged && before.Status == itsm.AlertResolved:
		return
	default:
		k.alert.Status = a.Status
	}
	k.alert.Change = before.Change + 1
}

// Whatever is raised, told, begun, closed and merged in whatever order: the
// store answers as the book says.
func TestIntakeGoesByTheBook(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		opened, round := 0, 0
		rapid.Check(t, func(t *rapid.T) {
			round++
			in := &intake{alerts: map[string]*known{}, incidents: map[string]itsm.State{}, opened: opened}
			defer func() { opened = in.opened }()
			for range rapid.IntRange(1, 25).Draw(t, "steps") {
				in.step(t, b, fmt.Sprint(round))
			}
			for key, k := range in.alerts {
				require.Contains(t, alertsOf(t, b, k.incident), store.AlertState{
					Alert: k.alert, Repeats: k.repeats, FirstAt: noon, LastAt: noon,
				}, key)
			}
			for incident, state := range in.incidents {
				if state == itsm.StateOpen {
					mustRecord(t, b.Store, closing(incident, 2, "resolved")) // leaves the inboxes empty
				}
			}
		})
	})
}

func (in *intake) step(t *rapid.T, b bundle, round string) {
	key := "key-" + round + rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key")
	k := in.alerts[key]
	does := rapid.SampledFrom([]string{"raise", "raise", "raise", "raise", "tell", "begin", "close", "merge"}).Draw(t, "does")
	switch {
	case does == "raise":
		in.mustRaise(t, b, key)
	case k == nil:
	case does == "tell":
		change := rapid.IntRange(0, k.alert.Change).Draw(t, "change")
		require.NoError(t, b.AlertTold(contextOf(t), "payments", key, k.incident, change))
		k.told = max(k.told, change)
	case does == "begin" && in.incidents[k.incident] == "":
		mustRecord(t, b.Store, opening(k.incident))
		in.incidents[k.incident] = itsm.StateOpen
	case does == "close" && in.incidents[k.incident] == itsm.StateOpen:
		mustRecord(t, b.Store, closing(k.incident, 2, "resolved"))
		in.incidents[k.incident] = itsm.StateClosed
	case does == "merge":
		in.merge(t, b, k.incident)
	}
}

func (in *intake) mustRaise(t *rapid.T, b bundle, key string) {
	alert := firing(key, rapid.SampledFrom([]itsm.Severity{itsm.SeverityInfo, itsm.SeverityWarning, itsm.SeverityError, itsm.SeverityCritical}).Draw(t, "severity"))
	alert.Status = rapid.SampledFrom([]itsm.AlertStatus{itsm.AlertFiring, itsm.AlertFiring, itsm.AlertResolved, itsm.AlertAcknowledged}).Draw(t, "status")
	alert.Title = rapid.SampledFrom([]string{"slow", "slower"}).Draw(t, "title")
	times := rapid.IntRange(1, 3).Draw(t, "times")
	raised, err := b.Raise(contextOf(t), store.Raise{Alert: alert, Times: times, At: noon})
	require.NoError(t, err)
	require.Equal(t, in.raise(alert, times), raised)
}

// merge hands over to the incident of any other alert.
func (in *intake) merge(t *rapid.T, b bundle, from string) {
	for _, key := range slices.Sorted(maps.Keys(in.alerts)) {
		to := in.alerts[key].incident
		if to == from {
			continue
		}
		err := b.HandOverAlerts(contextOf(t), from, to)
		if in.incidents[to] == itsm.StateClosed {
			require.Equal(t, itsm.CodeProcessClosed, itsm.ErrorCode(err))
			return
		}
		require.NoError(t, err)
		for _, k := range in.alerts {
			if k.incident == from {
				k.incident = to
			}
		}
		return
	}
}
