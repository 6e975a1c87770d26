package itsm_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/itsm"
)

func schedule(t require.TestingT, zoneName string, layers []itsm.Layer, overrides ...itsm.Override) *itsm.Schedule {
	s, err := itsm.NewSchedule(zone(t, zoneName), layers, overrides)
	require.NoError(t, err)
	return s
}

// rotation takes turns of alice, bob and chen.
func rotation(t require.TestingT, starts, every string, restrictions ...itsm.Hours) itsm.Layer {
	return itsm.Layer{
		Name: "first", People: []string{"alice", "bob", "chen"},
		Starts: civil(t, starts), Every: duration(t, every), Restrictions: restrictions,
	}
}

func override(t require.TestingT, from, to, person string) itsm.Override {
	return itsm.Override{From: instant(t, from), To: instant(t, to), Person: person}
}

// people gives who is on call, in order of name.
func people(s *itsm.Schedule, at time.Time) []string {
	names := []string{}
	for _, shift := range s.OnCall(at) {
		names = append(names, shift.Person)
	}
	slices.Sort(names)
	return names
}

func TestTurnsFollowTheLocalClock(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, zone, starts, every string
		handover                  string // an instant at which one person hands over to the next
		from, to                  string
	}{
		{"first handover", berlin, "2026-01-05T09:00", "1w", "2026-01-12T09:00:00+01:00", "alice", "bob"},
		{"the first again", berlin, "2026-01-05T09:00", "1w", "2026-01-26T09:00:00+01:00", "chen", "alice"},
		{"same local time in summer", berlin, "2026-01-05T09:00", "1w", "2026-03-30T09:00:00+02:00", "chen", "alice"},
		{"Berlin, in the missing hour", berlin, "2026-03-28T02:30", "1d", "2026-03-29T03:00:00+02:00", "alice", "bob"},
		{"Berlin, the day after the missing hour", berlin, "2026-03-28T02:30", "1d", "2026-03-30T02:30:00+02:00", "bob", "chen"},
		{"Berlin, in the doubled hour", berlin, "2026-10-24T02:30", "1d", "2026-10-25T02:30:00+02:00", "alice", "bob"},
		{"Berlin, the day after the doubled hour", berlin, "2026-10-24T02:30", "1d", "2026-10-26T02:30:00+01:00", "bob", "chen"},
		{"New York, in the missing hour", newYork, "2026-03-07T02:30", "1d", "2026-03-08T03:00:00-04:00", "alice", "bob"},
		{"New York, in the doubled hour", newYork, "2026-10-31T01:30", "1d", "2026-11-01T01:30:00-04:00", "alice", "bob"},
		{"Sydney, in the missing hour", sydney, "2026-10-03T02:30", "1d", "2026-10-04T03:00:00+11:00", "alice", "bob"},
		{"Sydney, in the doubled hour", sydney, "2026-04-04T02:30", "1d", "2026-04-05T02:30:00+11:00", "alice", "bob"},
		{"hours are elapsed time in spring", berlin, "2026-03-28T21:00", "12h", "2026-03-29T10:00:00+02:00", "alice", "bob"},
		{"hours are elapsed time in autumn", berlin, "2026-10-24T21:00", "12h", "2026-10-25T08:00:00+01:00", "alice", "bob"},
		{"leap day", berlin, "2028-02-28T09:00", "1d", "2028-03-01T09:00:00+01:00", "bob", "chen"},
		{"years later", newYork, "2026-01-05T09:00", "1w", "2046-01-08T09:00:00-05:00", "chen", "alice"},
		{"last day of a leap year", newYork, "2028-12-30T09:00", "1d", "2028-12-31T09:00:00-05:00", "alice", "bob"},
		{"days and hours", berlin, "2026-03-28T09:00", "1d12h", "2026-03-29T21:00:00+02:00", "alice", "bob"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := schedule(t, c.zone, []itsm.Layer{rotation(t, c.starts, c.every)})
			at := instant(t, c.handover)
			before, after := s.OnCall(at.Add(-1)), s.OnCall(at)
			require.Len(t, before, 1)
			require.Len(t, after, 1)
			assert.Equal(t, []string{c.from, c.to}, []string{before[0].Person, after[0].Person})
			assert.Equal(t, []time.Time{at, at}, []time.Time{before[0].To, after[0].From})
		})
	}
}

func TestTurnOfADateThatWasLeftOutIsNoShift(t *testing.T) {
	t.Parallel()
	s := schedule(t, "Pacific/Apia", []itsm.Layer{rotation(t, "2011-12-29T00:00", "1d")})
	var names []string
	for _, shift := range s.Shifts(instant(t, "2011-12-29T12:00:00-10:00"), instant(t, "2011-12-31T12:00:00+14:00")) {
		names = append(names, shift.Person)
	}
	assert.Equal(t, []string{"alice", "chen"}, names, "bob's day did not happen")
}

func TestNobodyIsOnCallBeforeTheStart(t *testing.T) {
	t.Parallel()
	s := schedule(t, berlin, []itsm.Layer{rotation(t, "2026-01-05T09:00", "1w")})
	start := instant(t, "2026-01-05T09:00:00+01:00")
	assert.Empty(t, s.OnCall(start.Add(-1)))
	assert.Empty(t, s.OnCall(time.Time{}))
	assert.Equal(t, []string{"alice"}, people(s, start))
	assert.Equal(t, []itsm.Interval{{From: start.Add(-time.Hour), To: start, Why: "nobody is on call"}},
		s.Gaps(start.Add(-time.Hour), start.Add(time.Hour)))
}

func TestLayersAreOnCallTogether(t *testing.T) {
	t.Parallel()
	second := rotation(t, "2026-01-05T09:00", "1w")
	second.Name, second.People = "second", []string{"bob", "chen", "alice"}
	s := schedule(t, berlin, []itsm.Layer{rotation(t, "2026-01-05T09:00", "1w"), second})
	assert.Equal(t, []string{"alice", "bob"}, people(s, instant(t, "2026-01-06T00:00:00Z")))
	assert.Equal(t, []string{"bob", "chen"}, people(s, instant(t, "2026-01-13T00:00:00Z")))
}

func TestOverrideStandsInForEveryoneAndTheLastCounts(t *testing.T) {
	t.Parallel()
	s := schedule(t, berlin, []itsm.Layer{rotation(t, "2026-01-05T09:00", "1w")},
		override(t, "2026-12-24T09:00:00+01:00", "2026-12-27T09:00:00+01:00", "chen"),
		override(t, "2026-12-25T09:00:00+01:00", "2026-12-26T09:00:00+01:00", "dana"))
	shift := func(from, to, person, layer string) itsm.Shift {
		return itsm.Shift{From: instant(t, from), To: instant(t, to), Person: person, Layer: layer, Override: layer == ""}
	}
	assert.Equal(t, []itsm.Shift{
		shift("2026-12-21T09:00:00+01:00", "2026-12-24T09:00:00+01:00", "chen", "first"),
		shift("2026-12-24T09:00:00+01:00", "2026-12-25T09:00:00+01:00", "chen", ""),
		shift("2026-12-25T09:00:00+01:00", "2026-12-26T09:00:00+01:00", "dana", ""),
		shift("2026-12-26T09:00:00+01:00", "2026-12-27T09:00:00+01:00", "chen", ""),
		shift("2026-12-27T09:00:00+01:00", "2026-12-28T09:00:00+01:00", "chen", "first"),
	}, s.Shifts(instant(t, "2026-12-22T00:00:00Z"), instant(t, "2026-12-28T08:00:00Z")))
}

