package itsm_test

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/itsm"
)

const (
	berlin  = "Europe/Berlin"
	newYork = "America/New_York"
	sydney  = "Australia/Sydney"
)

func zone(t require.TestingT, name string) *time.Location {
	loc, err := time.LoadLocation(name)
	require.NoError(t, err)
	return loc
}

func civil(t require.TestingT, text string) itsm.Civil {
	c, err := itsm.ParseCivil(text)
	require.NoError(t, err)
	return c
}

// instant reads RFC 3339, with whatever offset makes the case easy to read.
func instant(t require.TestingT, text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return at.UTC()
}

func duration(t require.TestingT, text string) itsm.Duration {
	d, err := itsm.ParseDuration(text)
	require.NoError(t, err)
	return d
}

// span reads "08:00-18:00".
func span(t require.TestingT, text string) itsm.Span {
	var h1, m1, h2, m2 int
	_, err := fmt.Sscanf(text, "%d:%d-%d:%d", &h1, &m1, &h2, &m2)
	require.NoError(t, err)
	return itsm.Span{From: h1*60 + m1, To: h2*60 + m2}
}

// on gives the same hours on several days of the week.
func on(t require.TestingT, hours string, days ...time.Weekday) []itsm.Hours {
	all := make([]itsm.Hours, 0, len(days))
	s := span(t, hours)
	for _, day := range days {
		all = append(all, itsm.Hours{Weekday: day, From: s.From, To: s.To})
	}
	return all
}

var (
	weekdays = []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	everyDay = append([]time.Weekday{time.Saturday, time.Sunday}, weekdays...)
)

// drawZone includes the zones with the oddest changes: half an hour, at
// midnight, a minute after midnight, and a whole day.
func drawZone(t *rapid.T) *time.Location {
	return zone(t, rapid.SampledFrom([]string{
		"UTC", berlin, newYork, sydney, "Australia/Lord_Howe", "America/Havana", "America/St_Johns", "Pacific/Apia",
	}).Draw(t, "zone"))
}

// drawInstant prefers the days around changes of the clocks.
func drawInstant(t *rapid.T, label string) time.Time {
	day := rapid.SampledFrom([]string{
		"2026-03-29T00:00:00Z", "2026-10-25T00:00:00Z", "2026-03-08T06:00:00Z", "2026-11-01T05:00:00Z",
		"2026-04-04T15:00:00Z", "2026-10-03T15:00:00Z", "2028-02-29T12:00:00Z", "2028-12-31T12:00:00Z",
		"2010-11-07T02:00:00Z", "2011-12-30T10:00:00Z", "2040-03-25T00:00:00Z",
	}).Draw(t, label+" near")
	return instant(t, day).Add(time.Duration(rapid.IntRange(-72*3600, 72*3600).Draw(t, label)) * time.Second)
}
