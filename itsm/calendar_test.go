package itsm_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

func calendar(t require.TestingT, zoneName string, weekly []itsm.Hours, exceptions ...itsm.Exception) *itsm.Calendar {
	c, err := itsm.NewCalendar(zone(t, zoneName), weekly, exceptions)
	require.NoError(t, err)
	return c
}

// officeHours is the calendar of that name in examples/acme.
func officeHours(t require.TestingT) *itsm.Calendar {
	return calendar(t, berlin, on(t, "08:00-18:00", weekdays...),
		itsm.Exception{From: civil(t, "2026-12-24"), To: civil(t, "2026-12-26"), Title: "Christmas", Closed: true},
		itsm.Exception{From: civil(t, "2027-01-01"), To: civil(t, "2027-01-01"), Title: "New Year", Closed: true})
}

// changeWindow is the calendar of that name in examples/acme.
func changeWindow(t require.TestingT) *itsm.Calendar {
	return calendar(t, berlin, slices.Concat(
		on(t, "06:00-08:00", time.Tuesday, time.Wednesday, time.Thursday),
		on(t, "22:00-24:00", time.Saturday), on(t, "00:00-06:00", time.Sunday)))
}

func TestWorkingTimeIsElapsedTimeInOpenHours(t *testing.T) {
	t.Parallel()
	always := func(zoneName string) *itsm.Calendar { return calendar(t, zoneName, on(t, "00:00-24:00", everyDay...)) }
	cases := []struct {
		name     string
		calendar *itsm.Calendar
		from, to string
		want     time.Duration
	}{
		{"a morning", officeHours(t), "2026-01-05T07:00:00+01:00", "2026-01-05T12:00:00+01:00", 4 * time.Hour},
		{"over a weekend", officeHours(t), "2026-01-09T17:00:00+01:00", "2026-01-12T09:00:00+01:00", 2 * time.Hour},
		{"over Christmas", officeHours(t), "2026-12-23T17:00:00+01:00", "2026-12-28T08:30:00+01:00", 90 * time.Minute},
		{"backwards", officeHours(t), "2026-01-05T12:00:00+01:00", "2026-01-05T08:00:00+01:00", 0},
		{"Saturday night to Sunday", changeWindow(t), "2026-01-10T21:00:00+01:00", "2026-01-11T12:00:00+01:00", 8 * time.Hour},
		{"Saturday night in spring", changeWindow(t), "2026-03-28T12:00:00+01:00", "2026-03-29T12:00:00+02:00", 7 * time.Hour},
		{"Saturday night in autumn", changeWindow(t), "2026-10-24T12:00:00+02:00", "2026-10-25T12:00:00+01:00", 9 * time.Hour},
		{"Berlin, spring day", always(berlin), "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00", 23 * time.Hour},
		{"Berlin, autumn day", always(berlin), "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00", 25 * time.Hour},
		{"New York, spring day", always(newYork), "2026-03-08T00:00:00-05:00", "2026-03-09T00:00:00-04:00", 23 * time.Hour},
		{"New York, autumn day", always(newYork), "2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00", 25 * time.Hour},
		{"Sydney, spring day", always(sydney), "2026-10-04T00:00:00+10:00", "2026-10-05T00:00:00+11:00", 23 * time.Hour},
		{"Sydney, autumn day", always(sydney), "2026-04-05T00:00:00+11:00", "2026-04-06T00:00:00+10:00", 25 * time.Hour},
		{"leap day", always(berlin), "2028-02-28T00:00:00+01:00", "2028-03-01T00:00:00+01:00", 48 * time.Hour},
		{"no leap day", always(berlin), "2027-02-28T00:00:00+01:00", "2027-03-01T00:00:00+01:00", 24 * time.Hour},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, c.calendar.Working(instant(t, c.from), instant(t, c.to)))
		})
	}
}

