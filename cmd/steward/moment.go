package main

import (
	"fmt"
	"time"
)

// moment shows a time to people: in their zone, and how far away it is.
func (e *env) moment(t time.Time) string {
	return e.clock(t) + " (" + away(t.Sub(e.now())) + ")"
}

// clock shows a time in people's zone.
func (e *env) clock(t time.Time) string { return t.In(e.zone).Format("2006-01-02 15:04:05 MST") }

// away says how far off something is, in its two largest units.
func away(d time.Duration) string {
	switch {
	case d.Abs() < time.Second:
		return "now"
	case d < 0:
		return span(-d) + " ago"
	default:
		return "in " + span(d)
	}
}

func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= day:
		return fmt.Sprintf("%dd %dh", d/day, d%day/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh %dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm %ds", d/time.Minute, d%time.Minute/time.Second)
	default:
		return fmt.Sprintf("%ds", d/time.Second)
	}
}

// instant reads a time that a person wrote: with a zone, or else in theirs; a
// date alone is its first instant.
func (e *env) instant(flag, text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, e.zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("--%s is %q; write 2026-12-24, 2026-12-24T09:00 or 2026-12-24T09:00:00+01:00", flag, text)
}
