package itsm_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

// wholeDays is a calendar that is always open, in a time zone: its days have 23
// or 25 hours where the clocks change.
func wholeDays(t require.TestingT, zoneName string) *itsm.Calendar {
	return calendar(t, zoneName, on(t, "00:00-24:00", everyDay...))
}

func working(t require.TestingT, zoneName string) *itsm.Calendar {
	return calendar(t, zoneName, on(t, "08:00-18:00", weekdays...))
}

// nights are hours in which clocks change.
func nights(t require.TestingT, zoneName string) *itsm.Calendar {
	return calendar(t, zoneName, on(t, "00:00-04:00", everyDay...))
}

func promise(t require.TestingT, target string, c *itsm.Calendar) itsm.ClockRule {
	return itsm.ClockRule{Target: duration(t, target), Calendar: c, WarnAt: 0.75}
}

func running(t require.TestingT, started string) itsm.Clock {
	return itsm.Clock{Started: instant(t, started)}
}

func paused(t require.TestingT, clock itsm.Clock, from, to string) itsm.Clock {
	clock.Pause(instant(t, from), "waiting-for-user")
	if to != "" {
		clock.Resume(instant(t, to))
	}
	return clock
}

func TestClockIsDueWhenItsTargetHasPassedOnItsCalendar(t *testing.T) {
	t.Parallel()
	office := officeHours(t)
	cases := []struct {
		name          string
		calendar      *itsm.Calendar
		started       string
		target        string
		counts        time.Duration // what the target comes to
		due, warnedAt string
	}{
		{"P1 responds", nil, "2026-01-05T03:00:00Z", "15m", 15 * time.Minute, "2026-01-05T03:15:00Z", "2026-01-05T03:11:15Z"},
		{"over midnight", nil, "2026-01-05T23:50:00Z", "15m", 15 * time.Minute, "2026-01-06T00:05:00Z", "2026-01-06T00:01:15Z"},
		{"over the year", nil, "2026-12-31T22:00:00Z", "4h", 4 * time.Hour, "2027-01-01T02:00:00Z", "2027-01-01T01:00:00Z"},
		{"over the leap day", nil, "2028-02-28T12:00:00Z", "2d", 48 * time.Hour, "2028-03-01T12:00:00Z", "2028-03-01T00:00:00Z"},
		{"around the clock, spring", nil, "2026-03-29T00:30:00+01:00", "4h", 4 * time.Hour, "2026-03-29T05:30:00+02:00", "2026-03-29T04:30:00+02:00"},
		{"around the clock, autumn", nil, "2026-10-25T00:30:00+02:00", "4h", 4 * time.Hour, "2026-10-25T03:30:00+01:00", "2026-10-25T02:30:00+01:00"},

		{"hours of a day", office, "2026-01-05T09:00:00+01:00", "4h", 4 * time.Hour, "2026-01-05T13:00:00+01:00", "2026-01-05T12:00:00+01:00"},
		{"over night", office, "2026-01-05T16:00:00+01:00", "4h", 4 * time.Hour, "2026-01-06T10:00:00+01:00", "2026-01-06T09:00:00+01:00"},
		{"over a weekend", office, "2026-01-09T16:00:00+01:00", "4h", 4 * time.Hour, "2026-01-12T10:00:00+01:00", "2026-01-12T09:00:00+01:00"},
		{"begun in the morning", office, "2026-01-05T05:00:00+01:00", "4h", 4 * time.Hour, "2026-01-05T12:00:00+01:00", "2026-01-05T11:00:00+01:00"},
		{"begun on a Saturday", office, "2026-01-10T12:00:00+01:00", "4h", 4 * time.Hour, "2026-01-12T12:00:00+01:00", "2026-01-12T11:00:00+01:00"},
		{"ends with the hours", office, "2026-01-05T14:00:00+01:00", "4h", 4 * time.Hour, "2026-01-05T18:00:00+01:00", "2026-01-05T17:00:00+01:00"},
		{"three days", office, "2026-01-09T16:00:00+01:00", "3d", 30 * time.Hour, "2026-01-14T16:00:00+01:00", "2026-01-14T08:30:00+01:00"},
		{"a day, begun in the evening", office, "2026-01-09T19:00:00+01:00", "1d", 10 * time.Hour, "2026-01-12T18:00:00+01:00", "2026-01-12T15:30:00+01:00"},
		{"over Christmas", office, "2026-12-23T16:00:00+01:00", "4h", 4 * time.Hour, "2026-12-28T10:00:00+01:00", "2026-12-28T09:00:00+01:00"},
		{"over New Year", office, "2026-12-31T17:00:00+01:00", "4h", 4 * time.Hour, "2027-01-04T11:00:00+01:00", "2027-01-04T10:00:00+01:00"},
		{"working leap day", office, "2028-02-28T17:00:00+01:00", "1d", 10 * time.Hour, "2028-02-29T17:00:00+01:00", "2028-02-29T14:30:00+01:00"},
		{"days over spring", office, "2026-03-27T17:00:00+01:00", "1d", 10 * time.Hour, "2026-03-30T17:00:00+02:00", "2026-03-30T14:30:00+02:00"},
		{"days over autumn", office, "2026-10-23T17:00:00+02:00", "1d", 10 * time.Hour, "2026-10-26T17:00:00+01:00", "2026-10-26T14:30:00+01:00"},

		{"Berlin, a spring day", wholeDays(t, berlin), "2026-03-28T12:00:00+01:00", "1d", 23 * time.Hour, "2026-03-29T12:00:00+02:00", "2026-03-29T06:15:00+02:00"},
		{"Berlin, 24 hours in spring", wholeDays(t, berlin), "2026-03-28T12:00:00+01:00", "24h", 24 * time.Hour, "2026-03-29T13:00:00+02:00", "2026-03-29T07:00:00+02:00"},
		{"Berlin, an autumn day", wholeDays(t, berlin), "2026-10-24T12:00:00+02:00", "1d", 25 * time.Hour, "2026-10-25T12:00:00+01:00", "2026-10-25T05:45:00+01:00"},
		{"Berlin, 24 hours in autumn", wholeDays(t, berlin), "2026-10-24T12:00:00+02:00", "24h", 24 * time.Hour, "2026-10-25T11:00:00+01:00", "2026-10-25T05:00:00+01:00"},
		{"Berlin, a spring night", nights(t, berlin), "2026-03-29T00:00:00+01:00", "4h", 4 * time.Hour, "2026-03-30T01:00:00+02:00", "2026-03-29T04:00:00+02:00"},
		{"Berlin, an autumn night", nights(t, berlin), "2026-10-25T00:00:00+02:00", "4h", 4 * time.Hour, "2026-10-25T03:00:00+01:00", "2026-10-25T02:00:00+01:00"},
		{"New York, a spring day", wholeDays(t, newYork), "2026-03-07T12:00:00-05:00", "1d", 23 * time.Hour, "2026-03-08T12:00:00-04:00", "2026-03-08T06:15:00-04:00"},
		{"New York, an autumn day", wholeDays(t, newYork), "2026-10-31T12:00:00-04:00", "1d", 25 * time.Hour, "2026-11-01T12:00:00-05:00", "2026-11-01T05:45:00-05:00"},
		{"New York, a spring night", nights(t, newYork), "2026-03-08T00:00:00-05:00", "4h", 4 * time.Hour, "2026-03-09T01:00:00-04:00", "2026-03-08T04:00:00-04:00"},
		{"New York, an autumn night", nights(t, newYork), "2026-11-01T00:00:00-04:00", "4h", 4 * time.Hour, "2026-11-01T03:00:00-05:00", "2026-11-01T02:00:00-05:00"},
		{"New York, hours over a change", working(t, newYork), "2026-03-06T16:00:00-05:00", "4h", 4 * time.Hour, "2026-03-09T10:00:00-04:00", "2026-03-09T09:00:00-04:00"},
		{"Sydney, a spring day", wholeDays(t, sydney), "2026-10-03T12:00:00+10:00", "1d", 23 * time.Hour, "2026-10-04T12:00:00+11:00", "2026-10-04T06:15:00+11:00"},
		{"Sydney, an autumn day", wholeDays(t, sydney), "2026-04-04T12:00:00+11:00", "1d", 25 * time.Hour, "2026-04-05T12:00:00+10:00", "2026-04-05T05:45:00+10:00"},
		{"Sydney, a spring night", nights(t, sydney), "2026-10-04T00:00:00+10:00", "4h", 4 * time.Hour, "2026-10-05T01:00:00+11:00", "2026-10-04T04:00:00+11:00"},
		{"Sydney, an autumn night", nights(t, sydney), "2026-04-05T00:00:00+11:00", "4h", 4 * time.Hour, "2026-04-05T03:00:00+10:00", "2026-04-05T02:00:00+10:00"},
		{"Sydney, hours over a change", working(t, sydney), "2026-10-02T16:00:00+10:00", "4h", 4 * time.Hour, "2026-10-05T10:00:00+11:00", "2026-10-05T09:00:00+11:00"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rule, clock, due := promise(t, c.target, c.calendar), running(t, c.started), instant(t, c.due)
			reading := rule.Read(clock, clock.Started)
			assert.Equal(t, c.counts, reading.Target)
			assert.Equal(t, c.counts, reading.Remaining)
			assert.Equal(t, due, *reading.Due)
			assert.Equal(t, instant(t, c.warnedAt), *reading.WarnAt)

			second := rule.Read(clock, due.Add(-time.Second))
			assert.False(t, second.Breached, "a second before")
			assert.Equal(t, time.Second, second.Remaining)
			assert.Equal(t, due, *second.Due, "time that passes does not move it")
			second = rule.Read(clock, due)
			assert.True(t, second.Breached, "on the second")
			assert.Zero(t, second.Remaining)
		})
	}
}

