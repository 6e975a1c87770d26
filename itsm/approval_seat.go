package itsm

import (
	"slices"
	"time"
)

// holders says who sits on each seat at an instant: its person, whoever it was
// handed to, or the stand-in of an absent person. Nobody sits on two seats, so
// nobody is counted twice: where a stand-in has a seat, may not decide or has
// voted on another, the seat stays with its person.
func (a *Approval) holders(stage *Stage, at time.Time) []string {
	holders := make([]string, len(stage.Seats))
	taken := map[string]bool{}
	for i := range stage.Seats {
		if stage.Seats[i].standIn(at) == "" {
			holders[i] = stage.Seats[i].Person
			taken[holders[i]] = true
		}
	}
	for i := range stage.Seats {
		if holders[i] != "" {
			continue
		}
		holders[i] = stage.Seats[i].Person
		if to := stage.Seats[i].standIn(at); !taken[to] && a.fit(stage, i, to) == "" {
			holders[i] = to
		}
		taken[holders[i]] = true
	}
	return holders
}

// standIn gives who decides for the seat's person at an instant, or "".
func (s *Seat) standIn(at time.Time) string {
	if s.Delegate != "" {
		return s.Delegate
	}
	for _, absence := range s.Absences {
		if absence.covers(at) {
			return absence.Delegate
		}
	}
	return ""
}

// fit says why a person may not take over a seat of another, or "".
func (a *Approval) fit(stage *Stage, index int, person string) string {
	if a.excludes(a.Rules.Stages[stage.Rule], person) {
		return "the flow excludes them from this stage"
	}
	for i, seat := range stage.Seats {
		if i == index {
			continue
		}
		if seat.Person == person || seat.Delegate == person || seat.Decision != nil && seat.Decision.By == person {
			return "they have a vote in this stage already"
		}
	}
	return ""
}

// seatOf gives the seat that a person may use at an instant, or nil.
func (a *Approval) seatOf(stage *Stage, person string, at time.Time) *Seat {
	if i := slices.Index(a.holders(stage, at), person); i >= 0 {
		return &stage.Seats[i]
	}
	return nil
}

// waitingFor lists who has yet to decide the open stage.
func (a *Approval) waitingFor(stage *Stage, at time.Time) []string {
	var names []string
	for i, holder := range a.holders(stage, at) {
		if stage.Seats[i].Decision == nil {
			names = append(names, holder)
		}
	}
	return names
}
