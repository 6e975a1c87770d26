package itsm

import (
	"strconv"
	"strings"
	"time"
)

// Duration is a span as people write it: "90s", "15m", "8h", "2d", "1w", or
// several of them together, largest first: "1d12h". Days and weeks stay apart
// from the clock's units because a calendar counts them as working days. No
// part is ever negative.
type Duration struct {
	Days  int   // working days where a calendar applies, otherwise 24 hours each
	Weeks int   // where a calendar applies, as many working days as its ordinary week has, otherwise 7 days each
	Clock int64 // hours, minutes and seconds together, in seconds
}

// maxDurationSeconds is ten years of 365 days: whatever must happen later than
// that is a typing error.
const maxDurationSeconds = 10 * 365 * secondsPerDay

const (
	secondsPerDay  = 24 * 60 * 60
	secondsPerWeek = 7 * secondsPerDay
)

// durationUnits are weeks, days, hours, minutes and seconds: the largest first.
const durationUnits = "wdhms"

// ParseDuration reads "90s", "15m", "8h", "2d", "1w" or "1d12h": whole numbers
// from 1, the largest unit first, each unit once, ten years at most. The error
// has CodeDefinitionInvalid.
func ParseDuration(text string) (Duration, error) {
	var d Duration
	allowed := durationUnits
	for rest := text; rest != ""; {
		n, unit, after, ok := cutPart(rest)
		if !ok || !strings.Contains(durationUnits, unit) {
			return Duration{}, durationFault(text, "is not a duration")
		}
		if _, allowed, ok = strings.Cut(allowed, unit); !ok {
			return Duration{}, durationFault(text, "has its units in the wrong order or one of them twice")
		}
		d, rest = d.plus(n, unit), after
		if d.seconds() > maxDurationSeconds {
			return Duration{}, durationFault(text, "is longer than ten years")
		}
	}
	if d.IsZero() {
		return Duration{}, durationFault(text, "is no time at all")
	}
	return d, nil
}

// IsZero reports whether d is no time at all: what stands for "not given".
func (d Duration) IsZero() bool { return d == Duration{} }

// Elapsed gives d as it passes without a calendar: a day is exactly 24 hours
// and a week seven of those, because no time zone is known whose days could be
// longer or shorter.
func (d Duration) Elapsed() time.Duration { return time.Duration(d.seconds()) * time.Second }

// After gives the instant, in UTC, when d has passed since t in the working
// time of c, or as Elapsed where c is nil. A calendar that is not open for so
// long within ten years cannot be waited for: then d passes as Elapsed too, so
// that no deadline is lost. Calendar.Add is for those who must know.
func (d Duration) After(t time.Time, c *Calendar) time.Time {
	if c != nil {
		if end, err := c.Add(t, d); err == nil {
			return end
		}
	}
	return t.UTC().Add(d.Elapsed())
}

// String gives the shortest text that ParseDuration reads as d, and "0s" for
// no time at all.
func (d Duration) String() string {
	if d.IsZero() {
		return "0s"
	}
	counts := []int64{int64(d.Weeks), int64(d.Days), d.Clock / 3600, d.Clock / 60 % 60, d.Clock % 60}
	var b strings.Builder
	for i, n := range counts {
		if n != 0 {
			b.WriteString(strconv.FormatInt(n, 10))
			b.WriteByte(durationUnits[i])
		}
	}
	return b.String()
}

// MarshalText implements encoding.TextMarshaler. No time at all is the empty
// text: authors may not write it, but records in which a span is absent must
// survive being stored.
func (d Duration) MarshalText() ([]byte, error) {
	if d.IsZero() {
		return []byte{}, nil
	}
	return []byte(d.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*d = Duration{}
		return nil
	}
	*d, err = ParseDuration(string(text))
	return err
}

func (d Duration) seconds() int64 {
	return int64(d.Weeks)*secondsPerWeek + int64(d.Days)*secondsPerDay + d.Clock
}

func (d Duration) plus(n int64, unit string) Duration {
	switch unit {
	case "w":
		d.Weeks += int(n)
	case "d":
		d.Days += int(n)
	case "h":
		d.Clock += n * 3600
	case "m":
		d.Clock += n * 60
	default:
		d.Clock += n
	}
	return d
}

// cutPart takes "12h" off the front of the text. Zero is not ok; neither is a
// number too large to be multiplied safely.
func cutPart(text string) (n int64, unit, rest string, ok bool) {
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	n, err := strconv.ParseInt(text[:digits], 10, 32)
	if err != nil || n == 0 || digits == len(text) {
		return 0, "", "", false
	}
	return n, text[digits : digits+1], text[digits+1:], true
}

func durationFault(text, what string) *Error {
	return Errorf(CodeDefinitionInvalid,
		`%q %s; write whole numbers from 1 with w, d, h, m or s, largest first, such as "15m", "2d" or "1d12h"`, text, what)
}
