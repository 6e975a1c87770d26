package definition

import (
	"fmt"
	"slices"
	"time"

	"github.com/steward-itsm/steward/itsm"
)

// clockAlways is what stands for a calendar that is always open.
const clockAlways = "always"

// Hours are open hours on some days of the week.
type Hours struct {
	Days []string `json:"days"` // mon to sun
	From string   `json:"from"` // local time, 08:00
	To   string   `json:"to"`   // local time, up to 24:00
}

// Exception is a span of days unlike others.
type Exception struct {
	From   itsm.Civil `json:"from"`
	To     itsm.Civil `json:"to"` // included
	Title  string     `json:"title,omitempty"`
	Closed bool       `json:"closed,omitempty"` // open all day if false
}

// Calendar says when it is open.
type Calendar struct {
	Timezone   string      `json:"timezone"`
	Hours      []Hours     `json:"hours"`
	Exceptions []Exception `json:"exceptions,omitempty"`
}

// Build makes the calendar that counts. It needs the time zone database, so
// workflows must not call it. The error has CodeDefinitionInvalid.
func (c *Calendar) Build() (*itsm.Calendar, error) {
	zone, err := location(c.Timezone)
	if err != nil {
		return nil, err
	}
	exceptions := make([]itsm.Exception, 0, len(c.Exceptions))
	for _, e := range c.Exceptions {
		exceptions = append(exceptions, itsm.Exception{From: e.From, To: e.To, Title: e.Title, Closed: e.Closed})
	}
	return itsm.NewCalendar(zone, weekly(c.Hours), exceptions)
}

func (c *Calendar) visit(v visitor) {
	visitHours(v, "/spec/hours", c.Hours)
	opens := len(c.Hours) > 0
	for i, e := range c.Exceptions {
		opens = opens || !e.Closed
		if e.To.Before(e.From) {
			v.fault(at("/spec/exceptions", i)+"/to", codeBackwards, "the exception ends before it begins; swap from and to")
		}
	}
	if !opens && v.has("/spec/hours") {
		v.fault("/spec/hours", codeNeverOpen, "the calendar is never open; give it hours, or an exception that is open")
	}
}

// visitHours finds hours that end before they begin, or overlap on a day.
func visitHours(v visitor, path string, hours []Hours) {
	seen := map[string][]itsm.Span{} // by day
	for i, h := range hours {
		from, errFrom := minuteOf(h.From)
		to, errTo := minuteOf(h.To)
		if errFrom != nil || errTo != nil {
			continue // the shape tells
		}
		if from >= to {
			v.fault(at(path, i)+"/to", codeBackwards, "the hours end before they begin; split what goes past midnight into two entries")
			continue
		}
		for _, day := range h.Days {
			now := itsm.Span{From: from, To: to}
			if slices.ContainsFunc(seen[day], func(s itsm.Span) bool { return s.From < now.To && now.From < s.To }) {
				v.fault(at(path, i), codeOverlap, "these hours overlap with others on %s; join them", day)
				break
			}
			seen[day] = append(seen[day], now)
		}
	}
}

// Rotation is people who take turns.
type Rotation struct {
	Name   string        `json:"name"`
	People []string      `json:"people"`
	Starts itsm.Civil    `json:"starts"` // local time
	Every  itsm.Duration `json:"every"`
	Hours  []Hours       `json:"hours,omitempty"` // none is always
}

// Override puts one person on call for a time.
type Override struct {
	From   itsm.Civil `json:"from"` // local time
	To     itsm.Civil `json:"to"`   // not included
	Person string     `json:"person"`
}

// Schedule says who is on call when.
type Schedule struct {
	Timezone  string     `json:"timezone"`
	Rotations []Rotation `json:"rotations"`
	Overrides []Override `json:"overrides,omitempty"`
}

// Build makes the schedule that tells who is on call. It needs the time zone
// database, so workflows must not call it. The error has CodeDefinitionInvalid.
func (s *Schedule) Build() (*itsm.Schedule, error) {
	zone, err := location(s.Timezone)
	if err != nil {
		return nil, err
	}
	layers := make([]itsm.Layer, 0, len(s.Rotations))
	for _, r := range s.Rotations {
		layers = append(layers, itsm.Layer{Name: r.Name, People: r.People, Starts: r.Starts, Every: r.Every, Restrictions: weekly(r.Hours)})
	}
	overrides := make([]itsm.Override, 0, len(s.Overrides))
	for _, o := range s.Overrides {
		overrides = append(overrides, itsm.Override{From: o.From.In(zone), To: o.To.In(zone), Person: o.Person})
	}
	return itsm.NewSchedule(zone, layers, overrides)
}

func (s *Schedule) visit(v visitor) {
	names := namesOnce{v: v, code: codeNameTwice}
	for i, r := range s.Rotations {
		path := at("/spec/rotations", i)
		names.visit(path+"/name", r.Name)
		visitHours(v, path+"/hours", r.Hours)
		if !r.Every.IsZero() && r.Every.Elapsed() < time.Hour {
			v.fault(path+"/every", codeRange, "turns of %s are too short to work in; make them an hour or longer, such as 1w", r.Every)
		}
		for j, person := range r.People {
			v.reference(at(path+"/people", j), KindPerson, person)
		}
	}
	for i, o := range s.Overrides {
		path := at("/spec/overrides", i)
		v.reference(path+"/person", KindPerson, o.Person)
		if !o.From.Before(o.To) && !o.From.IsZero() && !o.To.IsZero() {
			v.fault(path+"/to", codeBackwards, "the override ends before it begins; swap from and to")
		}
	}
}

var weekdays = map[string]time.Weekday{
	"sun": time.Sunday, "mon": time.Monday, "tue": time.Tuesday, "wed": time.Wednesday,
	"thu": time.Thursday, "fri": time.Friday, "sat": time.Saturday,
}

func weekly(hours []Hours) []itsm.Hours {
	var week []itsm.Hours
	for _, h := range hours {
		from, _ := minuteOf(h.From) // the shape was checked
		to, _ := minuteOf(h.To)
		for _, day := range h.Days {
			week = append(week, itsm.Hours{Weekday: weekdays[day], From: from, To: to})
		}
	}
	return week
}

// minuteOf reads "08:00" as minutes since midnight; "24:00" is the day's end.
func minuteOf(text string) (int, error) {
	if text == "24:00" {
		return itsm.EndOfDay, nil
	}
	t, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return 0, fmt.Errorf("%q is not a local time; write one such as 08:00", text)
	}
	return t.Hour()*60 + t.Minute(), nil
}

// location finds a time zone by name. "Local" is refused: it would mean
// another zone on each machine.
func location(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, itsm.Errorf(itsm.CodeDefinitionInvalid, "%q is not a time zone; write a name such as Europe/Berlin", name)
	}
	return zone, nil
}
