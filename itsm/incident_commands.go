package itsm

import (
	"slices"
	"time"
)

// Every command by somebody is a sign of life: the ladder of an acknowledged
// incident waits on.
func (i *Incident) sign(c Command, at time.Time) {
	if i.Acknowledged != nil && c.Actor.Kind == ActorPerson {
		i.Acknowledged.LastSign = at
		i.Acknowledged.SilentAt = i.silentAt(at)
	}
}

func (i *Incident) silentAt(at time.Time) *time.Time {
	if i.Rules.Silence.IsZero() {
		return nil
	}
	silent := i.Rules.Silence.After(at, nil)
	return &silent
}

// CheckOpen refuses what may not be done to an incident that is over, with
// CodeProcessClosed.
func (i *Incident) CheckOpen() error {
	if i.State != StateClosed {
		return nil
	}
	if i.MergedInto != "" {
		return Errorf(CodeProcessClosed, "%s was merged into %s; go on there", i.ID, i.MergedInto)
	}
	return Errorf(CodeProcessClosed, "%s is closed: it was %s, and that doesn't change; open another", i.ID, i.Outcome)
}

// checkPhase refuses what may not be done in a phase, with CodePhase.
func (i *Incident) checkPhase(what, instead string, allowed ...IncidentPhase) error {
	if err := i.CheckOpen(); err != nil {
		return err
	}
	if !slices.Contains(allowed, i.Phase) {
		return Errorf(CodePhase, "%s can't be %s: %s; %s", i.ID, what, i.standing(), instead)
	}
	return nil
}

// unresolved are the phases in which somebody works on it, or should.
var unresolved = []IncidentPhase{IncidentNew, IncidentInProgress, IncidentWaitingUser, IncidentWaitingSupplier}

// enter goes on to another phase. Clocks stand still where the policy says.
func (i *Incident) enter(phase IncidentPhase, at time.Time) {
	i.Phase, i.PhaseSince = phase, at
	i.tellTransitions()
}

// tellTransitions has those told in whose early life the incident came.
func (i *Incident) tellTransitions() {
	i.Told = slices.Clone(i.Transitions)
}

// CheckAcknowledge says why nobody can take the incident on, or nil: CodePhase
// or CodeProcessClosed.
func (i *Incident) CheckAcknowledge() error {
	return i.checkPhase("acknowledged", "reopen it, if it is not over", unresolved...)
}

// Acknowledge has somebody take the incident on: its clock of response stops,
// and the ladder rests for as long as the policy says. The error is that of
// CheckAcknowledge.
func (i *Incident) Acknowledge(c Command, at time.Time) (int, error) {
	if err := i.CheckAcknowledge(); err != nil {
		return 0, err
	}
	return i.acknowledge(c, at), nil
}

func (i *Incident) acknowledge(c Command, at time.Time) int {
	number := i.add(at, c, EventIncidentAcknowledged, IncidentEvent{Person: c.Actor.Name})
	i.Acknowledged = &Acknowledgement{By: c.Actor.Name, At: at, LastSign: at, SilentAt: i.silentAt(at)}
	i.Ladder.Suppressed, i.Ladder.ByHand = "", false // nobody would be paged anyway
	i.Respond.stop(at)
	if i.Assignee == "" && c.Actor.Kind == ActorPerson {
		i.Assignee = c.Actor.Name
	}
	if i.Phase == IncidentNew {
		i.enter(IncidentInProgress, at)
	}
	return number
}

// Assign gives the incident to a person, and tells them. The error has
// CodeProcessClosed, CodePhase or CodeNothingChanged.
func (i *Incident) Assign(c Command, person string, at time.Time) (int, error) {
	if err := i.checkPhase("assigned", "reopen it first", unresolved...); err != nil {
		return 0, err
	}
	if i.Assignee == person {
		return 0, Errorf(CodeNothingChanged, "%s is assigned to %s already; there is nothing to do", i.ID, person)
	}
	i.Assignee = person
	number := i.add(at, c, EventIncidentAssigned, IncidentEvent{Person: person})
	i.notify(EventIncidentAssigned, []string{person})
	i.sign(c, at)
	return number, nil
}

// Note adds what somebody found or did. The error has CodeProcessClosed or
// CodeCommentRequired.
func (i *Incident) Note(c Command, at time.Time) (int, error) {
	if err := i.CheckOpen(); err != nil {
		return 0, err
	}
	if c.Comment == "" {
		return 0, FieldErrorf(CodeCommentRequired, "/comment", "say in the comment what is to be noted")
	}
	number := i.add(at, c, EventIncidentNoted, IncidentEvent{})
	i.sign(c, at)
	return number, nil
}

// Hold has the incident wait for the user or a supplier. The clock of resolution
// stands still where the policy says so. The error has CodeProcessClosed,
// CodePhase, CodeInvalid or CodeNothingChanged.
func (i *Incident) Hold(c Command, phase IncidentPhase, at time.Time) (int, error) {
	if phase != IncidentWaitingUser && phase != IncidentWaitingSupplier {
		return 0, FieldErrorf(CodeInvalid, "/for", "an incident waits for the user or a supplier; give %s or %s", IncidentWaitingUser, IncidentWaitingSupplier)
	}
	if err := i.checkPhase("held", "reopen it first", unresolved...); err != nil {
		return 0, err
	}
	if i.Phase == phase {
		return 0, Errorf(CodeNothingChanged, "%s is %s already; there is nothing to do", i.ID, phase)
	}
	number := i.add(at, c, EventIncidentHeld, IncidentEvent{Phase: phase})
	if i.Acknowledged == nil { // who has it wait has taken it on
		i.acknowledge(Command{Actor: c.Actor}, at)
	}
	i.Resolve.Resume(at)
	if slices.Contains(i.Rules.Pauses, phase) {
		i.Resolve.pause(at, string(phase))
	}
	i.Wanted.Clocks = true
	i.enter(phase, at)
	i.sign(c, at)
	return number, nil
}

