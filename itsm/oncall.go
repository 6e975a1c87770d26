package itsm

import (
	"cmp"
	"slices"
	"time"
)

// Schedule says who is on call. All layers run at once: at any instant the
// person whose turn it is in each of them is on call, and nobody in a layer
// that has not started or is outside its hours. While an override holds, its
// person alone is on call, whatever the layers say; of several overrides at
// once the last counts.
//
// Like a Calendar it reads the time zone database, so workflow code must not
// compute with it, only record the result.
type Schedule struct {
	location  *time.Location
	layers    []layer
	overrides []Override
}

// Layer is one rotation: its people take turns, in order and again from the
// first, and each hands over to the next after Every.
type Layer struct {
	Name   string
	People []string
	Starts Civil // the first turn begins

	// Every is the length of a turn. Days and weeks keep the handover at the same
	// local time; one in an hour that daylight saving skips is at the end of the
	// gap, one in an hour that comes twice at its first occurrence. Hours are
	// elapsed time.
	Every Duration

	Restrictions []Hours // when the layer is on call at all; empty means always
}

// Override puts one person on call instead of everyone else.
type Override struct {
	From, To time.Time
	Person   string
}

// Shift is a stretch of time during which one person is on call without a
// break: a turn, or what restrictions and overrides leave of it.
type Shift struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"` // the first instant that is no longer in it
	Person   string    `json:"person"`
	Layer    string    `json:"layer,omitempty"`
	Override bool      `json:"override,omitempty"`
}

// whyGap is the reason that a gap in a schedule gives.
const whyGap = "nobody is on call"

// minTurn is the shortest turn: whoever is on call must be able to work.
const minTurn = time.Hour

// NewSchedule makes a schedule of layers and overrides. The error has
// CodeDefinitionInvalid: no zone, two layers of one name, a layer without
// people or start, with turns of less than an hour or hours that can't be, or
// an override without a person or that ends before it begins.
func NewSchedule(loc *time.Location, layers []Layer, overrides []Override) (*Schedule, error) {
	if loc == nil {
		return nil, Errorf(CodeDefinitionInvalid, `the schedule has no time zone; write one such as "Europe/Berlin"`)
	}
	s := &Schedule{location: loc}
	for _, l := range layers {
		if slices.ContainsFunc(s.layers, func(other layer) bool { return other.Name == l.Name }) {
			return nil, Errorf(CodeDefinitionInvalid, "there are two rotations %q; rename one", l.Name)
		}
		made, err := newLayer(loc, l)
		if err != nil {
			return nil, err
		}
		s.layers = append(s.layers, made)
	}
	for _, o := range overrides {
		if o.Person == "" || !o.From.Before(o.To) {
			return nil, Errorf(CodeDefinitionInvalid,
				"the override from %s needs a person, and an end that is later", o.From.Format(time.RFC3339))
		}
		s.overrides = append(s.overrides, Override{o.From.UTC(), o.To.UTC(), o.Person})
	}
	return s, nil
}

// OnCall gives the shifts that hold at an instant, the earliest first.
func (s *Schedule) OnCall(at time.Time) []Shift { return s.Shifts(at, at.Add(1)) }

// Shifts gives every shift that holds at some instant from one time up to, but
// without, another. Shifts are whole, also where they begin before or end
// after that, and come in the order in which they begin.
func (s *Schedule) Shifts(from, to time.Time) []Shift {
	var all []Shift
	for _, l := range s.layers {
		for _, shift := range l.shifts(from, to) {
			all = append(all, shift.without(s.overrides)...)
		}
	}
	for i, o := range s.overrides {
		shift := Shift{From: o.From, To: o.To, Person: o.Person, Override: true}
		all = append(all, shift.without(s.overrides[i+1:])...)
	}
	all = slices.DeleteFunc(all, func(shift Shift) bool { return !shift.overlaps(from, to) })
	slices.SortStableFunc(all, func(a, b Shift) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Layer, b.Layer))
	})
	return all
}