func TestHoursThatTouchAChangeOfTheClocks(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, zone, hours, date, opens, closes string }{
		{"Berlin, begin in the gap", berlin, "02:30-06:00", "2026-03-29", "2026-03-29T03:00:00+02:00", "2026-03-29T06:00:00+02:00"},
		{"Berlin, end in the gap", berlin, "00:00-02:30", "2026-03-29", "2026-03-29T00:00:00+01:00", "2026-03-29T03:00:00+02:00"},
		{"Berlin, begin doubled", berlin, "02:30-06:00", "2026-10-25", "2026-10-25T02:30:00+02:00", "2026-10-25T06:00:00+01:00"},
		{"Berlin, end doubled", berlin, "00:00-02:30", "2026-10-25", "2026-10-25T00:00:00+02:00", "2026-10-25T02:30:00+02:00"},
		{"New York, begin in the gap", newYork, "02:15-06:00", "2026-03-08", "2026-03-08T03:00:00-04:00", "2026-03-08T06:00:00-04:00"},
		{"New York, end doubled", newYork, "00:00-01:15", "2026-11-01", "2026-11-01T00:00:00-04:00", "2026-11-01T01:15:00-04:00"},
		{"Sydney, end in the gap", sydney, "00:00-02:15", "2026-10-04", "2026-10-04T00:00:00+10:00", "2026-10-04T03:00:00+11:00"},
		{"Sydney, begin doubled", sydney, "02:15-06:00", "2026-04-05", "2026-04-05T02:15:00+11:00", "2026-04-05T06:00:00+10:00"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			day := civil(t, c.date)
			loc := zone(t, c.zone)
			intervals := calendar(t, c.zone, on(t, c.hours, day.Weekday())).Intervals(day.In(loc), day.AddDays(1).In(loc))
			open := slices.DeleteFunc(intervals, func(i itsm.Interval) bool { return !i.Open })
			require.Len(t, open, 1)
			assert.Equal(t, instant(t, c.opens), open[0].From)
			assert.Equal(t, instant(t, c.closes), open[0].To)
		})
	}
}

func TestHoursWhollyInTheGapDoNotOpen(t *testing.T) {
	t.Parallel()
	c := calendar(t, berlin, on(t, "02:00-02:45", time.Sunday))
	next, ok := c.NextOpen(instant(t, "2026-03-29T00:00:00+01:00"))
	assert.True(t, ok)
	assert.Equal(t, instant(t, "2026-04-05T02:00:00+02:00"), next)
}

func TestIntervalsSayWhyTheyCount(t *testing.T) {
	t.Parallel()
	interval := func(from, to string, open bool, why string) itsm.Interval {
		return itsm.Interval{From: instant(t, from), To: instant(t, to), Open: open, Why: why}
	}
	assert.Equal(t, []itsm.Interval{
		interval("2026-12-23T12:00:00+01:00", "2026-12-23T18:00:00+01:00", true, "hours"),
		interval("2026-12-23T18:00:00+01:00", "2026-12-24T00:00:00+01:00", false, "outside hours"),
		interval("2026-12-24T00:00:00+01:00", "2026-12-27T00:00:00+01:00", false, "exception: Christmas"),
		interval("2026-12-27T00:00:00+01:00", "2026-12-28T08:00:00+01:00", false, "outside hours"),
		interval("2026-12-28T08:00:00+01:00", "2026-12-28T09:00:00+01:00", true, "hours"),
	}, officeHours(t).Intervals(instant(t, "2026-12-23T12:00:00+01:00"), instant(t, "2026-12-28T09:00:00+01:00")))
}

func TestHoursToMidnightAndFromMidnightAreOneInterval(t *testing.T) {
	t.Parallel()
	got := changeWindow(t).Intervals(instant(t, "2026-01-10T20:00:00+01:00"), instant(t, "2026-01-11T08:00:00+01:00"))
	require.Len(t, got, 3)
	assert.Equal(t, itsm.Interval{
		From: instant(t, "2026-01-10T22:00:00+01:00"), To: instant(t, "2026-01-11T06:00:00+01:00"), Open: true, Why: "hours",
	}, got[1])
}

