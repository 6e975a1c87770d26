package itsm

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Open records that the incident exists, starts its clocks and its ladder.
func (i *Incident) Open(c Command, at time.Time, policies []DefinitionRef) {
	i.Opened, i.PhaseSince = at, at
	i.add(at, c, EventIncidentOpened, IncidentOpened{
		Title: i.Title, Description: i.Description, Service: i.Service, Alert: i.Alert, Class: i.Class, Policies: policies,
	})
	i.Respond.Started, i.Resolve.Started = at, at
	i.retarget()
	if len(i.Rules.Rungs) > 0 {
		i.Ladder = Ladder{Round: 1, Next: &at}
	}
	i.Wanted = IncidentWants{People: true, Clocks: true, Major: i.Rules.Major, Rung: i.Ladder.Next != nil, Transitions: true}
}

// retarget has the clocks that still run measure what the policy promises for
// the priority, and forgets what was worked out for another.
func (i *Incident) retarget() {
	target := i.Rules.Targets[i.Class.Priority]
	i.Respond.retarget(target.Respond, target.Calendar)
	i.Resolve.retarget(target.Resolve, target.Calendar)
	i.Wanted.Clocks = true
}

func (c *IncidentClock) retarget(target Duration, calendar string) {
	if c.Stopped != nil {
		return
	}
	*c = IncidentClock{Clock: c.Clock}
	if !target.IsZero() {
		c.Target, c.Calendar = target.String(), calendar
	}
}

// stop ends the clock, and nothing of it is still to come.
func (c *IncidentClock) stop(at time.Time) {
	c.Stop(at)
	c.Due, c.WarnAt = nil, nil
}

// pause has the clock stand still, and nothing of it is to come meanwhile.
func (c *IncidentClock) pause(at time.Time, why string) {
	c.Pause(at, why)
	c.Due, c.WarnAt = nil, nil
}

// Find takes what Wanted asked for, and goes on.
func (i *Incident) Find(f IncidentFindings, at time.Time) {
	wanted := i.Wanted
	i.Wanted = IncidentWants{}
	for _, problem := range f.Problems {
		i.add(at, byRule(), EventIncidentNoted, IncidentEvent{Note: problem})
	}
	if wanted.People {
		i.Owner, i.Support = f.Owner, f.Support
	}
	if wanted.Clocks {
		i.Respond.read(f.Respond)
		i.Resolve.read(f.Resolve)
	}
	if wanted.Major && f.Major && i.Major == nil {
		i.declare(byRule(), "the policy", "", at)
	}
	if wanted.Transitions {
		i.attachTo(f.Transitions, at)
	}
	if wanted.Rung {
		i.climb(f.Rung, f.Suppressed, at)
	}
	i.beginReview(at)
	i.Pass(at) // what was long in the finding may have missed moments
}

// read takes when a clock is due.
func (c *IncidentClock) read(r *Reading) {
	if c.Stopped != nil || r == nil {
		c.Due, c.WarnAt = nil, nil
		return
	}
	c.Due, c.WarnAt = r.Due, r.WarnAt
}

// attachTo notes the transitions in whose early life the incident comes. They
// are told, now and whenever its classification or its phase changes.
func (i *Incident) attachTo(transitions []string, at time.Time) {
	for _, transition := range transitions {
		if slices.Contains(i.Transitions, transition) {
			continue
		}
		i.Transitions = append(i.Transitions, transition)
		i.Told = append(i.Told, transition)
		i.add(at, byRule(), EventTransitionAttached, IncidentEvent{Transition: transition})
	}
}

// climb tells the people of the next rung. One that names nobody now is passed
// at once. While paging is suppressed the ladder waits, and looks again.
func (i *Incident) climb(people []string, suppressed *PagingSuppressed, at time.Time) {
	if i.Ladder.Next == nil || i.State == StateClosed || i.rests() {
		return
	}
	if suppressed != nil && !i.Ladder.ByHand {
		i.suppress(*suppressed, at)
		return
	}
	if i.Ladder.Suppressed != "" && suppressed == nil {
		i.Ladder.Suppressed = ""
		i.add(at, byRule(), EventPagingAllowed, IncidentEvent{})
	}
	rung := PageSent{Round: i.Ladder.Round, Rung: i.Ladder.Rung + 1, Of: len(i.Rules.Rungs), To: people}
	wait := i.Rules.Rungs[i.Ladder.Rung]
	if len(people) == 0 {
		rung.Why = "nobody is there to be told"
		i.add(at, byRule(), EventRungPassed, rung)
		i.nextRung(at)
		return
	}
	i.Ladder.Paged = true
	i.page(byRule(), rung, at)
	i.nextRung(wait.After(at, nil))
}

