package itsm

import (
	"iter"
	"slices"
	"time"
)

// Calendar says when people work, or when something may happen: the hours of
// an ordinary week, and exceptions, as the clocks of one time zone show them.
//
// Hours are wall-clock times, time worked is elapsed time. Where daylight
// saving skips an hour, hours that begin or end in it do so at the end of the
// gap; where an hour comes twice, hours begin and end at its first occurrence.
// So a whole day has 23 or 25 hours then. All instants returned are in UTC.
//
// A Calendar reads the time zone database, which may say something else
// tomorrow: workflow code must not compute with it, only record the result.
type Calendar struct {
	location   *time.Location
	week       [7][]Span // by weekday, in order
	exceptions []Exception
}

// Span is a part of a day, in minutes since midnight as the clock shows them:
// from From up to but without To, which is at most EndOfDay.
type Span struct{ From, To int }

// EndOfDay is the minute at which a day ends: what people write as "24:00".
const EndOfDay = 24 * 60

// Hours are working hours on one day of the week. What goes past midnight is
// written as two.
type Hours struct {
	Weekday  time.Weekday
	From, To int // minutes since midnight, as in Span
}

// Exception replaces the ordinary hours of the dates From to To, both
// included: by none where it is Closed, by its own Hours where it has some,
// and otherwise by the whole day. Of several on one date the last counts.
type Exception struct {
	From, To Civil
	Title    string
	Closed   bool
	Hours    []Span
}

// Interval is a stretch of time that counts, or does not, and why.
type Interval struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"` // the first instant that is no longer in it
	Open bool      `json:"open"`
	Why  string    `json:"why"`
}

// Why an interval counts or not; exceptions add their title.
const (
	whyHours     = "hours"
	whyOutside   = "outside hours"
	whyException = "exception"
)

// horizonYears is how far ahead a calendar is searched for time that is open.
const horizonYears = 10

// Open reports whether the instant is in working time.
func (c *Calendar) Open(at time.Time) bool {
	for i := range c.stretches(at) {
		return i.Open
	}
	return false
}

// NextOpen gives the first instant of working time that is not before at, and
// false where there is none within ten years.
func (c *Calendar) NextOpen(at time.Time) (time.Time, bool) {
	limit := horizon(at)
	for i := range c.stretches(at) {
		if i.From.After(limit) {
			break
		}
		if i.Open {
			return i.From, true
		}
	}
	return time.Time{}, false
}

// Intervals explains the time from one instant to another without a gap: every
// interval that counts and every one that is left out, with why. Neighbours of
// one kind are one interval.
func (c *Calendar) Intervals(from, to time.Time) []Interval {
	var all []Interval
	for i := range c.stretches(from) {
		if !i.From.Before(to) {
			break
		}
		i.To = earlier(i.To, to)
		if last := len(all) - 1; last >= 0 && all[last].Open == i.Open && all[last].Why == i.Why {
			all[last].To = i.To
			continue
		}
		all = append(all, i)
	}
	return all
}

// Working gives the working time between two instants, as elapsed time; it is
// zero where to is not after from.
func (c *Calendar) Working(from, to time.Time) time.Duration {
	var sum time.Duration
	for i := range c.stretches(from) {
		if !i.From.Before(to) {
			break
		}
		if i.Open {
			sum += earlier(i.To, to).Sub(i.From)
		}
	}
	return sum
}

// Add gives the instant at which d of working time has passed since from.
//
// Days and weeks come first, as working days: dates with any working time. The
// start moves to the next open instant, then as many working days on to the
// same time of day; where that is closed, to the next hours of that day, or
// back to the end of its last. A week is as many working days as an ordinary
// week has, or seven where it has none. The clock's part follows as working
// time; it ends with the hours in which it is used up, not with the next ones.
//
// Where the calendar is not open for so long within ten years the error has
// CodeDefinitionInvalid.
func (c *Calendar) Add(from time.Time, d Duration) (time.Time, error) {
	limit := horizon(from)
	end, ok := c.addDays(from.UTC(), d.Days+d.Weeks*c.daysInWeek(), limit)
	if ok {
		end, ok = c.addClock(end, time.Duration(d.Clock)*time.Second, limit)
	}
	if !ok {
		return time.Time{}, Errorf(CodeDefinitionInvalid,
			"the calendar has less than %s of working time in the ten years after %s; give it more hours or ask for less time",
			d, from.UTC().Format(time.RFC3339))
	}
	return end, nil
}

