package itsm_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/itsm"
)

func TestDeadlinesInWorkingTime(t *testing.T) {
	t.Parallel()
	office, window := officeHours(t), changeWindow(t)
	lunch := calendar(t, berlin, slices.Concat(
		on(t, "08:00-12:00", weekdays...), on(t, "13:00-18:00", time.Monday), on(t, "13:00-16:00", time.Tuesday)))
	night := func(zoneName string) *itsm.Calendar { return calendar(t, zoneName, on(t, "00:00-24:00", everyDay...)) }
	cases := []struct {
		name     string
		calendar *itsm.Calendar
		from     string
		add      string
		want     string
	}{
		{"hours within a day", office, "2026-01-05T09:00:00+01:00", "8h", "2026-01-05T17:00:00+01:00"},
		{"hours end with the day, not with the next", office, "2026-01-09T10:00:00+01:00", "8h", "2026-01-09T18:00:00+01:00"},
		{"hours over a weekend", office, "2026-01-09T17:00:00+01:00", "8h", "2026-01-12T15:00:00+01:00"},
		{"hours from a Sunday", office, "2026-01-11T12:00:00+01:00", "1h", "2026-01-12T09:00:00+01:00"},
		{"hours over Christmas", office, "2026-12-23T17:30:00+01:00", "1h", "2026-12-28T08:30:00+01:00"},
		{"a day keeps the time of day", office, "2026-01-05T10:15:30+01:00", "1d", "2026-01-06T10:15:30+01:00"},
		{"two days from Friday", office, "2026-01-09T17:59:00+01:00", "2d", "2026-01-13T17:59:00+01:00"},
		{"a day from Friday evening", office, "2026-01-09T19:00:00+01:00", "1d", "2026-01-13T08:00:00+01:00"},
		{"a day over Christmas", office, "2026-12-23T09:00:00+01:00", "1d", "2026-12-28T09:00:00+01:00"},
		{"a week has five days", office, "2026-01-05T09:00:00+01:00", "1w", "2026-01-12T09:00:00+01:00"},
		{"a week with a holiday is longer", office, "2026-12-22T09:00:00+01:00", "1w", "2026-12-31T09:00:00+01:00"},
		{"a day and hours", office, "2026-01-05T17:00:00+01:00", "1d2h", "2026-01-07T09:00:00+01:00"},
		{"a day over spring", office, "2026-03-27T09:00:00+01:00", "1d", "2026-03-30T09:00:00+02:00"},
		{"a day onto a lunch break", lunch, "2026-01-05T17:00:00+01:00", "1d", "2026-01-06T16:00:00+01:00"},
		{"a day into a lunch break", calendar(t, berlin, slices.Concat(on(t, "12:00-14:00", time.Monday), on(t, "08:00-12:00", time.Tuesday), on(t, "13:00-16:00", time.Tuesday))),
			"2026-01-05T12:30:00+01:00", "1d", "2026-01-06T13:00:00+01:00"},
		{"a day to later hours", window, "2026-01-11T05:00:00+01:00", "1d", "2026-01-13T06:00:00+01:00"},
		{"a day to earlier hours ends with them", window, "2026-01-10T23:00:00+01:00", "1d", "2026-01-11T06:00:00+01:00"},
		{"hours over midnight in autumn", window, "2026-10-24T22:00:00+02:00", "9h", "2026-10-25T06:00:00+01:00"},
		{"a day into the gap, Berlin", night(berlin), "2026-03-28T02:30:00+01:00", "1d", "2026-03-29T03:00:00+02:00"},
		{"a day into the gap, New York", night(newYork), "2026-03-07T02:30:00-05:00", "1d", "2026-03-08T03:00:00-04:00"},
		{"a day into the gap, Sydney", night(sydney), "2026-10-03T02:30:00+10:00", "1d", "2026-10-04T03:00:00+11:00"},
		{"a day to the doubled hour, Berlin", night(berlin), "2026-10-24T02:30:00+02:00", "1d", "2026-10-25T02:30:00+02:00"},
		{"a day from the second pass, Berlin", night(berlin), "2026-10-25T02:30:00+01:00", "1d", "2026-10-26T03:00:00+01:00"},
		{"a day past the leap day", office, "2028-02-28T09:00:00+01:00", "2d", "2028-03-01T09:00:00+01:00"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := c.calendar.Add(instant(t, c.from), duration(t, c.add))
			require.NoError(t, err)
			assert.Equal(t, instant(t, c.want), got)
			assert.Equal(t, got, duration(t, c.add).After(instant(t, c.from), c.calendar))
		})
	}
}

func TestWeekOfACalendarOfExceptionsHasSevenOfItsDays(t *testing.T) {
	t.Parallel()
	freeze := calendar(t, berlin, nil, itsm.Exception{From: civil(t, "2026-12-18"), To: civil(t, "2027-01-04")})
	got, err := freeze.Add(instant(t, "2026-12-01T00:00:00Z"), duration(t, "1w"))
	require.NoError(t, err)
	assert.Equal(t, instant(t, "2026-12-25T00:00:00+01:00"), got)
}

