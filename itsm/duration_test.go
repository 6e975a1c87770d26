package itsm_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/itsm"
)

func TestDurationIsReadAsPeopleWriteIt(t *testing.T) {
	t.Parallel()
	cases := []struct {
		text string
		want itsm.Duration
	}{
		{"90s", itsm.Duration{Clock: 90}},
		{"15m", itsm.Duration{Clock: 900}},
		{"8h", itsm.Duration{Clock: 8 * 3600}},
		{"36h", itsm.Duration{Clock: 36 * 3600}},
		{"2d", itsm.Duration{Days: 2}},
		{"14d", itsm.Duration{Days: 14}},
		{"1w", itsm.Duration{Weeks: 1}},
		{"1d12h", itsm.Duration{Days: 1, Clock: 12 * 3600}},
		{"1w2d3h4m5s", itsm.Duration{Weeks: 1, Days: 2, Clock: 3*3600 + 4*60 + 5}},
		{"3650d", itsm.Duration{Days: 3650}},
	}
	for _, c := range cases {
		got, err := itsm.ParseDuration(c.text)
		require.NoError(t, err, c.text)
		assert.Equal(t, c.want, got, c.text)
	}
}

func TestDurationThatMakesNoSenseIsRefusedWithAdvice(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "0s", "1d0h", "5", "h", "-1h", "+1h", "1.5h", "1 h", "1H", "1y", "1ms", "12h1d", "1h1h", "1d2w",
		"3651d", "522w", "87601h", "99999999999999999999w", "2147483647w", "１h", "1µ",
	} {
		_, err := itsm.ParseDuration(text)
		assert.Equal(t, itsm.CodeDefinitionInvalid, itsm.ErrorCode(err), text)
		assert.ErrorContains(t, err, `such as "15m"`, text)
	}
}

func TestDurationSurvivesBeingWrittenAndRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := itsm.Duration{
			Weeks: rapid.IntRange(0, 100).Draw(t, "weeks"),
			Days:  rapid.IntRange(0, 100).Draw(t, "days"),
			Clock: rapid.Int64Range(0, 1_000_000).Draw(t, "clock"),
		}
		text, err := json.Marshal(d)
		require.NoError(t, err)
		var read itsm.Duration
		require.NoError(t, json.Unmarshal(text, &read), "%s", text)
		assert.Equal(t, d, read)
		assert.Equal(t, d.String(), read.String())
	})
}

func TestDurationIsWrittenInTheLargestUnits(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "1m30s", duration(t, "90s").String())
	assert.Equal(t, "36h", duration(t, "36h").String())
	assert.Equal(t, "1h1s", duration(t, "3601s").String())
	assert.Equal(t, "0s", itsm.Duration{}.String())
}

func TestWithoutCalendarADayIs24HoursAlsoAcrossDaylightSaving(t *testing.T) {
	t.Parallel()
	start := instant(t, "2026-03-28T12:00:00+01:00")
	assert.Equal(t, start.Add(24*time.Hour), duration(t, "1d").After(start, nil))
	assert.Equal(t, start.Add(8*24*time.Hour+90*time.Minute), duration(t, "1w1d90m").After(start, nil))
}

func TestDeadlineIsNotLostOnACalendarThatNeverOpens(t *testing.T) {
	t.Parallel()
	never, err := itsm.NewCalendar(time.UTC, nil, nil)
	require.NoError(t, err)
	start := instant(t, "2026-01-05T12:00:00Z")
	assert.Equal(t, start.Add(26*time.Hour), duration(t, "1d2h").After(start, never))
}