func TestPauseMovesTheEndByWhatOfItCounts(t *testing.T) {
	t.Parallel()
	office := officeHours(t)
	cases := []struct {
		name     string
		calendar *itsm.Calendar
		started  string
		pauses   [][2]string
		due      string // of 4h
	}{
		{"around the clock", nil, "2026-01-05T09:00:00Z", [][2]string{{"2026-01-05T10:00:00Z", "2026-01-05T10:30:00Z"}}, "2026-01-05T13:30:00Z"},
		{"twice", nil, "2026-01-05T09:00:00Z", [][2]string{{"2026-01-05T10:00:00Z", "2026-01-05T11:00:00Z"}, {"2026-01-05T11:30:00Z", "2026-01-05T13:00:00Z"}}, "2026-01-05T15:30:00Z"},
		{"one after the other", nil, "2026-01-05T09:00:00Z", [][2]string{{"2026-01-05T10:00:00Z", "2026-01-05T11:00:00Z"}, {"2026-01-05T11:00:00Z", "2026-01-05T12:00:00Z"}}, "2026-01-05T15:00:00Z"},
		{"from the start", nil, "2026-01-05T09:00:00Z", [][2]string{{"2026-01-05T09:00:00Z", "2026-01-05T10:00:00Z"}}, "2026-01-05T14:00:00Z"},
		{"over night", office, "2026-01-05T16:00:00+01:00", [][2]string{{"2026-01-05T17:00:00+01:00", "2026-01-06T09:00:00+01:00"}}, "2026-01-06T12:00:00+01:00"},
		{"in closed time", office, "2026-01-05T16:00:00+01:00", [][2]string{{"2026-01-05T20:00:00+01:00", "2026-01-06T06:00:00+01:00"}}, "2026-01-06T10:00:00+01:00"},
		{"from closed time on", office, "2026-01-05T16:00:00+01:00", [][2]string{{"2026-01-05T20:00:00+01:00", "2026-01-06T09:00:00+01:00"}}, "2026-01-06T11:00:00+01:00"},
		{"over a weekend", office, "2026-01-09T16:00:00+01:00", [][2]string{{"2026-01-09T17:00:00+01:00", "2026-01-12T17:30:00+01:00"}}, "2026-01-13T10:30:00+01:00"},
		{"over Christmas", office, "2026-12-23T16:00:00+01:00", [][2]string{{"2026-12-23T18:00:00+01:00", "2026-12-28T08:00:00+01:00"}}, "2026-12-28T10:00:00+01:00"},
		{"the hour that is missing", nights(t, berlin), "2026-03-29T00:00:00+01:00", [][2]string{{"2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00"}}, "2026-03-30T02:00:00+02:00"},
		{"the hour that comes twice", nights(t, berlin), "2026-10-25T00:00:00+02:00", [][2]string{{"2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"}}, "2026-10-25T04:00:00+01:00"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			clock := running(t, c.started)
			for _, p := range c.pauses {
				clock = paused(t, clock, p[0], p[1])
			}
			rule := promise(t, "4h", c.calendar)
			due := instant(t, c.due)
			assert.Equal(t, due, *rule.Read(clock, instant(t, c.pauses[len(c.pauses)-1][1])).Due)
			assert.False(t, rule.Read(clock, due.Add(-time.Second)).Breached)
			assert.True(t, rule.Read(clock, due).Breached)
		})
	}
}

