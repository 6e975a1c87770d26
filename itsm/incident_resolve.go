package itsm

import (
	"slices"
	"time"
)

// CheckResolve says why the incident can't be resolved, or nil: CodePhase,
// CodeProcessClosed or CodeInvalid.
func (i *Incident) CheckResolve(cause, fix string) error {
	if err := i.checkPhase("resolved", "there is nothing to resolve", unresolved...); err != nil {
		return err
	}
	if cause == "" {
		return FieldErrorf(CodeInvalid, "/cause", "give a code for the cause, such as deployment, capacity, hardware, supplier, human-error or unknown")
	}
	if fix == "" {
		return FieldErrorf(CodeInvalid, "/fix", "give a code for the fix, such as rolled-back, restarted, replaced, worked-around or none")
	}
	return nil
}

// Resolved ends the work on the incident. It closes by itself when the policy's
// time has passed and nobody reopened it. The error is that of CheckResolve.
func (i *Incident) Resolved(c Command, cause, fix string, at time.Time) (int, error) {
	if err := i.CheckResolve(cause, fix); err != nil {
		return 0, err
	}
	number := i.resolve(c, Resolution{By: c.Actor.Name, At: at, Cause: cause, Fix: fix, Comment: c.Comment}, at)
	return number, nil
}

func (i *Incident) resolve(c Command, r Resolution, at time.Time) int {
	number := i.add(at, c, EventIncidentResolved, IncidentEvent{Cause: r.Cause, Fix: r.Fix})
	i.notify(EventIncidentResolved, i.reporters())
	i.Resolution = &r
	i.Respond.stop(at)
	i.Resolve.stop(at)
	i.stopLadder()
	closeAt := i.Rules.AutoClose.After(at, nil)
	i.CloseAt = &closeAt
	i.enter(IncidentResolved, at)
	i.beginReview(at)
	i.Pass(at) // a policy without a time closes at once
	return number
}

func (i *Incident) reporters() []string {
	if i.Reporter.Kind == ActorPerson {
		return []string{i.Reporter.Name}
	}
	return nil
}

// Reopen goes on with an incident that was not resolved after all: its clocks
// go on where they stopped, and somebody is called. The error has CodePhase,
// CodeProcessClosed or CodeCommentRequired.
func (i *Incident) Reopen(c Command, at time.Time) (int, error) {
	if err := i.CheckReopen(c); err != nil {
		return 0, err
	}
	return i.reopen(c, at), nil
}

// CheckReopen says why the incident can't be reopened, or nil.
func (i *Incident) CheckReopen(c Command) error {
	if err := i.checkPhase("reopened", "it is not resolved", IncidentResolved); err != nil {
		return err
	}
	if c.Comment == "" {
		return FieldErrorf(CodeCommentRequired, "/comment", "say in a comment what is still wrong")
	}
	return nil
}

func (i *Incident) reopen(c Command, at time.Time) int {
	number := i.add(at, c, EventIncidentReopened, IncidentEvent{})
	if i.Assignee != "" {
		i.notify(EventIncidentReopened, []string{i.Assignee})
	}
	i.Resolution, i.CloseAt, i.Acknowledged = nil, nil, nil
	i.Resolve.Restart(at, string(IncidentResolved))
	i.Wanted.Clocks = true
	i.enter(IncidentInProgress, at)
	i.dropReview(at)
	if len(i.Rules.Rungs) > 0 {
		i.Ladder = Ladder{Round: 1, Next: &at}
		i.Wanted.Rung = true
	}
	return number
}

// CheckMerge says why the incident can't be merged into another, or nil:
// CodePhase, CodeProcessClosed or CodeInvalid.
func (i *Incident) CheckMerge(into string) error {
	if into == i.ID {
		return FieldErrorf(CodeInvalid, "/into", "an incident can't be merged into itself; name another")
	}
	return i.checkPhase("merged", "it is over", append([]IncidentPhase{IncidentResolved}, unresolved...)...)
}

// Merge ends the incident as a duplicate of another, which goes on for both. The
// error is that of CheckMerge.
func (i *Incident) Merge(c Command, into string, at time.Time) (int, error) {
	if err := i.CheckMerge(into); err != nil {
		return 0, err
	}
	i.MergedInto = into
	number := i.add(at, c, EventIncidentMerged, IncidentEvent{Incident: into})
	i.Steps.cancelOpen("it was merged into "+into, at)
	i.close(OutcomeMerged, "it is the same as "+into, byRule(), at)
	return number, nil
}

// AttachTo attaches the incident to a transition by hand. The error has
// CodeProcessClosed or CodeNothingChanged.
func (i *Incident) AttachTo(c Command, transition string, at time.Time) (int, error) {
	if err := i.CheckOpen(); err != nil {
		return 0, err
	}
	if slices.Contains(i.Transitions, transition) {
		return 0, Errorf(CodeNothingChanged, "%s is attached to %s already; there is nothing to do", i.ID, transition)
	}
	i.Transitions = append(i.Transitions, transition)
	i.Told = append(i.Told, transition)
	number := i.add(at, c, EventTransitionAttached, IncidentEvent{Transition: transition})
	i.sign(c, at)
	return number, nil
}

// close ends the incident. Its outcome never changes after.
func (i *Incident) close(outcome, why string, c Command, at time.Time) {
	i.Respond.stop(at)
	i.Resolve.stop(at)
	i.stopLadder()
	i.State, i.Outcome, i.Closed, i.CloseAt, i.Wanted = StateClosed, outcome, &at, nil, IncidentWants{}
	i.enter(IncidentClosed, at)
	i.add(at, c, EventIncidentClosed, IncidentEvent{Outcome: outcome, Why: why})
}
