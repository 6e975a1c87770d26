package activities

import (
	"slices"
	"time"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
)

// reminders is the most reminders of one stage or step: what nobody does for so
// long needs another hand than one more mail.
const reminders = 30

// moments is what a definition says of when something that waits for people
// acts by itself.
type moments struct {
	within   *itsm.Duration
	remind   *itsm.Duration // how often
	escalate []definition.Escalation
	endsIt   bool // the deadline; otherwise it goes on, and so do the reminders
}

// timetable plans the instants, in order. approvers are those whose managers an
// escalation may mean.
func (r *resolver) timetable(m moments, approvers []string) ([]itsm.Due, error) {
	var due []itsm.Due
	var deadline time.Time
	if m.within != nil {
		at, err := r.after(r.at, *m.within)
		if err != nil {
			return nil, err
		}
		deadline = at
		due = append(due, itsm.Due{At: at, Kind: itsm.DueDeadline})
	}
	for _, step := range m.escalate {
		at, err := r.after(r.at, step.After)
		if err != nil {
			return nil, err
		}
		to, err := r.people(step.To, approvers)
		if err != nil {
			return nil, err
		}
		due = append(due, itsm.Due{At: at, Kind: itsm.DueEscalation, To: to})
	}
	reminding, err := r.remindersOf(m, deadline)
	if err != nil {
		return nil, err
	}
	due = append(due, reminding...)
	slices.SortStableFunc(due, func(x, y itsm.Due) int { return x.At.Compare(y.At) })
	return due, nil
}

// remindersOf plans reminders up to the deadline, and beyond it where that ends
// nothing.
func (r *resolver) remindersOf(m moments, deadline time.Time) ([]itsm.Due, error) {
	if m.remind == nil {
		return nil, nil
	}
	ends := !deadline.IsZero() && m.endsIt
	var due []itsm.Due
	at := r.at
	for len(due) < reminders {
		next, err := r.after(at, *m.remind)
		if err != nil || ends && !next.Before(deadline) {
			return due, err
		}
		if !next.Equal(deadline) {
			due = append(due, itsm.Due{At: next, Kind: itsm.DueReminder})
		}
		at = next
	}
	return due, nil
}

// after adds working time where there is a calendar.
func (r *resolver) after(from time.Time, d itsm.Duration) (time.Time, error) {
	if r.calendar == nil {
		return d.After(from, nil), nil
	}
	return r.calendar.Add(from, d)
}