// Gaps gives the time between two instants when nobody is on call.
func (s *Schedule) Gaps(from, to time.Time) []Interval {
	var gaps []Interval
	covered := from.UTC()
	until := func(end time.Time) {
		if end.After(covered) {
			gaps = append(gaps, Interval{From: covered, To: end, Why: whyGap})
		}
	}
	for _, shift := range s.Shifts(from, to) {
		until(shift.From)
		covered = later(covered, shift.To)
	}
	until(to.UTC())
	return gaps
}

// layer is a Layer that has been checked.
type layer struct {
	Layer
	location *time.Location
	hours    *Calendar // nil where there are no restrictions
}

func newLayer(loc *time.Location, l Layer) (layer, error) {
	switch {
	case len(l.People) == 0 || slices.Contains(l.People, ""):
		return layer{}, Errorf(CodeDefinitionInvalid, "rotation %q has nobody to take a turn; name its people", l.Name)
	case l.Starts.IsZero():
		return layer{}, Errorf(CodeDefinitionInvalid, `rotation %q has no start; write when its first turn begins, such as "2026-01-05T09:00"`, l.Name)
	case l.Every.Elapsed() < minTurn:
		return layer{}, Errorf(CodeDefinitionInvalid, `rotation %q has turns of %s; make them an hour or longer, such as "1w"`, l.Name, l.Every)
	}
	l.People = slices.Clone(l.People)
	made := layer{Layer: l, location: loc}
	if len(l.Restrictions) == 0 {
		return made, nil
	}
	var err error
	made.hours, err = NewCalendar(loc, l.Restrictions, nil)
	return made, err
}

// shifts gives all turns that overlap the time from one instant to another, cut
// down to the layer's hours, and perhaps some that end before it.
func (l layer) shifts(from, to time.Time) []Shift {
	var all []Shift
	for turn := l.begun(from); l.handover(turn).Before(to); turn++ {
		for _, i := range l.open(l.handover(turn), l.handover(turn+1)) {
			all = append(all, Shift{From: i.From, To: i.To, Person: l.People[turn%len(l.People)], Layer: l.Name})
		}
	}
	return all
}

// open gives the parts of a turn in which the layer is on call. A turn is empty
// where its whole date is one that the time zone left out.
func (l layer) open(from, to time.Time) []Interval {
	if !from.Before(to) {
		return nil
	}
	if l.hours == nil {
		return []Interval{{From: from, To: to, Open: true}}
	}
	return slices.DeleteFunc(l.hours.Intervals(from, to), func(i Interval) bool { return !i.Open })
}

// handover gives the instant at which a turn begins, the first being turn 0.
func (l layer) handover(turn int) time.Time {
	day := l.Starts.AddDays(turn * (l.Every.Days + 7*l.Every.Weeks))
	return day.In(l.location).Add(time.Duration(turn) * time.Duration(l.Every.Clock) * time.Second)
}

// begun gives a turn that has begun by an instant, the newest or one shortly
// before it; where the layer has not started it is the first. Daylight saving
// moves handovers from where plain arithmetic expects them, but never far.
func (l layer) begun(at time.Time) int {
	start := l.handover(0)
	if at.Before(start) {
		return 0
	}
	turn := int(at.Sub(start) / l.Every.Elapsed())
	for l.handover(turn).After(at) {
		turn--
	}
	return turn
}

func (s Shift) overlaps(from, to time.Time) bool { return s.From.Before(to) && s.To.After(from) }

// without gives what overrides leave of a shift.
func (s Shift) without(overrides []Override) []Shift {
	pieces := []Shift{s}
	for _, o := range overrides {
		var left []Shift
		for _, p := range pieces {
			left = append(left, p.cut(o)...)
		}
		pieces = left
	}
	return pieces
}

// cut gives the parts of a shift before and after an override.
func (s Shift) cut(o Override) []Shift {
	if !s.overlaps(o.From, o.To) {
		return []Shift{s}
	}
	var parts []Shift
	if s.From.Before(o.From) {
		before := s
		before.To = o.From
		parts = append(parts, before)
	}
	if s.To.After(o.To) {
		after := s
		after.From = o.To
		parts = append(parts, after)
	}
	return parts
}
