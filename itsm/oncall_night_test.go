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

// acmePrimary is the schedule payments-primary of examples/acme.
func acmePrimary(t require.TestingT) *itsm.Schedule {
	return schedule(t, berlin, []itsm.Layer{rotation(t, "2026-01-05T09:00", "1w")},
		override(t, "2026-12-24T09:00:00+01:00", "2026-12-27T09:00:00+01:00", "chen"))
}

func TestWhoIsCalledAtThreeInTheMorning(t *testing.T) {
	t.Parallel()
	primary := acmePrimary(t)
	second := rotation(t, "2026-01-05T09:00", "1w")
	second.People = []string{"bob", "chen", "alice"}
	secondary := schedule(t, berlin, []itsm.Layer{second})
	for _, c := range []struct{ at, first, second string }{
		{"2026-01-05T09:00:00+01:00", "alice", "bob"},
		{"2026-01-12T03:00:00+01:00", "alice", "bob"},
		{"2026-01-12T09:00:00+01:00", "bob", "chen"},
		{"2026-03-30T08:59:59+02:00", "chen", "alice"},
		{"2026-03-30T09:00:00+02:00", "alice", "bob"},
		{"2026-10-25T03:00:00+01:00", "chen", "alice"},
		{"2026-10-26T08:59:59+01:00", "chen", "alice"},
		{"2026-10-26T09:00:00+01:00", "alice", "bob"},
		{"2026-12-25T03:00:00+01:00", "chen", "alice"},
		{"2026-12-31T23:59:59+01:00", "alice", "bob"},
		{"2028-02-29T03:00:00+01:00", "bob", "chen"},
	} {
		at := instant(t, c.at)
		assert.Equal(t, []string{c.first}, people(primary, at), c.at)
		assert.Equal(t, []string{c.second}, people(secondary, at), c.at)
	}
}

// dayAndNight has one layer by day and another by night, which hand over at
// half past two: in the hour that is missing, or comes twice.
func dayAndNight(t require.TestingT, zoneName, starts string) *itsm.Schedule {
	byDay := rotation(t, starts, "1d", on(t, "02:30-20:00", everyDay...)...)
	byNight := rotation(t, starts, "1w", slices.Concat(on(t, "20:00-24:00", everyDay...), on(t, "00:00-02:30", everyDay...))...)
	byDay.Name, byNight.Name = "day", "night"
	byNight.People = []string{"dana", "erik"}
	return schedule(t, zoneName, []itsm.Layer{byDay, byNight})
}

func TestDayAndNightHaveNeitherGapNorOverlapWhenClocksChange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, zone, starts string
		midnight           string // before the change
		handover           string // from the night to the day
		night              time.Duration
	}{
		{"Berlin, spring", berlin, "2026-03-23T02:30", "2026-03-29T00:00:00+01:00", "2026-03-29T03:00:00+02:00", 6 * time.Hour},
		{"Berlin, autumn", berlin, "2026-10-19T02:30", "2026-10-25T00:00:00+02:00", "2026-10-25T02:30:00+02:00", 6*time.Hour + 30*time.Minute},
		{"New York, spring", newYork, "2026-03-02T02:30", "2026-03-08T00:00:00-05:00", "2026-03-08T03:00:00-04:00", 6 * time.Hour},
		{"New York, autumn", newYork, "2026-10-26T02:30", "2026-11-01T00:00:00-04:00", "2026-11-01T02:30:00-05:00", 7*time.Hour + 30*time.Minute},
		{"Sydney, spring", sydney, "2026-09-28T02:30", "2026-10-04T00:00:00+10:00", "2026-10-04T03:00:00+11:00", 6 * time.Hour},
		{"Sydney, autumn", sydney, "2026-03-30T02:30", "2026-04-05T00:00:00+11:00", "2026-04-05T02:30:00+11:00", 6*time.Hour + 30*time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, midnight, handover := dayAndNight(t, c.zone, c.starts), instant(t, c.midnight), instant(t, c.handover)
			assert.Empty(t, s.Gaps(midnight.Add(-48*time.Hour), midnight.Add(72*time.Hour)))
			for at := midnight.Add(-24 * time.Hour); at.Before(midnight.Add(48 * time.Hour)); at = at.Add(7 * time.Minute) {
				require.Len(t, s.OnCall(at), 1, "at %s", at)
			}
			before, after := s.OnCall(handover.Add(-1))[0], s.OnCall(handover)[0]
			assert.Equal(t, "night", before.Layer)
			assert.Equal(t, "day", after.Layer)
			assert.Equal(t, "alice", after.Person, "the seventh day: alice again")
			assert.Equal(t, []time.Time{handover, handover}, []time.Time{before.To, after.From})
			assert.Equal(t, c.night, before.To.Sub(before.From))
		})
	}
}

func TestLeapDayHasItsOwnTurn(t *testing.T) {
	t.Parallel()
	s := schedule(t, sydney, []itsm.Layer{rotation(t, "2028-02-28T00:00", "1d", on(t, "08:00-18:00", everyDay...)...)})
	var turns []string
	for _, shift := range s.Shifts(instant(t, "2028-02-28T00:00:00+11:00"), instant(t, "2028-03-02T00:00:00+11:00")) {
		turns = append(turns, fmt.Sprint(shift.Person, shift.From.In(zone(t, sydney)).Format(" Jan 2 15:04"), shift.To.Sub(shift.From)))
	}
	assert.Equal(t, []string{"alice Feb 28 08:0010h0m0s", "bob Feb 29 08:0010h0m0s", "chen Mar 1 08:0010h0m0s"}, turns)
}

func TestOverrideMayBeginInOnePassOfTheHourThatComesTwice(t *testing.T) {
	t.Parallel()
	s := schedule(t, berlin, []itsm.Layer{rotation(t, "2026-10-19T09:00", "1w")},
		override(t, "2026-10-25T02:30:00+01:00", "2026-10-25T09:00:00+01:00", "dana"))
	assert.Equal(t, []string{"alice"}, people(s, instant(t, "2026-10-25T02:30:00+02:00")), "the first pass")
	assert.Equal(t, []string{"alice"}, people(s, instant(t, "2026-10-25T02:29:59+01:00")))
	assert.Equal(t, []string{"dana"}, people(s, instant(t, "2026-10-25T02:30:00+01:00")), "the second")
	assert.Equal(t, []string{"alice"}, people(s, instant(t, "2026-10-25T09:00:00+01:00")))
}

func TestOverrideStandsInForAllLayersAlsoOutsideTheirHours(t *testing.T) {
	t.Parallel()
	second := rotation(t, "2026-01-05T09:00", "1w", on(t, "08:00-18:00", weekdays...)...)
	second.Name, second.People = "second", []string{"dana"}
	s := schedule(t, berlin, []itsm.Layer{rotation(t, "2026-01-05T09:00", "1w", on(t, "09:00-17:00", weekdays...)...), second},
		override(t, "2026-01-06T16:00:00+01:00", "2026-01-06T20:00:00+01:00", "erik"))
	for at, want := range map[string][]string{
		"15:59:59": {"alice", "dana"}, "16:00:00": {"erik"}, "19:59:59": {"erik"}, "20:00:00": {},
	} {
		assert.Equal(t, want, people(s, instant(t, "2026-01-06T"+at+"+01:00")), at)
	}
}

// onWall says who is on call by nothing but what Go's time package shows on the
// wall, in months in which no clock changes.
func onWall(l itsm.Layer, loc *time.Location, start, at time.Time, every int) []string {
	if at.Before(start) {
		return []string{}
	}
	turn := 0
	for !start.AddDate(0, 0, (turn+1)*every).After(at) {
		turn++
	}
	wall := at.In(loc)
	minute := wall.Hour()*60 + wall.Minute()
	open := len(l.Restrictions) == 0 || slices.ContainsFunc(l.Restrictions, func(h itsm.Hours) bool {
		return h.Weekday == wall.Weekday() && h.From <= minute && minute < h.To
	})
	if !open {
		return []string{}
	}
	return []string{l.People[turn%len(l.People)]}
}

func TestWallsAgreeWithWhoIsOnCall(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		loc := zone(t, rapid.SampledFrom([]string{"UTC", berlin, newYork, sydney, "Asia/Kolkata"}).Draw(t, "zone"))
		month := rapid.SampledFrom([]time.Month{time.February, time.July}).Draw(t, "month")
		start := time.Date(2028, month, rapid.IntRange(1, 5).Draw(t, "day"), rapid.IntRange(0, 23).Draw(t, "hour"), 30, 0, 0, loc)
		every := rapid.SampledFrom([]int{1, 2, 7}).Draw(t, "every")
		l := rotation(t, start.Format("2006-01-02T15:04"), fmt.Sprintf("%dd", every))
		if rapid.Bool().Draw(t, "restricted") {
			l.Restrictions = append(on(t, "08:00-18:00", weekdays...), on(t, "22:15-24:00", time.Saturday)...)
		}
		s, err := itsm.NewSchedule(loc, []itsm.Layer{l}, nil)
		require.NoError(t, err)
		for range 10 {
			at := start.Add(time.Duration(rapid.IntRange(-3600, 24*24*3600).Draw(t, "after")) * time.Second)
			require.Equal(t, onWall(l, loc, start, at, every), people(s, at), "at %s", at)
		}
	})
}
