package itsm

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// NewCalendar makes a calendar of the hours of an ordinary week, in any order,
// and of exceptions, of which later ones win. Without hours it is closed but
// for its exceptions. The error has CodeDefinitionInvalid: no zone, hours that
// do not end after they begin or that overlap, or an exception that ends
// before it begins.
func NewCalendar(loc *time.Location, weekly []Hours, exceptions []Exception) (*Calendar, error) {
	if loc == nil {
		return nil, Errorf(CodeDefinitionInvalid, `the calendar has no time zone; write one such as "Europe/Berlin"`)
	}
	c := &Calendar{location: loc}
	for _, h := range weekly {
		if h.Weekday < time.Sunday || h.Weekday > time.Saturday {
			return nil, Errorf(CodeDefinitionInvalid, "there is no weekday %d; use 0 for Sunday to 6 for Saturday", h.Weekday)
		}
		c.week[h.Weekday] = append(c.week[h.Weekday], Span{h.From, h.To})
	}
	for day, spans := range c.week {
		if err := arrange(spans, time.Weekday(day).String()); err != nil {
			return nil, err
		}
	}
	for _, e := range exceptions {
		e.Hours = slices.Clone(e.Hours)
		if err := e.check(); err != nil {
			return nil, err
		}
		c.exceptions = append(c.exceptions, e)
	}
	return c, nil
}

// check arranges the hours of e too.
func (e Exception) check() error {
	what := fmt.Sprintf("the exception %q", e.Title)
	switch {
	case e.From.IsZero() || e.To.IsZero():
		return Errorf(CodeDefinitionInvalid, "%s lacks a date; write both from and to", what)
	case e.From != e.From.Date() || e.To != e.To.Date():
		return Errorf(CodeDefinitionInvalid, "%s has a time of day; write dates alone, and its hours apart", what)
	case e.To.Before(e.From):
		return Errorf(CodeDefinitionInvalid, "%s ends before it begins; swap from and to", what)
	case e.Closed && len(e.Hours) > 0:
		return Errorf(CodeDefinitionInvalid, "%s is closed and has hours; leave one of them out", what)
	}
	return arrange(e.Hours, what)
}

// arrange puts the spans of a day in order and refuses what can't be one.
func arrange(spans []Span, what string) error {
	slices.SortFunc(spans, func(a, b Span) int { return cmp.Compare(a.From, b.From) })
	for i, s := range spans {
		if s.From < 0 || s.To > EndOfDay || s.From >= s.To {
			return Errorf(CodeDefinitionInvalid,
				"%s has hours from %s to %s; they must end after they begin, within 00:00 and 24:00: split what goes past midnight", what, hhmm(s.From), hhmm(s.To))
		}
		if i > 0 && s.From < spans[i-1].To {
			return Errorf(CodeDefinitionInvalid, "%s has hours that overlap at %s; join them", what, hhmm(s.From))
		}
	}
	return nil
}

func hhmm(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }
