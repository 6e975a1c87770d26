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

func TestLocalTimeIsTheFirstInstantThatShowsIt(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, zone, local, want string }{
		{"plain", berlin, "2026-01-05T09:00", "2026-01-05T09:00:00+01:00"},
		{"date alone", berlin, "2026-07-01", "2026-07-01T00:00:00+02:00"},
		{"Berlin before the gap", berlin, "2026-03-29T01:59:59", "2026-03-29T01:59:59+01:00"},
		{"Berlin in the gap", berlin, "2026-03-29T02:30", "2026-03-29T03:00:00+02:00"},
		{"Berlin doubled", berlin, "2026-10-25T02:30", "2026-10-25T02:30:00+02:00"},
		{"Berlin after the doubled hour", berlin, "2026-10-25T03:00", "2026-10-25T03:00:00+01:00"},
		{"New York in the gap", newYork, "2026-03-08T02:01", "2026-03-08T03:00:00-04:00"},
		{"New York doubled", newYork, "2026-11-01T01:30", "2026-11-01T01:30:00-04:00"},
		{"Sydney in the gap", sydney, "2026-10-04T02:59", "2026-10-04T03:00:00+11:00"},
		{"Sydney doubled", sydney, "2026-04-05T02:00", "2026-04-05T02:00:00+11:00"},
		{"half an hour skipped", "Australia/Lord_Howe", "2026-10-04T02:10", "2026-10-04T02:30:00+11:00"},
		{"midnight skipped", "America/Havana", "2026-03-08T00:00", "2026-03-08T01:00:00-04:00"},
		{"a whole day skipped", "Pacific/Apia", "2011-12-30T10:00", "2011-12-31T00:00:00+14:00"},
		{"last day of a leap year", newYork, "2028-12-31T12:00", "2028-12-31T12:00:00-05:00"},
		{"beyond the tables", newYork, "2064-12-31T12:00", "2064-12-31T12:00:00-05:00"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, instant(t, c.want), civil(t, c.local).In(zone(t, c.zone)))
		})
	}
}

func TestLaterOnTheWallIsNeverEarlierInTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		loc := drawZone(t)
		wall := drawInstant(t, "wall")
		later := wall.Add(time.Duration(rapid.IntRange(0, 48*3600).Draw(t, "later")) * time.Second)
		a := civil(t, wall.Format("2006-01-02T15:04:05"))
		b := civil(t, later.Format("2006-01-02T15:04:05"))
		assert.False(t, b.In(loc).Before(a.In(loc)), "%s is %s, but %s is %s", a, a.In(loc), b, b.In(loc))
		assert.LessOrEqual(t, a.In(loc).Sub(wall).Abs(), 48*time.Hour)
	})
}

func TestLocalTimeThatExistsIsShownByTheClock(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		loc := drawZone(t)
		shown := drawInstant(t, "at").In(loc).Format("2006-01-02T15:04:05")
		first := civil(t, shown).In(loc)
		assert.Equal(t, shown, first.In(loc).Format("2006-01-02T15:04:05"))
	})
}

func TestLocalTimeIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"2026-01-05T09:00", "2028-02-29T23:59:01"} {
		stored, err := json.Marshal(civil(t, text))
		require.NoError(t, err)
		assert.Equal(t, `"`+text+`"`, string(stored))
		var read itsm.Civil
		require.NoError(t, json.Unmarshal(stored, &read))
		assert.Equal(t, civil(t, text), read)
	}
	for _, text := range []string{"", "2026-02-29", "2026-01-05T24:00", "2026-01-05T09:00Z", "5.1.2026", "2026-01-05 09:00"} {
		_, err := itsm.ParseCivil(text)
		assert.Equal(t, itsm.CodeDefinitionInvalid, itsm.ErrorCode(err), text)
	}
}
