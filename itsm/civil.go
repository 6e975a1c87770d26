package itsm

import (
	"sort"
	"time"
)

// Civil is what a wall clock and a calendar on the wall say together, without
// a time zone: "2026-01-05T09:00". A date alone is its midnight.
type Civil struct {
	wall time.Time // read as though the wall were in UTC, so that arithmetic is plain
}

const (
	civilDate    = "2006-01-02"
	civilMinutes = "2006-01-02T15:04"
	civilSeconds = "2006-01-02T15:04:05"
)

// ParseCivil reads "2026-01-05", "2026-01-05T09:00" or "2026-01-05T09:00:30".
// The error has CodeDefinitionInvalid.
func ParseCivil(text string) (Civil, error) {
	for _, layout := range []string{civilDate, civilMinutes, civilSeconds} {
		if wall, err := time.Parse(layout, text); err == nil {
			return Civil{wall}, nil
		}
	}
	return Civil{}, Errorf(CodeDefinitionInvalid,
		`%q is not a local date or time; write "2026-01-05" or "2026-01-05T09:00", without a zone`, text)
}

// In gives the first instant, in UTC, at which the clocks of loc show c or
// later. So a time that daylight saving skips is the end of the gap, and a
// time that comes twice is its first occurrence. A later c is never earlier.
func (c Civil) In(loc *time.Location) time.Time {
	// No zone is a day away from UTC, and no two changes come within two days.
	before := c.wall.Add(-offset(c.wall.Add(-24*time.Hour), loc))
	after := c.wall.Add(-offset(c.wall.Add(24*time.Hour), loc))
	switch {
	case shows(before, c, loc):
		return before
	case shows(after, c, loc):
		return after
	default:
		return transition(after, before, loc)
	}
}

// civilAt is the inverse of In: the latest that the clocks of loc have shown
// by t. While an hour is passed for the second time that is the end of the
// first pass, so a later t is never earlier on the wall.
func civilAt(t time.Time, loc *time.Location) Civil {
	now := wallAt(t, loc)
	first := now.In(loc)
	if !first.Before(t) {
		return now
	}
	change := transition(first, t, loc)
	return Civil{change.UTC().Add(offset(first, loc))}
}

// AddDays gives the same time of day n dates later.
func (c Civil) AddDays(n int) Civil { return Civil{c.wall.AddDate(0, 0, n)} }

// Date gives the midnight with which the date of c begins.
func (c Civil) Date() Civil { return Civil{c.wall.Truncate(24 * time.Hour)} }

// Weekday tells the day of the week.
func (c Civil) Weekday() time.Weekday { return c.wall.Weekday() }

// Before reports whether c is earlier than other on the same wall.
func (c Civil) Before(other Civil) bool { return c.wall.Before(other.wall) }

// IsZero reports whether c was never set.
func (c Civil) IsZero() bool { return c.wall.IsZero() }

// String gives what ParseCivil reads, to the second.
func (c Civil) String() string {
	if c.wall.Second() != 0 {
		return c.wall.Format(civilSeconds)
	}
	return c.wall.Format(civilMinutes)
}

// MarshalText implements encoding.TextMarshaler.
func (c Civil) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Civil) UnmarshalText(text []byte) (err error) {
	*c, err = ParseCivil(string(text))
	return err
}

func (c Civil) add(d time.Duration) Civil { return Civil{c.wall.Add(d)} }

// wallAt is what the clocks of loc show at t.
func wallAt(t time.Time, loc *time.Location) Civil {
	return Civil{t.UTC().Round(0).Add(offset(t, loc))} // Round drops what the monotonic clock says
}

func shows(t time.Time, c Civil, loc *time.Location) bool { return wallAt(t, loc).wall.Equal(c.wall) }

// transition gives the first instant in (low, high], to the second, at which
// the offset is no longer that of low. Time.ZoneBounds would say the same, but
// for the last day of a leap year it answers with an end that is past already.
func transition(low, high time.Time, loc *time.Location) time.Time {
	low = low.Truncate(time.Second)
	old := offset(low, loc)
	seconds := sort.Search(int(high.Sub(low)/time.Second)+1, func(n int) bool {
		return offset(low.Add(time.Duration(n)*time.Second), loc) != old
	})
	return low.Add(time.Duration(seconds) * time.Second)
}

// offset is how far the clocks of loc are ahead of UTC at t.
func offset(t time.Time, loc *time.Location) time.Duration {
	_, seconds := t.In(loc).Zone()
	return time.Duration(seconds) * time.Second
}