func TestOverrideFillsAGap(t *testing.T) {
	t.Parallel()
	s := schedule(t, berlin, nil, override(t, "2026-12-24T09:00:00Z", "2026-12-24T10:00:00Z", "chen"))
	gaps := s.Gaps(instant(t, "2026-12-24T08:00:00Z"), instant(t, "2026-12-24T12:00:00Z"))
	require.Len(t, gaps, 2)
	assert.Equal(t, instant(t, "2026-12-24T09:00:00Z"), gaps[0].To)
	assert.Equal(t, instant(t, "2026-12-24T10:00:00Z"), gaps[1].From)
}

func TestRestrictionsCutTurns(t *testing.T) {
	t.Parallel()
	s := schedule(t, berlin, []itsm.Layer{rotation(t, "2026-03-23T12:00", "1w", on(t, "08:00-18:00", time.Monday, time.Friday)...)})
	got := s.Shifts(instant(t, "2026-03-27T00:00:00Z"), instant(t, "2026-03-31T00:00:00Z"))
	lines := []string{}
	for _, shift := range got {
		lines = append(lines, fmt.Sprint(shift.Person, " ", shift.From.Format("02 15:04"), " - ", shift.To.Format("02 15:04")))
	}
	assert.Equal(t, []string{
		"alice 27 07:00 - 27 17:00",
		"alice 30 06:00 - 30 10:00",
		"bob 30 10:00 - 30 16:00",
	}, lines)
}

func TestScheduleThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	good := rotation(t, "2026-01-05T09:00", "1w")
	with := func(change func(*itsm.Layer)) []itsm.Layer {
		l := good
		change(&l)
		return []itsm.Layer{l}
	}
	at := instant(t, "2026-01-05T09:00:00Z")
	cases := []struct {
		name      string
		zone      *time.Location
		layers    []itsm.Layer
		overrides []itsm.Override
	}{
		{"no zone", nil, []itsm.Layer{good}, nil},
		{"two of one name", time.UTC, []itsm.Layer{good, good}, nil},
		{"nobody", time.UTC, with(func(l *itsm.Layer) { l.People = nil }), nil},
		{"nameless person", time.UTC, with(func(l *itsm.Layer) { l.People = []string{""} }), nil},
		{"no start", time.UTC, with(func(l *itsm.Layer) { l.Starts = itsm.Civil{} }), nil},
		{"short turns", time.UTC, with(func(l *itsm.Layer) { l.Every = duration(t, "59m") }), nil},
		{"bad hours", time.UTC, with(func(l *itsm.Layer) { l.Restrictions = []itsm.Hours{{From: 60, To: 60}} }), nil},
		{"override of nobody", time.UTC, nil, []itsm.Override{{From: at, To: at.Add(time.Hour)}}},
		{"override of no time", time.UTC, nil, []itsm.Override{{From: at, To: at, Person: "chen"}}},
	}
	for _, c := range cases {
		_, err := itsm.NewSchedule(c.zone, c.layers, c.overrides)
		assert.Equal(t, itsm.CodeDefinitionInvalid, itsm.ErrorCode(err), c.name)
	}
}

// drawnSchedule keeps what a schedule was made of, to be asked in another way.
type drawnSchedule struct {
	*itsm.Schedule
	location  *time.Location
	layers    []itsm.Layer
	overrides []itsm.Override
}

