package itsm

import (
	"iter"
	"time"
)

// Clock is a service-level clock of an incident: it runs from its start until
// it is stopped, and stands still in pauses. All times are UTC.
type Clock struct {
	Started time.Time  `json:"started"`
	Stopped *time.Time `json:"stopped,omitempty"` // what it measures has happened
	Pauses  []Pause    `json:"pauses,omitempty"`  // in order, none within another
}

// Pause is a time in which a clock stands still.
type Pause struct {
	From time.Time  `json:"from"`
	To   *time.Time `json:"to,omitempty"` // nil: it still does
	Why  string     `json:"why"`
}

// ClockRule is a target: how much time may pass on a clock. Like a Calendar it
// reads the time zone database, so workflow code must not compute with it.
type ClockRule struct {
	Target   Duration
	Calendar *Calendar // nil: around the clock
	WarnAt   float64   // share of the target at which somebody is warned; 0: nobody is
}

// Reading is what a clock shows at an instant.
type Reading struct {
	Target    time.Duration `json:"target"`           // as time that counts, in nanoseconds
	Elapsed   time.Duration `json:"elapsed"`          // of it
	Remaining time.Duration `json:"remaining"`        // negative once it is breached
	Due       *time.Time    `json:"due,omitempty"`    // when it is breached if nothing happens, or was; nil once it is stopped, and while it stands still before that
	WarnAt    *time.Time    `json:"warnAt,omitempty"` // when somebody is warned; nil while it stands still, and without a warning
	Breached  bool          `json:"breached"`
}

// Counted is a stretch of a clock's time, and whether it counts.
type Counted struct {
	Interval
	Counts bool `json:"counts"`
}

// Read tells what the clock shows at an instant.
//
// The target is turned into time that counts when the clock starts: three
// working days are as many hours as the calendar has in the three that follow.
// A pause neither restarts nor changes it.
func (r ClockRule) Read(c Clock, at time.Time) Reading {
	r = r.sound(c.Started)
	end := at
	if c.Stopped != nil {
		end = earlier(at, *c.Stopped)
	}
	reading := Reading{Target: r.budget(c.Started)}
	for counted := range r.counted(c, end) {
		if counted.Counts {
			reading.Elapsed += counted.To.Sub(counted.From)
		}
	}
	reading.Remaining = reading.Target - reading.Elapsed
	reading.Breached = reading.Remaining < 0 || reading.Remaining == 0 && c.Stopped == nil
	if c.Stopped == nil && (!c.paused() || reading.Breached) {
		reading.Due = r.at(c, reading.Target)
		if r.WarnAt > 0 && !c.paused() {
			reading.WarnAt = r.at(c, time.Duration(float64(reading.Target)*r.WarnAt).Round(time.Second))
		}
	}
	return reading
}

// sound is the rule without a calendar that is not open for so long within ten
// years: nobody could wait for that. Time passes around the clock then, as in
// Duration.After, so that no promise is broken as soon as it is made.
func (r ClockRule) sound(start time.Time) ClockRule {
	if r.Calendar == nil {
		return r
	}
	if _, err := r.Calendar.Add(start, r.Target); err != nil {
		r.Calendar = nil
	}
	return r
}

// budget is the target as time that counts.
func (r ClockRule) budget(start time.Time) time.Duration {
	if r.Calendar == nil {
		return r.Target.Elapsed()
	}
	return r.Calendar.Working(start, r.Target.After(start, r.Calendar))
}

// at gives the instant at which so much of the clock's time has passed, or nil
// where that is more than ten years away.
func (r ClockRule) at(c Clock, elapsed time.Duration) *time.Time {
	for counted := range r.counted(c, horizon(c.Started)) {
		if !counted.Counts {
			continue
		}
		if length := counted.To.Sub(counted.From); length < elapsed {
			elapsed -= length
			continue
		}
		due := counted.From.Add(elapsed)
		return &due
	}
	return nil
}

// Explain lists every stretch from the clock's start to an instant: what counts
// and what does not, with why. The stretches follow one another without a gap.
func (r ClockRule) Explain(c Clock, at time.Time) []Counted {
	r = r.sound(c.Started)
	if c.Stopped != nil {
		at = earlier(at, *c.Stopped)
	}
	var all []Counted
	for counted := range r.counted(c, at) {
		if last := len(all) - 1; last >= 0 && all[last].Counts == counted.Counts && all[last].Why == counted.Why {
			all[last].To = counted.To
			continue
		}
		all = append(all, counted)
	}
	return all
}

// counted goes through the clock's time up to an instant, in stretches in which
// nothing changes.
func (r ClockRule) counted(c Clock, to time.Time) iter.Seq[Counted] {
	return func(yield func(Counted) bool) {
		for i := range r.stretches(c.Started) {
			if !i.From.Before(to) {
				return
			}
			i.To = earlier(i.To, to)
			for _, part := range c.split(i) {
				if !yield(part) {
					return
				}
			}
		}
	}
}

// stretches are those of the calendar, or one without end.
func (r ClockRule) stretches(from time.Time) iter.Seq[Interval] {
	if r.Calendar != nil {
		return r.Calendar.stretches(from)
	}
	return func(yield func(Interval) bool) {
		yield(Interval{From: from.UTC(), To: horizon(from).AddDate(horizonYears, 0, 0), Open: true, Why: whyAlways})
	}
}

const whyAlways = "around the clock"

// split cuts a stretch where pauses begin and end.
func (c Clock) split(i Interval) []Counted {
	var parts []Counted
	add := func(part Interval, counts bool) {
		if part.From.Before(part.To) {
			parts = append(parts, Counted{Interval: part, Counts: counts})
		}
	}
	for _, p := range c.Pauses {
		from, to := later(p.From, i.From), i.To
		if p.To != nil {
			to = earlier(*p.To, i.To)
		}
		if !from.Before(to) {
			continue
		}
		add(Interval{From: i.From, To: from, Open: i.Open, Why: i.Why}, i.Open)
		add(Interval{From: from, To: to, Why: p.Why}, false)
		i.From = to
	}
	add(i, i.Open)
	return parts
}

func (c Clock) paused() bool { return len(c.Pauses) > 0 && c.Pauses[len(c.Pauses)-1].To == nil }

// Pause stops the clock for a while. It does nothing where it stands still or
// has been stopped.
func (c *Clock) Pause(at time.Time, why string) {
	if c.Stopped == nil && !c.paused() {
		c.Pauses = append(c.Pauses, Pause{From: at, Why: why})
	}
}

// Resume lets the clock go on. A pause that took no time never was.
func (c *Clock) Resume(at time.Time) {
	if !c.paused() {
		return
	}
	last := &c.Pauses[len(c.Pauses)-1]
	if !last.From.Before(at) {
		c.Pauses = c.Pauses[:len(c.Pauses)-1]
		return
	}
	last.To = &at
}

// Stop ends the clock: what it measures has happened. Where it stood still, it
// had stood still until then.
func (c *Clock) Stop(at time.Time) {
	if c.Stopped == nil {
		c.Resume(at)
		c.Stopped = &at
	}
}

// Restart lets a stopped clock go on, as a reopened incident does: the time in
// between does not count.
func (c *Clock) Restart(at time.Time, why string) {
	if c.Stopped == nil {
		return
	}
	from := *c.Stopped
	c.Stopped = nil
	if from.Before(at) {
		c.Pauses = append(c.Pauses, Pause{From: from, To: &at, Why: why})
	}
}
