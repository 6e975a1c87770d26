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
	for _, absence := range slices.Backward(s.Absences) { // the one noted last counts
		if absence.covers(at) {
			return absence.Delegate
		}
	}
	return ""
}

// handTo gives the seat to another person, or back to its own.
func (s *Seat) handTo(person string, at time.Time) {
	s.Delegate = person
	if person == s.Person {
		s.Delegate = ""
		s.Absences = slices.DeleteFunc(slices.Clone(s.Absences), func(b Absence) bool { return b.covers(at) })
	}
}

// fit says why a person may not take over a seat of another, or "". The
// requester never may, whatever the flow says: nobody who was not chosen to
// decide gets to decide their own request because somebody is away.
func (a *Approval) fit(stage *Stage, index int, person string) string {
	if a.Requester.IsPerson(person) {
		return "they asked for it themselves"
	}
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

// planHandovers plans the instants to come at which a seat may pass to another
// person because an absence begins or ends.
func (s *Stage) planHandovers(after time.Time) {
	plan := slices.DeleteFunc(slices.Clone(s.Timetable), func(d Due) bool { return d.Kind == DueHandover })
	for _, seat := range s.Seats {
		for _, absence := range seat.Absences {
			for _, at := range []time.Time{absence.From, absence.To} {
				due := func(d Due) bool { return d.Kind == DueHandover && d.At.Equal(at) }
				if at.After(after) && !slices.ContainsFunc(plan, due) {
					plan = append(plan, Due{At: at, Kind: DueHandover})
				}
			}
		}
	}
	slices.SortStableFunc(plan, func(x, y Due) int { return x.At.Compare(y.At) })
	s.Timetable = plan
}

// handOver records which seats pass to another person at a moment, and asks
// the one who sits there now.
func (a *Approval) handOver(stage *Stage, moment, at time.Time) {
	before, after, now := a.holders(stage, moment.Add(-1)), a.holders(stage, moment), a.holders(stage, at)
	for i, seat := range stage.Seats {
		if before[i] == after[i] {
			continue
		}
		a.add(at, byRule(), EventSeatPassed, SeatDelegated{Stage: stage.Name, Seat: seat.Person, From: before[i], To: after[i]})
		if seat.Decision == nil && now[i] == after[i] {
			a.notify(EventStageOpened, []string{now[i]})
		}
	}
}