// Resume goes on with an incident that waited. The error has CodeProcessClosed
// or CodePhase.
func (i *Incident) Resume(c Command, at time.Time) (int, error) {
	if err := i.checkPhase("resumed", "it waits for nobody", IncidentWaitingUser, IncidentWaitingSupplier); err != nil {
		return 0, err
	}
	number := i.add(at, c, EventIncidentResumed, IncidentEvent{Phase: IncidentInProgress})
	i.Resolve.Resume(at)
	i.Wanted.Clocks = true
	i.enter(IncidentInProgress, at)
	if i.Acknowledged != nil { // the time for a sign of life begins now
		i.Acknowledged.LastSign, i.Acknowledged.SilentAt = at, i.silentAt(at)
	}
	return number, nil
}

// Classify changes category, impact or urgency, and with them the priority and
// the clocks. The error has CodeProcessClosed, CodePhase, CodeInvalid,
// CodeCommentRequired or CodeNothingChanged.
func (i *Incident) Classify(c Command, to Classification, at time.Time) (int, error) {
	if err := i.checkPhase("classified", "reopen it first", unresolved...); err != nil {
		return 0, err
	}
	to, err := i.merge(to)
	switch {
	case err != nil:
		return 0, err
	case to == i.Class:
		return 0, Errorf(CodeNothingChanged, "%s is classified like this already; there is nothing to do", i.ID)
	case c.Comment == "":
		return 0, FieldErrorf(CodeCommentRequired, "/comment", "say in a comment why the classification changes")
	}
	number := i.reclassify(c, to, at)
	i.sign(c, at)
	return number, nil
}

// merge fills in what stays as it is.
func (i *Incident) merge(to Classification) (Classification, error) {
	if to.Impact == "" {
		to.Impact = i.Class.Impact
	}
	if to.Urgency == "" {
		to.Urgency = i.Class.Urgency
	}
	if to.Category == "" {
		to.Category = i.Class.Category
	}
	for _, one := range []struct {
		field string
		level Level
	}{{"/impact", to.Impact}, {"/urgency", to.Urgency}} {
		if !one.level.IsKnown() {
			return to, FieldErrorf(CodeInvalid, one.field, "%q is no level; give high, medium or low", one.level)
		}
	}
	return i.classify(to), nil
}

func (i *Incident) reclassify(c Command, to Classification, at time.Time) int {
	from := i.Class
	i.Class = to
	number := i.add(at, c, EventIncidentClassified, IncidentClassified{From: from, To: to})
	i.Wanted.Major = i.Rules.Major && i.Major == nil // the policy may ask for more than the priority
	i.tellTransitions()
	if from.Priority != to.Priority {
		i.retarget()
	}
	return number
}

// Declare makes it a major incident by hand. The error has CodeProcessClosed,
// CodePhase or CodeNothingChanged.
func (i *Incident) Declare(c Command, commander string, at time.Time) (int, error) {
	if err := i.checkPhase("declared a major incident", "reopen it first", unresolved...); err != nil {
		return 0, err
	}
	if i.Major != nil && (commander == "" || i.Major.Commander == commander) {
		return 0, Errorf(CodeNothingChanged, "%s is a major incident already; there is nothing to do", i.ID)
	}
	var number int
	if i.Major == nil {
		number = i.declare(c, c.Actor.Name, commander, at)
	} else {
		number = i.command(c, commander, at)
	}
	i.sign(c, at)
	return number, nil
}

// Escalate pages the next rung at once, or the one given, from 1; 0 is the next.
// The ladder goes on from there. Whoever asks for help gets it, also while
// paging is suppressed. The error has CodeProcessClosed, CodePhase or
// CodeInvalid.
func (i *Incident) Escalate(c Command, rung int, at time.Time) (int, error) {
	if err := i.checkPhase("escalated", "reopen it first", unresolved...); err != nil {
		return 0, err
	}
	if len(i.Rules.Rungs) == 0 {
		return 0, Errorf(CodeInvalid, "service %s has no escalation policy; assign %s to somebody instead", i.Service, i.ID)
	}
	if rung < 0 || rung > len(i.Rules.Rungs) {
		return 0, FieldErrorf(CodeInvalid, "/rung", "the ladder has %d rungs; give one of them", len(i.Rules.Rungs))
	}
	i.Acknowledged = nil
	i.restartLadder(at)
	if rung > 0 {
		i.Ladder.Rung = rung - 1
	}
	i.Ladder.ByHand = true
	i.Wanted.Rung = true
	number := i.add(at, c, EventIncidentEscalated, PageSent{Round: i.Ladder.Round, Rung: i.Ladder.Rung + 1})
	if i.Phase != IncidentNew && i.Phase != IncidentInProgress {
		i.Resolve.Resume(at)
		i.Wanted.Clocks = true
		i.enter(IncidentInProgress, at)
	}
	return number, nil
}