// drawSchedule makes a schedule of which something happens around an instant.
func drawSchedule(t *rapid.T, around time.Time) drawnSchedule {
	near := func(days int, label string) time.Time {
		return around.Add(time.Duration(rapid.IntRange(-days*24*60, 3*24*60).Draw(t, label)) * time.Minute)
	}
	d := drawnSchedule{location: drawZone(t)}
	for n := range rapid.IntRange(0, 3).Draw(t, "layers") {
		l := itsm.Layer{
			Name: fmt.Sprint("layer ", n), People: []string{"alice", "bob", "chen"}[:rapid.IntRange(1, 3).Draw(t, "people")],
			Starts: civil(t, near(30, "starts").Format("2006-01-02T15:04")),
			Every:  duration(t, rapid.SampledFrom([]string{"1h", "12h", "1d", "2d", "1w", "1d12h"}).Draw(t, "every")),
		}
		if rapid.Bool().Draw(t, "restricted") {
			l.Restrictions = append(on(t, "02:15-18:00", weekdays...), on(t, "00:30-02:45", time.Sunday)...)
		}
		d.layers = append(d.layers, l)
	}
	for n := range rapid.IntRange(0, 3).Draw(t, "overrides") {
		from := near(5, "override")
		d.overrides = append(d.overrides, itsm.Override{
			From: from, To: drawLater(t, from, "override until").Add(time.Second), Person: fmt.Sprint("override ", n),
		})
	}
	var err error
	d.Schedule, err = itsm.NewSchedule(d.location, d.layers, d.overrides)
	require.NoError(t, err)
	return d
}

// expected counts turns one by one from the start of each layer.
func (d drawnSchedule) expected(t require.TestingT, at time.Time) []string {
	for _, o := range slices.Backward(d.overrides) {
		if !at.Before(o.From) && at.Before(o.To) {
			return []string{o.Person}
		}
	}
	names := []string{}
	for _, l := range d.layers {
		turn := 0
		for ; !d.handover(l, turn).After(at); turn++ {
		}
		hours, err := itsm.NewCalendar(d.location, l.Restrictions, nil)
		require.NoError(t, err)
		if turn > 0 && (len(l.Restrictions) == 0 || hours.Open(at)) {
			names = append(names, l.People[(turn-1)%len(l.People)])
		}
	}
	slices.Sort(names)
	return names
}

func (d drawnSchedule) handover(l itsm.Layer, turn int) time.Time {
	elapsed := time.Duration(l.Every.Clock) * time.Second * time.Duration(turn)
	return l.Starts.AddDays((l.Every.Days + 7*l.Every.Weeks) * turn).In(d.location).Add(elapsed)
}

func TestEveryInstantHasExactlyThePeopleItsLayersSay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from := drawInstant(t, "at")
		d := drawSchedule(t, from)
		for n := range 20 {
			at := from.Add(time.Duration(n) * 37 * time.Minute)
			require.Equal(t, d.expected(t, at), people(d.Schedule, at), "at %s", at)
		}
	})
}

func TestShiftsAgreeWithWhoIsOnCall(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from := drawInstant(t, "from")
		d := drawSchedule(t, from)
		to := drawLater(t, from, "to")
		shifts := d.Shifts(from, to)
		assert.True(t, slices.IsSortedFunc(shifts, func(a, b itsm.Shift) int { return a.From.Compare(b.From) }))
		for _, shift := range shifts {
			require.True(t, shift.From.Before(shift.To))
			assert.Contains(t, d.OnCall(shift.From), shift)
			assert.Contains(t, d.OnCall(shift.To.Add(-1)), shift)
			assert.NotContains(t, d.OnCall(shift.To), shift)
		}
		at := from.Add(to.Sub(from) / 3)
		holding := slices.DeleteFunc(slices.Clone(shifts), func(s itsm.Shift) bool { return at.Before(s.From) || !at.Before(s.To) })
		if at.Before(to) {
			assert.ElementsMatch(t, d.OnCall(at), holding)
		}
	})
}

func TestGapsAreWhereNobodyIsOnCall(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from := drawInstant(t, "from")
		d := drawSchedule(t, from)
		to := drawLater(t, from, "to").Add(time.Second)
		gaps := d.Gaps(from, to)
		for _, gap := range gaps {
			require.True(t, gap.From.Before(gap.To))
			assert.Empty(t, d.Shifts(gap.From, gap.To))
		}
		at := from.Add(to.Sub(from) / 2)
		inGap := slices.ContainsFunc(gaps, func(g itsm.Interval) bool { return !at.Before(g.From) && at.Before(g.To) })
		assert.Equal(t, len(d.OnCall(at)) == 0, inGap)
	})
}
