package itsm

import (
	"slices"
	"time"
)

// nextDue gives the next instant at which a step acts by itself.
func (s *Steps) nextDue() (due time.Time, ok bool) {
	for i := range s.Runs {
		run := &s.Runs[i]
		if !run.Status.IsOver() && len(run.Timetable) > 0 && (!ok || run.Timetable[0].At.Before(due)) {
			due, ok = run.Timetable[0].At, true
		}
	}
	return due, ok
}

// pass does what is due in the steps, the earliest first. It reports whether a
// wait for the planned start is over before the process has started, which
// decides on it.
func (s *Steps) pass(at time.Time, started bool) (start bool) {
	for {
		due, ok := s.nextDue()
		if !ok || due.After(at) {
			return start
		}
		for i := range s.Runs {
			run := &s.Runs[i]
			if !run.Status.IsOver() && len(run.Timetable) > 0 && run.Timetable[0].At.Equal(due) {
				moment := run.Timetable[0]
				run.Timetable = run.Timetable[1:]
				start = s.passOne(run, moment, started, at) || start
				break
			}
		}
	}
}

// passOne does what one instant of a step's timetable asks for.
func (s *Steps) passOne(run *StepRun, due Due, started bool, at time.Time) (start bool) {
	switch due.Kind {
	case DueReminder:
		if run.overtaken(at) {
			return false
		}
		to := run.holders()
		s.log.add(at, byRule(), EventStepReminded, StepEvent{Step: run.ID, Title: run.Title, To: to})
		s.log.notify(EventStepReminded, to)
	case DueEscalation:
		s.log.add(at, byRule(), EventStepEscalated, StepEvent{Step: run.ID, Title: run.Title, To: due.To})
		s.log.notify(EventStepEscalated, due.To)
	case DueEnd:
		if rule, _ := s.Rule(run.ID); rule.ForStart && isForward(run.ID) && !started {
			return true
		}
		s.complete(run, byRule(), StepEvent{}, at)
	case DueDeadline:
		s.passDeadline(run, at)
	case DueHandover: // of approvals alone
	}
	return false
}

// overtaken reports whether a reminder comes so late that another one is due as
// well: after an outage people are asked once.
func (r *StepRun) overtaken(at time.Time) bool {
	return slices.ContainsFunc(r.Timetable, func(due Due) bool { return due.Kind == DueReminder && !due.At.After(at) })
}

// passDeadline tells of a missed deadline. A call whose callback did not come
// has failed; whoever else is late is waited for, and somebody is told.
func (s *Steps) passDeadline(run *StepRun, at time.Time) {
	if run.Kind == StepCall && run.Accepted {
		if s.waitOn(run, at) {
			return
		}
		run.Reached = true
		s.fail(run, byRule(), "its callback did not come in time; look at the system that was called", at)
		return
	}
	s.log.add(at, byRule(), EventStepTimedOut, StepEvent{Step: run.ID, Title: run.Title, Deadline: run.Deadline})
	s.log.notify(EventStepTimedOut, run.Owner)
}

const (
	lateness = 2 * time.Second // as late is only what nobody was there for
	grace    = 5 * time.Minute
)

// waitOn gives a callback more time where nobody was there to take it when its
// time was over: an outage decides nothing.
func (s *Steps) waitOn(run *StepRun, at time.Time) bool {
	if run.Deadline == nil || at.Sub(*run.Deadline) < lateness {
		return false
	}
	until := at.Add(grace)
	run.Deadline = &until
	run.Timetable = append(run.Timetable, Due{At: until, Kind: DueDeadline})
	sortDue(run.Timetable)
	s.log.add(at, byRule(), EventStepAccepted, StepEvent{
		Step: run.ID, Title: run.Title, Attempt: run.Attempt, Deadline: &until,
		Reason: "Steward was away when the time for the callback was over; it is waited for a while longer",
	})
	return true
}

// holders are those who may do a task now.
func (r *StepRun) holders() []string {
	if r.Claimed != "" {
		return []string{r.Claimed}
	}
	return r.People
}
