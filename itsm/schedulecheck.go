package itsm

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ScheduleRules is when the transitions of a model may happen.
type ScheduleRules struct {
	Windows  []NamedCalendar // it may be only while one of them is open; none: at any time
	Freezes  []NamedCalendar // it may not be while one of them is open
	LeadTime Duration        // how long before its start it must be planned, as time passes; zero: none
}

// NamedCalendar is a calendar with the name by which people know it.
type NamedCalendar struct {
	Name string
	*Calendar
}

// CheckSchedule gives what speaks against a planned time at one of the gates,
// each in words that say what to do; none where it may be. Windows that adjoin
// or overlap count as one. Without a planned time only the freezes are checked,
// at the start. Everything said is in UTC.
//
// Like Calendar it reads the time zone database, so workflow code must not call
// it, only record what it gave.
func CheckSchedule(rules ScheduleRules, planned *Period, now time.Time, gate Gate) []string {
	if planned == nil {
		if gate != GateStart {
			return nil
		}
		return rules.checkFreezes(Period{Start: now, End: now.Add(1)}, "it would begin in")
	}
	if problem := planned.check(); problem != "" {
		return []string{problem}
	}
	p := *planned
	var problems []string
	switch gate {
	case GatePlanned:
		problems = rules.checkLead(p, now)
	case GateAuthorized:
		if now.After(p.Start) {
			problems = []string{"its planned start has passed; reschedule it"}
		}
	case GateStart:
		if !now.Before(p.End) {
			return []string{"its planned time is over; reschedule it"}
		}
		p.Start = now // what was planned before is past, and harms nobody
	}
	problems = append(problems, rules.checkWindows(p, now)...)
	return append(problems, rules.checkFreezes(p, "it is planned into")...)
}

// check says what is wrong with the period itself.
func (p Period) check() string {
	switch {
	case !p.End.After(p.Start):
		return "its planned end is not after its planned start; plan a later end"
	case p.End.Sub(p.Start) > SlotAtMost:
		return fmt.Sprintf("it is planned for more than %d days; plan a shorter time", int(SlotAtMost.Hours()/24))
	default:
		return ""
	}
}

func (r ScheduleRules) checkLead(p Period, now time.Time) []string {
	earliest := now.Add(r.LeadTime.Elapsed())
	switch {
	case r.LeadTime.IsZero() && now.Before(p.End):
		return nil // what begins at once is begun by a request that takes a moment
	case r.LeadTime.IsZero():
		return []string{"its planned time is over; plan a later one"}
	case p.Start.Before(earliest):
		return []string{fmt.Sprintf("it must be planned %s ahead; plan its start for %s or later", r.LeadTime, instant(earliest))}
	default:
		return nil
	}
}

func (r ScheduleRules) checkWindows(p Period, now time.Time) []string {
	if len(r.Windows) == 0 {
		return nil
	}
	open := openUntil(r.Windows, p.Start, p.End)
	if !open.Before(p.End) {
		return nil
	}
	what := fmt.Sprintf("it is planned outside of every window (%s)", r.windowNames())
	if open.After(p.Start) {
		what = fmt.Sprintf("it is planned beyond the window (%s), which closes %s", r.windowNames(), instant(open))
	}
	earliest := later(now.UTC().Add(r.LeadTime.Elapsed()), p.Start.UTC())
	next, ok := r.NextSlot(earliest, p.End.Sub(p.Start))
	if !ok {
		return []string{fmt.Sprintf("%s; no window has room for %s in the year after it: plan a shorter time", what, p.End.Sub(p.Start))}
	}
	return []string{fmt.Sprintf("%s; the next that has room for it begins %s", what, instant(next))}
}

func (r ScheduleRules) checkFreezes(p Period, what string) []string {
	var problems []string
	for _, freeze := range r.Freezes {
		begins, ok := nextOpen(freeze, p.Start, p.End)
		if !ok {
			continue
		}
		ends := openUntil([]NamedCalendar{freeze}, begins, begins.AddDate(searchYears, 0, 0))
		problems = append(problems, fmt.Sprintf("%s the freeze %s, which lasts until %s; plan it before that or after it", what, freeze.Name, instant(ends)))
	}
	return problems
}

func (r ScheduleRules) windowNames() string {
	var names []string
	for _, window := range r.Windows {
		names = append(names, window.Name)
	}
	return strings.Join(names, ", ")
}

// searchYears is how far ahead a time is looked for that has room.
const searchYears = 1

// NextSlot gives the first instant that is not before from and at which so much
// time begins that lies in windows and in no freeze; false where there is none
// in the year after it.
func (r ScheduleRules) NextSlot(from time.Time, length time.Duration) (time.Time, bool) {
	limit := from.AddDate(searchYears, 0, 0)
	for at := from.UTC(); at.Before(limit); {
		end := at.Add(length)
		if frozen, until := r.frozen(at, end, limit); frozen {
			at = until
			continue
		}
		if len(r.Windows) == 0 {
			return at, true
		}
		open := openUntil(r.Windows, at, end)
		if !open.Before(end) {
			return at, true
		}
		next, ok := nextOpenOf(r.Windows, open, limit)
		if !ok {
			break
		}
		at = next
	}
	return time.Time{}, false
}

// frozen reports whether a period meets a freeze, and when that one ends.
func (r ScheduleRules) frozen(from, to, limit time.Time) (bool, time.Time) {
	for _, freeze := range r.Freezes {
		if begins, ok := nextOpen(freeze, from, to); ok {
			return true, openUntil([]NamedCalendar{freeze}, begins, limit)
		}
	}
	return false, time.Time{}
}

// openUntil gives the instant up to which one or the other of the calendars is
// open without a gap: from itself where none is open then, and not much more
// than most.
func openUntil(calendars []NamedCalendar, from, most time.Time) time.Time {
	at := from.UTC()
	for at.Before(most) {
		reached := at
		for _, c := range calendars {
			for i := range c.stretches(at) {
				if i.Open {
					reached = later(reached, i.To)
				}
				break
			}
		}
		if reached.Equal(at) {
			break
		}
		at = reached
	}
	return at
}

// nextOpenOf gives the first instant before to at which one of the calendars is
// open.
func nextOpenOf(calendars []NamedCalendar, from, to time.Time) (first time.Time, ok bool) {
	for _, c := range calendars {
		if at, found := nextOpen(c, from, to); found {
			first, ok, to = at, true, at
		}
	}
	return first, ok
}

func nextOpen(c NamedCalendar, from, to time.Time) (time.Time, bool) {
	for i := range c.stretches(from) {
		if !i.From.Before(to) {
			break
		}
		if i.Open {
			return i.From, true
		}
	}
	return time.Time{}, false
}

// describeConflict says where another slot is in the way of s.
func (s Slot) describeConflict(other Slot) string {
	shared := s.Service
	if s.touches(other.Service) {
		shared = other.Service
	}
	return fmt.Sprintf("%s (%s) has %s to %s on %s", other.Process, other.Service, instant(other.Start), instant(other.End), shared)
}

// conflictsNamed is the most conflicts that are told one by one.
const conflictsNamed = 10

// DescribeConflicts says where other slots are in the way of s, the first few
// of them one by one.
func (s Slot) DescribeConflicts(others []Slot) []string {
	var words []string
	for _, other := range others[:min(len(others), conflictsNamed)] {
		words = append(words, s.describeConflict(other))
	}
	if more := len(others) - conflictsNamed; more > 0 {
		words = append(words, fmt.Sprintf("and %d more", more))
	}
	return slices.Clip(words)
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }
