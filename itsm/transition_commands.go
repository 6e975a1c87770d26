package itsm

import (
	"encoding/json"
	"slices"
	"time"
)

var beforeImplementation = []Phase{PhaseNew, PhaseAssess, PhaseAuthorize, PhaseScheduled}

// checkManages refuses whoever neither asked for the transition nor manages
// all.
func (t *Transition) checkManages(c Command) error {
	if c.Manages || c.Actor == t.Requester || c.Actor == t.OpenedBy {
		return nil
	}
	return Errorf(CodeForbidden, "only %s, who asked for %s, or somebody whose role manages transitions may do this", t.Requester.Name, t.ID)
}

// checkPhase refuses what may not be done in the phase, and says what may.
func (t *Transition) checkPhase(allowed []Phase, what, instead string) error {
	switch {
	case t.State == StateClosed:
		return Errorf(CodeProcessClosed, "%s is closed: it was %s (%s), and that doesn't change", t.ID, t.Outcome, t.Why)
	case t.Rollback != nil:
		return Errorf(CodePhase, "%s can't be %s: since %s it is being taken back, because %s", t.ID, what, t.Rollback.Begun.Format(time.RFC3339), t.Rollback.Why)
	case !slices.Contains(allowed, t.Phase):
		return Errorf(CodePhase, "%s can't be %s in phase %s%s; %s", t.ID, what, t.Phase, t.since(), instead)
	}
	return nil
}

// since says who led the transition into its phase, as far as somebody did.
func (t *Transition) since() string {
	if t.Authorization.Status == AuthorizationGiven && t.Authorization.Decided != nil {
		return " (authorised by " + t.Authorization.Approval + " at " + t.Authorization.Decided.Format(time.RFC3339) + ")"
	}
	return ""
}

// CheckRevision says why subject and planned time may not be changed, or nil:
// CodeProcessClosed, CodePhase, CodeForbidden or CodeNothingChanged.
func (t *Transition) CheckRevision(c Command, input json.RawMessage, planned *Period) error {
	if err := t.checkManages(c); err != nil {
		return err
	}
	if err := t.checkPhase(beforeImplementation, "changed", "roll it back, or open another"); err != nil {
		return err
	}
	if input != nil && string(input) == string(t.Input) {
		return Errorf(CodeNothingChanged, "the subject of %s is like this already; there is nothing to do", t.ID)
	}
	if planned != nil && t.Planned != nil && *planned == *t.Planned && t.Held.By != HoldSchedule {
		return Errorf(CodeNothingChanged, "%s is planned for this time already; there is nothing to do", t.ID)
	}
	return nil
}

// Amend changes the subject. It is assessed anew, and approvals that are bound
// to what changed are void. The error is that of CheckRevision.
func (t *Transition) Amend(c Command, input json.RawMessage, at time.Time) (int, error) {
	if err := t.CheckRevision(c, input, nil); err != nil {
		return 0, err
	}
	t.Input = input
	return t.revised(c, EventTransitionAmended, TransitionAmended{Input: input}, at), nil
}

// Reschedule changes the planned time, in the same way. The error is that of
// CheckRevision.
func (t *Transition) Reschedule(c Command, planned Period, override bool, at time.Time) (int, error) {
	if err := t.CheckRevision(c, nil, &planned); err != nil {
		return 0, err
	}
	t.Planned, t.Override = &planned, nil
	if override {
		t.Override = &ScheduleOverride{By: c.Actor, Reason: c.Comment, At: at}
	}
	return t.revised(c, EventTransitionRescheduled, TransitionAmended{Planned: &planned}, at), nil
}

// revised has the transition assessed anew.
func (t *Transition) revised(c Command, typ EventType, data TransitionAmended, at time.Time) int {
	number := t.add(at, c, typ, data)
	t.Assessed, t.Revising, t.Held = false, true, Hold{}
	if c.Actor.Kind == ActorPerson && c.Actor != t.Requester && !slices.Contains(t.Authors, c.Actor.Name) {
		t.Authors = append(t.Authors, c.Actor.Name)
	}
	t.restartWaits()
	if t.Check == GateStart {
		t.Check = ""
	}
	t.settle()
	return number
}

// restartWaits has waits and approvals of steps begin again, because they were
// worked out from what changed.
func (t *Transition) restartWaits() {
	for i := range t.Steps.Runs {
		run := &t.Steps.Runs[i]
		if run.Status != StepRunning || run.Kind != StepWait && run.Kind != StepApprove {
			continue
		}
		if run.Kind == StepApprove {
			t.order(run.Approval, true)
		}
		run.Attempt++
		run.Status, run.Timetable = StepPending, nil
	}
}

// CheckCancel says why the transition can't be cancelled, or nil:
// CodeProcessClosed, CodePhase or CodeForbidden.
func (t *Transition) CheckCancel(c Command) error {
	if err := t.checkManages(c); err != nil {
		return err
	}
	return t.checkPhase(beforeImplementation, "cancelled", "roll it back instead")
}