// pagesKept is how many pages the state keeps, the newest: it is carried in
// every history. The journal has them all.
const pagesKept = 100

// page calls for help.
func (i *Incident) page(c Command, rung PageSent, at time.Time) {
	number := i.add(at, c, EventPageSent, rung)
	i.notify(EventPageSent, rung.To)
	i.Ladder.ByHand = false
	i.Pages = append(i.Pages, Page{Event: number, At: at, Round: rung.Round, Rung: rung.Rung, To: rung.To})
	i.Pages = i.Pages[max(0, len(i.Pages)-pagesKept):]
}

// lookAgain is how long suppressed paging waits at the most before it is looked
// at again: a maintenance may end early.
const lookAgain = 15 * time.Minute

func (i *Incident) suppress(s PagingSuppressed, at time.Time) {
	if i.Ladder.Suppressed != s.Why {
		i.Ladder.Suppressed = s.Why
		i.add(at, byRule(), EventPagingSuppressed, s)
	}
	next := at.Add(lookAgain)
	if s.Until != nil && s.Until.Before(next) && s.Until.After(at) {
		next = *s.Until
	}
	i.Ladder.Next = &next
}

// nextRung goes up by one; from the last, it begins again as often as the
// policy says.
func (i *Incident) nextRung(next time.Time) {
	l := &i.Ladder
	l.Next = &next
	if l.Rung++; l.Rung < len(i.Rules.Rungs) {
		return
	}
	l.Rung = 0
	if l.Round <= i.Rules.Repeat {
		l.Round++
		return
	}
	l.Exhausted = true // once the last rung was waited for too
}

// exhaust ends the ladder: everybody was told, and nobody has acknowledged.
func (i *Incident) exhaust(at time.Time) {
	i.Ladder.Next, i.Ladder.ByHand = nil, false
	i.add(at, byRule(), EventLadderExhausted, IncidentEvent{Why: "everybody was told, as often as the policy says, and nobody has acknowledged it"})
	i.notify(EventLadderExhausted, i.Owner)
	if !i.Ladder.Paged { // a shift may begin later
		look := at.Add(lookAgain << min(i.Ladder.Looks, 4))
		i.Ladder.LookAt = &look
		i.Ladder.Looks++
	}
}

// passLook climbs a ladder again on which nobody was.
func (i *Incident) passLook(at time.Time) {
	l := &i.Ladder
	if l.LookAt == nil || i.rests() || at.Before(*l.LookAt) {
		return
	}
	i.add(at, byRule(), EventLadderResumed, IncidentEvent{Why: "nobody was there to be told; perhaps somebody is by now"})
	*l = Ladder{Round: 1, Next: &at, Looks: l.Looks}
	i.Wanted.Rung = true
}

// stopLadder ends the ladder of an incident that needs nobody any more.
func (i *Incident) stopLadder() {
	i.Ladder.Next, i.Ladder.Suppressed, i.Ladder.ByHand = nil, "", false
}

// rests reports whether the ladder waits for those who have taken the incident
// on.
func (i *Incident) rests() bool {
	return i.Acknowledged != nil || i.Phase != IncidentNew && i.Phase != IncidentInProgress
}

// declare makes it a major incident.
func (i *Incident) declare(c Command, by, commander string, at time.Time) int {
	i.Major = &Major{By: by, At: at, Commander: commander}
	number := i.add(at, c, EventMajorDeclared, IncidentEvent{Person: commander, Why: by})
	to := slices.Concat(i.Owner, i.Support)
	if commander != "" {
		to = append(to, commander)
	}
	i.notify(EventMajorDeclared, to)
	return number
}

// command gives a major incident another commander, and tells them.
func (i *Incident) command(c Command, commander string, at time.Time) int {
	i.Major.Commander = commander
	number := i.add(at, c, EventMajorDeclared, IncidentEvent{Person: commander, Why: i.Major.By})
	i.notify(EventMajorDeclared, []string{commander})
	return number
}