func TestCalendarThatIsNotOpenLongEnoughSaysSo(t *testing.T) {
	t.Parallel()
	freeze := calendar(t, berlin, nil, itsm.Exception{From: civil(t, "2026-12-18"), To: civil(t, "2026-12-19")})
	start := instant(t, "2026-12-01T00:00:00Z")
	for _, text := range []string{"48h1s", "2d", "1w", "1d24h1s"} {
		_, err := freeze.Add(start, duration(t, text))
		assert.Equal(t, itsm.CodeDefinitionInvalid, itsm.ErrorCode(err), text)
	}
	got, err := freeze.Add(start, duration(t, "48h"))
	require.NoError(t, err)
	assert.Equal(t, instant(t, "2026-12-20T00:00:00+01:00"), got)
}

// drawCalendar makes calendars with gaps, midnights and exceptions; each is
// open on Mondays at least.
func drawCalendar(t *rapid.T) *itsm.Calendar {
	weekly := on(t, "01:30-02:30", time.Monday)
	for day := time.Sunday; day <= time.Saturday; day++ {
		hours := rapid.SampledFrom([]string{"", "00:00-24:00", "08:00-18:00", "22:00-24:00", "00:30-02:45", "02:15-06:00"}).Draw(t, day.String())
		if hours != "" && day != time.Monday {
			weekly = append(weekly, on(t, hours, day)...)
		}
	}
	var exceptions []itsm.Exception
	for range rapid.IntRange(0, 3).Draw(t, "exceptions") {
		from := civil(t, drawInstant(t, "exception").Format("2006-01-02"))
		exception := itsm.Exception{From: from, To: from.AddDays(rapid.IntRange(0, 3).Draw(t, "days")), Title: "x"}
		switch rapid.IntRange(0, 2).Draw(t, "sort") {
		case 0:
			exception.Closed = true
		case 1:
			exception.Hours = []itsm.Span{span(t, "02:20-02:40"), span(t, "10:00-24:00")}
		}
		exceptions = append(exceptions, exception)
	}
	c, err := itsm.NewCalendar(drawZone(t), weekly, exceptions)
	require.NoError(t, err)
	return c
}

func drawLater(t *rapid.T, from time.Time, label string) time.Time {
	return from.Add(time.Duration(rapid.IntRange(0, 10*24*3600).Draw(t, label)) * time.Second)
}

func drawDuration(t *rapid.T) itsm.Duration {
	return itsm.Duration{
		Weeks: rapid.IntRange(0, 1).Draw(t, "d weeks"),
		Days:  rapid.IntRange(0, 4).Draw(t, "d days"),
		Clock: rapid.Int64Range(0, 200_000).Draw(t, "d clock"),
	}
}

func TestWorkingTimeAddsUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, from := drawCalendar(t), drawInstant(t, "from")
		middle := drawLater(t, from, "middle")
		to := drawLater(t, middle, "to")
		assert.Equal(t, c.Working(from, to), c.Working(from, middle)+c.Working(middle, to))
	})
}

func TestClockTimeAddedIsTheWorkingTimeThatPasses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, from := drawCalendar(t), drawInstant(t, "from")
		d := itsm.Duration{Clock: rapid.Int64Range(0, 400_000).Draw(t, "clock")}
		to, err := c.Add(from, d)
		require.NoError(t, err)
		assert.Equal(t, d.Elapsed(), c.Working(from, to))
		assert.Equal(t, d.IsZero(), c.Working(from, to.Add(-1)) == d.Elapsed(), "as early as can be")
	})
}

func TestLaterStartOrLongerSpanNeverEndsEarlier(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, from, d := drawCalendar(t), drawInstant(t, "from"), drawDuration(t)
		more := drawDuration(t)
		longer := itsm.Duration{Weeks: d.Weeks + more.Weeks, Days: d.Days + more.Days, Clock: d.Clock + more.Clock}
		end, err := c.Add(from, d)
		require.NoError(t, err)
		assert.False(t, end.Before(from))

		fromLater, err := c.Add(drawLater(t, from, "start"), d)
		require.NoError(t, err)
		assert.False(t, fromLater.Before(end), "%s after %s", fromLater, end)

		endLonger, err := c.Add(from, longer)
		require.NoError(t, err)
		assert.False(t, endLonger.Before(end), "%s after %s", endLonger, end)
	})
}

func TestIntervalsCoverAllTimeAndAgreeWithOpen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, from := drawCalendar(t), drawInstant(t, "from")
		to := drawLater(t, from, "to")
		at := from
		for _, i := range c.Intervals(from, to) {
			require.Equal(t, at, i.From)
			require.True(t, i.To.After(i.From))
			assert.Equal(t, i.Open, c.Open(i.From))
			assert.Equal(t, i.Open, c.Open(i.To.Add(-1)))
			assert.Equal(t, i.Open, c.Open(i.From.Add(i.To.Sub(i.From)/2)))
			at = i.To
		}
		assert.True(t, at.Equal(to))
	})
}

func TestNextOpenIsTheFirstOpenInstant(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, from := drawCalendar(t), drawInstant(t, "from")
		next, ok := c.NextOpen(from)
		require.True(t, ok)
		assert.True(t, c.Open(next))
		assert.Zero(t, c.Working(from, next))
		assert.Equal(t, c.Open(from), next.Equal(from))
	})
}