func TestClockThatStandsStillIsDueNever(t *testing.T) {
	t.Parallel()
	rule := promise(t, "4h", officeHours(t))
	clock := paused(t, running(t, "2026-01-05T09:00:00+01:00"), "2026-01-05T10:00:00+01:00", "")
	reading := rule.Read(clock, instant(t, "2026-03-05T10:00:00+01:00"))
	assert.Equal(t, itsm.Reading{Target: 4 * time.Hour, Elapsed: time.Hour, Remaining: 3 * time.Hour}, reading)

	late := promise(t, "30m", officeHours(t)).Read(clock, instant(t, "2026-03-05T10:00:00+01:00"))
	due := instant(t, "2026-01-05T09:30:00+01:00")
	assert.Equal(t, itsm.Reading{Target: 30 * time.Minute, Elapsed: time.Hour, Remaining: -30 * time.Minute, Due: &due, Breached: true}, late,
		"but for what was breached before")
}

func TestClockThatIsStoppedShowsWhatItShowedThen(t *testing.T) {
	t.Parallel()
	rule := promise(t, "4h", officeHours(t))
	for _, c := range []struct {
		name, stopped string
		elapsed       time.Duration
		breached      bool
	}{
		{"in time", "2026-01-05T12:00:00+01:00", 3 * time.Hour, false},
		{"at the last moment", "2026-01-05T13:00:00+01:00", 4 * time.Hour, false},
		{"a second too late", "2026-01-05T13:00:01+01:00", 4*time.Hour + time.Second, true},
	} {
		clock := running(t, "2026-01-05T09:00:00+01:00")
		clock.Stop(instant(t, c.stopped))
		clock.Stop(instant(t, "2026-01-07T12:00:00+01:00"))
		reading := rule.Read(clock, instant(t, "2026-01-09T12:00:00+01:00"))
		assert.Equal(t, itsm.Reading{Target: 4 * time.Hour, Elapsed: c.elapsed, Remaining: 4*time.Hour - c.elapsed, Breached: c.breached}, reading, c.name)
	}
}