// NextDue gives the next instant at which the incident acts by itself.
func (i *Incident) NextDue() (due time.Time, ok bool) {
	if i.State == StateClosed {
		return due, false
	}
	soonest := func(t *time.Time) {
		if t != nil && (!ok || t.Before(due)) {
			due, ok = *t, true
		}
	}
	if !i.rests() {
		soonest(i.Ladder.Next)
		soonest(i.Ladder.LookAt)
	}
	if i.Acknowledged != nil && i.Phase == IncidentInProgress {
		soonest(i.Acknowledged.SilentAt)
	}
	for _, clock := range []*IncidentClock{&i.Respond, &i.Resolve} {
		soonest(clock.next())
	}
	soonest(i.closing())
	if step, waits := i.Steps.nextDue(); waits {
		soonest(&step)
	}
	return due, ok
}

// closing is when the incident closes by itself; nil while somebody has a task.
func (i *Incident) closing() *time.Time {
	if i.busy() {
		return nil
	}
	return i.CloseAt
}

// next is when the clock acts: it warns, and is breached, once.
func (c *IncidentClock) next() *time.Time {
	switch {
	case c.Stopped != nil || c.Breached != nil:
		return nil
	case !c.Warned && c.WarnAt != nil:
		return c.WarnAt
	default:
		return c.Due
	}
}

// Pass does what is due at an instant.
func (i *Incident) Pass(at time.Time) {
	if i.State == StateClosed {
		return
	}
	i.passClock(ClockRespond, &i.Respond, at)
	i.passClock(ClockResolve, &i.Resolve, at)
	i.passSilence(at)
	i.passLook(at)
	i.Steps.pass(at, true)
	if i.Ladder.Next != nil && !i.rests() && !at.Before(*i.Ladder.Next) {
		if i.Ladder.Exhausted {
			i.exhaust(at)
		} else {
			i.Wanted.Rung = true
		}
	}
	if closing := i.closing(); closing != nil && !at.Before(*closing) {
		i.close(OutcomeResolved, "it was resolved, and nobody reopened it", byRule(), at)
	}
}

// passClock warns of a breach to come, and tells of one. After an outage people
// are told of the breach alone.
func (i *Incident) passClock(name ClockName, c *IncidentClock, at time.Time) {
	if c.Stopped != nil || c.Due == nil || c.Breached != nil {
		return
	}
	switch {
	case !at.Before(*c.Due):
		due := *c.Due
		c.Breached, c.Warned = &due, true
		i.add(at, byRule(), EventClockBreached, ClockEvent{Clock: name, Due: due})
		i.notify(EventClockBreached, i.concerned())
	case c.WarnAt != nil && !c.Warned && !at.Before(*c.WarnAt):
		c.Warned = true
		i.add(at, byRule(), EventClockWarned, ClockEvent{Clock: name, Due: *c.Due})
		i.notify(EventClockWarned, i.concerned())
	}
}

// concerned are those who must know that a promise is about to be broken.
func (i *Incident) concerned() []string {
	to := slices.Clone(i.Owner)
	if i.Assignee != "" {
		to = append(to, i.Assignee)
	}
	return to
}

// passSilence lets the ladder go on where those who acknowledged have shown no
// sign of life.
func (i *Incident) passSilence(at time.Time) {
	a := i.Acknowledged
	if a == nil || a.SilentAt == nil || i.Phase != IncidentInProgress || at.Before(*a.SilentAt) {
		return
	}
	i.add(at, byRule(), EventLadderResumed, IncidentEvent{
		Person: a.By, Why: fmt.Sprintf("there was no sign of life for %s after %s acknowledged it", i.Rules.Silence, a.By),
	})
	i.Acknowledged = nil
	i.restartLadder(at)
}

// restartLadder goes on with the rung where the ladder stopped; one that was
// over begins anew.
func (i *Incident) restartLadder(at time.Time) {
	if len(i.Rules.Rungs) == 0 {
		return
	}
	if i.Ladder.Exhausted {
		i.Ladder = Ladder{Round: 1}
	}
	i.Ladder.Next = &at
}

// standing says in words how it stands, for refusals.
func (i *Incident) standing() string {
	var parts []string
	if i.Acknowledged != nil {
		parts = append(parts, "acknowledged by "+i.Acknowledged.By)
	}
	if i.Resolution != nil {
		parts = append(parts, "resolved by "+i.Resolution.By)
	}
	if len(parts) == 0 {
		return "it is " + string(i.Phase)
	}
	return "it is " + string(i.Phase) + ", " + strings.Join(parts, ", ")
}