func (c *Calendar) addDays(from time.Time, days int, limit time.Time) (time.Time, bool) {
	if days == 0 {
		return from, true
	}
	start, ok := c.NextOpen(from)
	if !ok {
		return time.Time{}, false
	}
	target := civilAt(start, c.location)
	for days > 0 {
		target = target.AddDays(1)
		if target.In(c.location).After(limit) {
			return time.Time{}, false
		}
		if c.worksOn(target.Date()) {
			days--
		}
	}
	return c.nearestOpen(target), true
}

func (c *Calendar) addClock(from time.Time, rest time.Duration, limit time.Time) (time.Time, bool) {
	if rest == 0 {
		return from, true
	}
	for i := range c.stretches(from) {
		if i.From.After(limit) {
			break
		}
		if !i.Open {
			continue
		}
		if length := i.To.Sub(i.From); length < rest {
			rest -= length
			continue
		}
		return i.From.Add(rest), true
	}
	return time.Time{}, false
}

// nearestOpen gives the instant of a local time on a working day, moved on to
// the next hours of that day, or back to the end of the last.
func (c *Calendar) nearestOpen(target Civil) time.Time {
	at := target.In(c.location)
	end := at
	for _, i := range c.day(target.Date()) {
		if !i.Open {
			continue
		}
		if at.Before(i.To) {
			return later(at, i.From)
		}
		end = i.To
	}
	return end
}

func (c *Calendar) worksOn(date Civil) bool {
	return slices.ContainsFunc(c.day(date), func(i Interval) bool { return i.Open })
}

func (c *Calendar) daysInWeek() int {
	n := 0
	for _, spans := range c.week {
		if len(spans) > 0 {
			n++
		}
	}
	if n == 0 {
		return len(c.week)
	}
	return n
}

// stretches tells the time after an instant, day by day and without a gap, for
// ever: whoever ranges over it decides when to stop.
func (c *Calendar) stretches(from time.Time) iter.Seq[Interval] {
	from = from.UTC().Round(0) // without what the monotonic clock says
	return func(yield func(Interval) bool) {
		for date := civilAt(from, c.location).Date(); ; date = date.AddDays(1) {
			for _, i := range c.day(date) {
				if !i.To.After(from) {
					continue
				}
				i.From = later(i.From, from)
				if !yield(i) {
					return
				}
			}
		}
	}
}

// day divides a date, from its midnight to the next, into what is open and
// what is not. A date that a time zone left out is empty.
func (c *Calendar) day(date Civil) []Interval {
	spans, whyOpen, whyClosed := c.rule(date)
	intervals := make([]Interval, 0, 2*len(spans)+1)
	at := date.In(c.location)
	until := func(end time.Time, open bool, why string) {
		if end.After(at) {
			intervals = append(intervals, Interval{From: at, To: end, Open: open, Why: why})
			at = end
		}
	}
	for _, s := range spans {
		until(date.add(minutes(s.From)).In(c.location), false, whyClosed)
		until(date.add(minutes(s.To)).In(c.location), true, whyOpen)
	}
	until(date.AddDays(1).In(c.location), false, whyClosed)
	return intervals
}

// rule finds what holds on a date: its hours, and why the time in them and
// outside of them is what it is.
func (c *Calendar) rule(date Civil) (spans []Span, whyOpen, whyClosed string) {
	for _, e := range slices.Backward(c.exceptions) {
		if !date.Before(e.From) && !e.To.Before(date) {
			return e.hours(), e.why(), e.why()
		}
	}
	return c.week[date.Weekday()], whyHours, whyOutside
}

func (e Exception) hours() []Span {
	switch {
	case e.Closed:
		return nil
	case len(e.Hours) == 0:
		return []Span{{0, EndOfDay}}
	default:
		return e.Hours
	}
}

func (e Exception) why() string {
	if e.Title == "" {
		return whyException
	}
	return whyException + ": " + e.Title
}

func horizon(from time.Time) time.Time { return from.AddDate(horizonYears, 0, 0) }

func minutes(n int) time.Duration { return time.Duration(n) * time.Minute }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b.UTC()
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b.UTC()
	}
	return a
}