func TestClockStoppedInAPauseHadStoodStillUntilThen(t *testing.T) {
	t.Parallel()
	clock := paused(t, running(t, "2026-01-05T09:00:00Z"), "2026-01-05T10:00:00Z", "")
	clock.Stop(instant(t, "2026-01-05T12:00:00Z"))
	assert.Equal(t, time.Hour, promise(t, "4h", nil).Read(clock, instant(t, "2026-01-06T00:00:00Z")).Elapsed)

	clock.Restart(instant(t, "2026-01-05T15:00:00Z"), "resolved")
	reading := promise(t, "4h", nil).Read(clock, instant(t, "2026-01-05T16:00:00Z"))
	assert.Equal(t, 2*time.Hour, reading.Elapsed)
	assert.Equal(t, instant(t, "2026-01-05T18:00:00Z"), *reading.Due, "it runs, and does not stand still again")
}

func TestRestartedClockGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	rule := promise(t, "4h", officeHours(t))
	clock := running(t, "2026-01-05T09:00:00+01:00")
	clock.Stop(instant(t, "2026-01-05T12:00:00+01:00"))
	clock.Restart(instant(t, "2026-01-07T12:00:00+01:00"), "resolved")
	reading := rule.Read(clock, instant(t, "2026-01-07T12:00:00+01:00"))
	assert.Equal(t, 3*time.Hour, reading.Elapsed)
	assert.Equal(t, instant(t, "2026-01-07T13:00:00+01:00"), *reading.Due)

	before := clock
	clock.Restart(instant(t, "2026-01-08T12:00:00+01:00"), "resolved")
	assert.Equal(t, before, clock, "what runs can't be restarted")
}