func TestIntervalsOfNoTimeAreNone(t *testing.T) {
	t.Parallel()
	at := instant(t, "2026-01-05T12:00:00Z")
	assert.Empty(t, officeHours(t).Intervals(at, at))
	assert.Empty(t, officeHours(t).Intervals(at, at.Add(-time.Hour)))
}

func TestExceptionThatIsNotClosedIsOpenAllDay(t *testing.T) {
	t.Parallel()
	freeze := calendar(t, berlin, nil,
		itsm.Exception{From: civil(t, "2026-12-18"), To: civil(t, "2027-01-04"), Title: "Year-end freeze"})
	assert.False(t, freeze.Open(instant(t, "2026-12-17T23:59:59+01:00")))
	assert.True(t, freeze.Open(instant(t, "2026-12-18T00:00:00+01:00")))
	assert.True(t, freeze.Open(instant(t, "2027-01-04T23:59:59+01:00")))
	assert.False(t, freeze.Open(instant(t, "2027-01-05T00:00:00+01:00")))

	_, ok := freeze.NextOpen(instant(t, "2027-01-05T00:00:00+01:00"))
	assert.False(t, ok)
}

func TestExceptionMayHaveItsOwnHoursAndTheLastOneCounts(t *testing.T) {
	t.Parallel()
	c := calendar(t, berlin, on(t, "08:00-18:00", weekdays...),
		itsm.Exception{From: civil(t, "2026-12-21"), To: civil(t, "2026-12-31"), Title: "Works holiday", Closed: true},
		itsm.Exception{
			From: civil(t, "2026-12-29"), To: civil(t, "2026-12-29"), Title: "Stocktaking",
			Hours: []itsm.Span{span(t, "14:00-15:00"), span(t, "09:00-10:00")},
		})
	assert.Equal(t, 2*time.Hour, c.Working(instant(t, "2026-12-21T00:00:00+01:00"), instant(t, "2027-01-01T00:00:00+01:00")))
	noon := instant(t, "2026-12-29T12:00:00+01:00")
	assert.Equal(t, "exception: Stocktaking", c.Intervals(noon, noon.Add(time.Minute))[0].Why)
}

func TestCalendarThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	day := civil(t, "2026-12-24")
	hours := func(text string) []itsm.Hours { return on(t, text, time.Monday) }
	cases := []struct {
		name   string
		zone   *time.Location
		weekly []itsm.Hours
		except itsm.Exception
	}{
		{"no zone", nil, nil, itsm.Exception{From: day, To: day}},
		{"ends before it begins", time.UTC, hours("18:00-08:00"), itsm.Exception{From: day, To: day}},
		{"no time", time.UTC, hours("08:00-08:00"), itsm.Exception{From: day, To: day}},
		{"past midnight", time.UTC, hours("08:00-24:01"), itsm.Exception{From: day, To: day}},
		{"overlap", time.UTC, append(hours("12:00-18:00"), hours("08:00-12:01")...), itsm.Exception{From: day, To: day}},
		{"no such weekday", time.UTC, []itsm.Hours{{Weekday: 7, From: 0, To: 60}}, itsm.Exception{From: day, To: day}},
		{"no date", time.UTC, nil, itsm.Exception{From: day}},
		{"time of day", time.UTC, nil, itsm.Exception{From: day, To: civil(t, "2026-12-24T12:00")}},
		{"dates swapped", time.UTC, nil, itsm.Exception{From: day, To: day.AddDays(-1)}},
		{"closed with hours", time.UTC, nil, itsm.Exception{From: day, To: day, Closed: true, Hours: []itsm.Span{{From: 0, To: 60}}}},
		{"overlap in exception", time.UTC, nil, itsm.Exception{From: day, To: day, Hours: []itsm.Span{{From: 0, To: 60}, {From: 30, To: 90}}}},
	}
	for _, c := range cases {
		_, err := itsm.NewCalendar(c.zone, c.weekly, []itsm.Exception{c.except})
		assert.Equal(t, itsm.CodeDefinitionInvalid, itsm.ErrorCode(err), c.name)
	}
}