// Cancel ends the transition before it is implemented. What was done to prepare
// it is taken back. The error is that of CheckCancel.
func (t *Transition) Cancel(c Command, at time.Time) (int, error) {
	if err := t.CheckCancel(c); err != nil {
		return 0, err
	}
	why := c.Actor.Name + " cancelled it"
	if c.Comment != "" {
		why += ": " + c.Comment
	}
	number := t.add(at, c, EventRollbackOrdered, RollbackEvent{Why: why, Undo: t.undoPlan()})
	t.takeBack(&Rollback{Why: why, Ordered: true, Phase: PhaseCancelled, Outcome: OutcomeCancelled, Begun: at}, at)
	return number, nil
}

// CheckRollback says why the transition can't be rolled back, or nil:
// CodeProcessClosed, CodePhase or CodeCommentRequired.
func (t *Transition) CheckRollback(c Command) error {
	err := t.checkPhase([]Phase{PhaseImplement, PhaseEarlyLife, PhaseReview}, "rolled back", "cancel it instead")
	if err == nil && c.Comment == "" {
		err = FieldErrorf(CodeCommentRequired, "/comment", "say in a comment why it is rolled back")
	}
	return err
}

// RollBack takes back whatever was done, in reverse. The error is that of
// CheckRollback.
func (t *Transition) RollBack(c Command, at time.Time) (int, error) {
	if err := t.CheckRollback(c); err != nil {
		return 0, err
	}
	return t.rollBack(c, c.Actor.Name+" ordered it: "+c.Comment, true, at), nil
}

func (t *Transition) rollBack(c Command, why string, ordered bool, at time.Time) int {
	typ := EventRollbackBegun
	if ordered {
		typ = EventRollbackOrdered
	}
	number := t.add(at, c, typ, RollbackEvent{Why: why, Undo: t.undoPlan()})
	t.notify(EventRollbackBegun, append(t.requesters(), t.Owner...))
	t.takeBack(&Rollback{Why: why, Ordered: ordered, Begun: at}, at)
	return number
}

// undoPlan lists the steps that will be taken back, as far as that is known.
func (t *Transition) undoPlan() []string {
	var ids []string
	for _, run := range t.Steps.toUndo() {
		ids = append(ids, run.ID)
	}
	return ids
}

// takeBack ends what is open and begins to undo what is done. Nothing cuts that
// short.
func (t *Transition) takeBack(why *Rollback, at time.Time) {
	t.Rollback, t.Held, t.Check = why, Hold{}, ""
	if t.Authorization.Status == AuthorizationAsked || t.Authorization.Status == AuthorizationWanted {
		t.order(t.Authorization.Approval, true)
		t.Authorization.Status = AuthorizationNone
	}
	for i := range t.Steps.Runs {
		if run := &t.Steps.Runs[i]; run.Kind == StepApprove && run.Status == StepRunning {
			t.order(run.Approval, true)
		}
	}
	t.Steps.cancelOpen(why.Why, at)
	t.Steps.Undoing, t.Assessed = true, true
	t.afterSteps(at)
}

// finishRollback closes the transition when nothing is left to be taken back.
func (t *Transition) finishRollback(at time.Time) {
	if !t.Steps.takenBack() {
		return
	}
	switch {
	case t.Rollback.Outcome != "":
		t.close(t.Rollback.Phase, t.Rollback.Outcome, t.Rollback.Why, byRule(), at)
	case t.Rollback.Ordered || t.Steps.undidAnything():
		t.close(PhaseRolledBack, OutcomeRolledBack, t.Rollback.Why, byRule(), at)
	default:
		t.close(PhaseFailed, OutcomeFailed, t.Rollback.Why, byRule(), at)
	}
}

// CheckResume refuses to resume what is not blocked, with
// CodeProcessNotBlocked, and an override without a reason.
func (t *Transition) CheckResume(c Command, override bool) error {
	if t.State != StateBlocked {
		return Errorf(CodeProcessNotBlocked, "%s is not blocked; there is nothing to resume", t.ID)
	}
	if override && t.Held.By != HoldSchedule {
		return FieldErrorf(CodeInvalid, "/override", "it is not its schedule that holds %s up; leave override out", t.ID)
	}
	if override && c.Comment == "" {
		return FieldErrorf(CodeCommentRequired, "/comment", "say in a comment why the schedule is overridden")
	}
	return nil
}

// Resume lets a blocked transition try again, with every step that is blocked.
// The error is that of CheckResume.
func (t *Transition) Resume(c Command, override bool, at time.Time) (int, error) {
	if err := t.CheckResume(c, override); err != nil {
		return 0, err
	}
	if override {
		t.Override = &ScheduleOverride{By: c.Actor, Reason: c.Comment, At: at}
	}
	t.Held = Hold{}
	number := t.add(at, c, EventProcessResumed, struct{}{})
	for i := range t.Steps.Runs {
		if run := &t.Steps.Runs[i]; run.Status == StepBlocked {
			t.Steps.retry(run, Command{Actor: c.Actor, Comment: c.Comment}, at)
		}
	}
	t.settle()
	return number, nil
}

// close ends the transition. Its outcome never changes after.
func (t *Transition) close(phase Phase, outcome, why string, c Command, at time.Time) {
	t.enter(phase, why, at)
	t.State, t.Outcome, t.Why, t.Held, t.Closed = StateClosed, outcome, why, Hold{}, &at
	t.claim = &Claim{}
	t.add(at, c, EventTransitionClosed, TransitionClosed{Outcome: outcome, Why: why})
	t.notify(EventTransitionClosed, append(t.requesters(), t.Owner...))
}
