package itsm

import (
	"fmt"
	"strings"
	"time"
)

// Open records that the transition exists, as its first event.
func (t *Transition) Open(c Command, at time.Time, model DefinitionRef, override bool) {
	t.Opened = at
	t.add(at, c, EventTransitionOpened, TransitionOpened{Model: model, Title: t.Title, Service: t.Service, Input: t.Input, Planned: t.Planned})
	if override {
		t.Override = &ScheduleOverride{By: c.Actor, Reason: c.Comment, At: at}
	}
}

// Assess takes the assessment that Next asked for. A command that changed the
// subject or the planned time is refused with CodeSchedule, CodeScheduleConflict
// or CodeSubjectInvalid where it does not do; at other times it holds the
// transition.
func (t *Transition) Assess(a Assessment, at time.Time) error {
	revising := t.Revising
	t.Revising = false
	if revising {
		if err := t.refuseRevision(a); err != nil {
			return err
		}
	}
	before := t.Bound
	t.Owner, t.Needs, t.Bound, t.Exclusive = a.Owner, a.Needs, a.Bound, a.Exclusive
	if a.Problem != "" {
		t.hold(HoldAssessment, a.Problem, at)
		return nil
	}
	t.assessRisk(a.Risk, at)
	if !t.place(a.Schedule, GatePlanned, at) {
		return nil
	}
	t.claimSlot(at)
	t.Assessed = true
	t.authorizeAs(a.Authorize, before != "" && before != a.Bound, at)
	return nil
}

func (t *Transition) refuseRevision(a Assessment) error {
	switch {
	case a.Problem != "":
		return FieldErrorf(CodeSubjectInvalid, "/subject", "%s can't be changed so: %s", t.ID, a.Problem)
	case t.Override != nil:
		return nil
	default:
		return a.Schedule.Refusal()
	}
}

// assessRisk records the risk where it is new or changed.
func (t *Transition) assessRisk(risk *Risk, at time.Time) {
	if t.Phase == PhaseNew && t.Rules.Type == TypeNormal {
		t.enter(PhaseAssess, "", at)
	}
	if risk != nil && (t.Risk == nil || t.Risk.Score != risk.Score || t.Risk.Level != risk.Level) {
		t.Risk = risk
		t.add(at, byRule(), EventRiskAssessed, risk)
	}
}

// place takes what a check of the schedule found. It holds the transition where
// the time is refused and nobody overrode that.
func (t *Transition) place(c Checked, gate Gate, at time.Time) bool {
	t.Warnings = c.warnings()
	if len(t.Warnings) > 0 {
		t.add(at, byRule(), EventScheduleWarned, ScheduleEvent{Planned: t.Planned, When: gate, Problems: t.Warnings})
	}
	refusals := c.refusals()
	switch {
	case len(refusals) == 0:
		return true
	case t.Override != nil:
		t.Warnings = append(t.Warnings, refusals...)
		t.add(at, Command{Actor: t.Override.By, Comment: t.Override.Reason}, EventScheduleOverridden,
			ScheduleEvent{Planned: t.Planned, When: gate, Problems: refusals})
		return true
	}
	t.hold(HoldSchedule, fmt.Sprintf("the schedule refuses it: %s; reschedule it, or resume it when that has changed", strings.Join(refusals, "; ")), at)
	return false
}

// claimSlot takes the planned time in the schedule of change. An override takes
// it beside others.
func (t *Transition) claimSlot(at time.Time) {
	if t.Planned == nil {
		return
	}
	t.claim = &Claim{Slot: &Slot{
		Process: t.ID, Title: t.Title, Service: t.Service, Needs: t.Needs, Start: t.Planned.Start, End: t.Planned.End,
		Exclusive: t.Exclusive && t.Override == nil, Override: t.Override != nil,
	}}
	t.add(at, byRule(), EventSchedulePlanned, ScheduleEvent{Planned: t.Planned})
}

// Claim gives what changes of the place in the schedule of change, once.
func (t *Transition) Claim() *Claim {
	claim := t.claim
	t.claim = nil
	return claim
}

// OpenUnplaced opens a transition that lost a race for its planned time: it
// exists, and waits to be rescheduled.
func (t *Transition) OpenUnplaced(c Command, at time.Time, model DefinitionRef, why string) {
	t.Open(c, at, model, false)
	if t.Rules.Type == TypeNormal {
		t.enter(PhaseAssess, "", at)
	}
	t.hold(HoldSchedule, why+"; reschedule it, or resume it when that has changed", at)
}

// enter goes on to another phase.
func (t *Transition) enter(phase Phase, why string, at time.Time) {
	from := t.Phase
	t.Phase, t.PhaseSince = phase, at
	t.add(at, byRule(), EventPhaseEntered, PhaseEntered{Phase: phase, From: from, Why: why})
}

func (t *Transition) enterOnce(phase Phase, at time.Time) {
	if t.Phase != phase {
		t.enter(phase, "", at)
	}
}

// hold stops the transition where it can't go on by itself, and tells somebody.
func (t *Transition) hold(by, reason string, at time.Time) {
	t.Held = Hold{By: by, Reason: reason}
	t.settle()
	t.add(at, byRule(), EventProcessBlocked, ProcessBlocked{Stage: string(t.Phase), Reason: reason})
	t.notify(EventProcessBlocked, t.stuckWith())
}

// stuckWith are those who are told of what can't go on by itself.
func (t *Transition) stuckWith() []string {
	if len(t.Owner) > 0 {
		return t.Owner
	}
	return t.requesters()
}

func (t *Transition) requesters() []string {
	if t.Requester.Kind == ActorPerson {
		return []string{t.Requester.Name}
	}
	return nil
}

// settle works the state out from what is blocked.
func (t *Transition) settle() {
	switch {
	case t.State == StateClosed:
	case t.Held.By != "" || t.Steps.blocked() != nil:
		t.State = StateBlocked
	default:
		t.State = StateOpen
	}
}

// blockedBy says why the transition can't go on by itself, and what to do.
func (t *Transition) blockedBy() string {
	if t.State != StateBlocked {
		return ""
	}
	if t.Held.By != "" {
		return t.Held.Reason
	}
	run := t.Steps.blocked()
	return fmt.Sprintf("step %s (%s): %s; mend it and retry the step, or skip or complete it by hand", run.ID, run.Title, run.Reason)
}