func TestSharesThatAreNoWholeNumbersWarnOnASecond(t *testing.T) {
	t.Parallel()
	for share, after := range map[float64]time.Duration{0.9: 3*time.Hour + 36*time.Minute, 0.7: 2*time.Hour + 48*time.Minute, 0.01: 2*time.Minute + 24*time.Second, 0.29: time.Hour + 9*time.Minute + 36*time.Second} {
		rule := itsm.ClockRule{Target: duration(t, "4h"), WarnAt: share}
		assert.Equal(t, monday.Add(after), *rule.Read(itsm.Clock{Started: monday}, monday).WarnAt, "%v", share)
	}
	assert.Nil(t, itsm.ClockRule{Target: duration(t, "4h")}.Read(itsm.Clock{Started: monday}, monday).WarnAt)
}

func TestPromiseOnACalendarThatNeverOpensIsNotBrokenAtOnce(t *testing.T) {
	t.Parallel()
	never := calendar(t, berlin, nil, itsm.Exception{From: civil(t, "2020-01-01"), To: civil(t, "2020-01-02")})
	rule := promise(t, "4h", never)
	reading := rule.Read(itsm.Clock{Started: monday}, monday.Add(time.Hour))
	assert.False(t, reading.Breached)
	assert.Equal(t, 3*time.Hour, reading.Remaining)
	assert.Equal(t, monday.Add(4*time.Hour), *reading.Due)
	explained := rule.Explain(itsm.Clock{Started: monday}, monday.Add(time.Hour))
	require.Len(t, explained, 1)
	assert.True(t, explained[0].Counts)
}

func TestExplanationSaysWhatCountsAndWhatDoesNotAndWhy(t *testing.T) {
	t.Parallel()
	clock := paused(t, running(t, "2026-12-22T16:00:00+01:00"), "2026-12-22T17:00:00+01:00", "2026-12-23T09:00:00+01:00")
	clock.Stop(instant(t, "2026-12-23T12:00:00+01:00"))
	clock.Restart(instant(t, "2026-12-23T13:00:00+01:00"), "resolved")
	stretch := func(from, to string, counts bool, why string) itsm.Counted {
		return itsm.Counted{Interval: itsm.Interval{From: instant(t, from), To: instant(t, to), Open: counts, Why: why}, Counts: counts}
	}
	assert.Equal(t, []itsm.Counted{
		stretch("2026-12-22T16:00:00+01:00", "2026-12-22T17:00:00+01:00", true, "hours"),
		stretch("2026-12-22T17:00:00+01:00", "2026-12-23T09:00:00+01:00", false, "waiting-for-user"),
		stretch("2026-12-23T09:00:00+01:00", "2026-12-23T12:00:00+01:00", true, "hours"),
		stretch("2026-12-23T12:00:00+01:00", "2026-12-23T13:00:00+01:00", false, "resolved"),
		stretch("2026-12-23T13:00:00+01:00", "2026-12-23T18:00:00+01:00", true, "hours"),
		stretch("2026-12-23T18:00:00+01:00", "2026-12-24T00:00:00+01:00", false, "outside hours"),
		stretch("2026-12-24T00:00:00+01:00", "2026-12-27T00:00:00+01:00", false, "exception: Christmas"),
		stretch("2026-12-27T00:00:00+01:00", "2026-12-28T08:00:00+01:00", false, "outside hours"),
		stretch("2026-12-28T08:00:00+01:00", "2026-12-28T08:30:00+01:00", true, "hours"),
	}, promise(t, "3d", officeHours(t)).Explain(clock, instant(t, "2026-12-28T08:30:00+01:00")))
	around := promise(t, "4h", nil).Explain(running(t, "2026-12-22T16:00:00Z"), instant(t, "2026-12-22T17:00:00Z"))
	assert.Equal(t, []itsm.Counted{stretch("2026-12-22T16:00:00Z", "2026-12-22T17:00:00Z", true, "around the clock")}, around)
}

func TestClockSurvivesBeingWrittenAndRead(t *testing.T) {
	t.Parallel()
	clock := paused(t, running(t, "2026-01-05T09:00:00Z"), "2026-01-05T10:00:00Z", "")
	raw, err := json.Marshal(clock)
	require.NoError(t, err)
	var read itsm.Clock
	require.NoError(t, json.Unmarshal(raw, &read))
	assert.Equal(t, clock, read)
}
