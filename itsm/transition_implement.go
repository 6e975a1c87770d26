package itsm

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// start begins the implementation: its time has come, and nothing speaks
// against it.
func (t *Transition) start(at time.Time) {
	t.Started = true
	t.add(at, byRule(), EventScheduleChecked, ScheduleEvent{Planned: t.Planned, When: GateStart})
	t.enter(PhaseImplement, "", at)
	t.Steps.startNow(at)
	t.afterSteps(at)
}

// Begin takes the plan of a step that Next asked for.
func (t *Transition) Begin(plan StepPlan, at time.Time) {
	if t.State == StateClosed {
		return
	}
	if len(plan.Owner) == 0 {
		plan.Owner = t.stuckWith()
	}
	t.Steps.begin(plan, at)
	t.pass(at) // a plan that was long in the making may have missed moments
	t.afterSteps(at)
}

// CallEnded takes how the call of a step ended.
func (t *Transition) CallEnded(step string, attempt int, outcome CallOutcome, at time.Time) {
	t.Steps.callEnded(step, attempt, outcome, at)
	t.afterSteps(at)
}

// CheckCallback says why a callback is not taken, or nil: CodeCallbackUnknown
// or CodeCallbackUsed.
func (t *Transition) CheckCallback(step string, attempt int) error {
	return t.Steps.checkCallback(step, attempt)
}

// Callback ends a call as the called system says. The error is that of
// CheckCallback.
func (t *Transition) Callback(c Command, step string, attempt int, answer CallbackAnswer, at time.Time) (int, error) {
	number, err := t.Steps.callback(c, step, attempt, answer, at)
	if err == nil {
		t.afterSteps(at)
	}
	return number, err
}

// afterSteps goes on where the steps have come to an end, or to a failure.
func (t *Transition) afterSteps(at time.Time) {
	t.settle()
	switch {
	case t.State == StateClosed:
	case t.Rollback != nil:
		t.finishRollback(at)
	case t.Steps.failed() != nil:
		run := t.Steps.failed()
		t.rollBack(byRule(), fmt.Sprintf("step %s (%s) failed: %s", run.ID, run.Title, run.Reason), false, at)
	case t.Phase == PhaseImplement && t.implemented():
		t.finishImplementation(at)
	case t.Phase == PhaseReview && t.Steps.finished(): // the review itself was skipped by hand
		t.conclude(at)
	}
}

// implemented reports whether every stage is through.
func (t *Transition) implemented() bool { return t.Steps.through(t.Rules.Stages) }

// finishImplementation goes on to early life. What is authorised afterwards
// must be decided first.
func (t *Transition) finishImplementation(at time.Time) {
	if s := t.Authorization.Status; s == AuthorizationWanted || s == AuthorizationAsked {
		return
	}
	t.claim = &Claim{}
	if t.Rules.EarlyLife.IsZero() {
		t.review(at)
		return
	}
	until := t.Rules.EarlyLife.After(at, nil)
	t.EarlyLife = &EarlyLife{Until: until}
	t.enter(PhaseEarlyLife, "", at)
	t.add(at, byRule(), EventEarlyLifeBegun, EarlyLifeBegun{Until: until})
}

// review has somebody look back, if the model wants it.
func (t *Transition) review(at time.Time) {
	if t.Rules.Review {
		t.enter(PhaseReview, "", at)
		return
	}
	t.conclude(at)
}

// conclude closes a transition that nobody reviews.
func (t *Transition) conclude(at time.Time) {
	if t.Authorization.Status == AuthorizationRefused {
		t.close(PhaseClosed, OutcomeUnsuccessful, "it was implemented, and its authorisation was refused afterwards", byRule(), at)
		return
	}
	t.close(PhaseClosed, OutcomeSuccessful, "every step is done", byRule(), at)
}

// CheckIncident says why an incident is not attached, or nil: CodePhase.
func (t *Transition) CheckIncident() error {
	if t.Phase != PhaseEarlyLife || t.Rollback != nil {
		return Errorf(CodePhase, "%s is not in early life; it is in phase %s", t.ID, t.Phase)
	}
	return nil
}

// Incident attaches an incident of the service, or what has become of one that
// is attached, and has it judged whether the transition must be rolled back.
func (t *Transition) Incident(c Command, incident json.RawMessage, at time.Time) (int, error) {
	if err := t.CheckIncident(); err != nil {
		return 0, err
	}
	id := incidentID(incident)
	i := slices.IndexFunc(t.EarlyLife.Incidents, func(other json.RawMessage) bool { return incidentID(other) == id })
	if i < 0 {
		t.EarlyLife.Incidents = append(t.EarlyLife.Incidents, incident)
	} else {
		t.EarlyLife.Incidents[i] = incident
	}
	t.EarlyLife.Unjudged = t.Rules.RollBack
	if t.Held.By == HoldEarlyLife {
		t.Held = Hold{}
	}
	t.settle()
	return t.add(at, c, EventIncidentAttached, IncidentAttached{Incident: incident}), nil
}

func incidentID(incident json.RawMessage) string {
	var named struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(incident, &named) // one without an ID is like others without
	return named.ID
}

// Judged takes the answer that Next asked for: whether the incidents call for a
// rollback, or why that can't be said.
func (t *Transition) Judged(holds bool, problem string, at time.Time) {
	t.EarlyLife.Unjudged = false
	switch {
	case problem != "":
		t.EarlyLife.Unjudged = true
		t.hold(HoldEarlyLife, problem+"; resume it when that is mended, or roll it back", at)
	case holds:
		t.rollBack(byRule(), "an incident in early life calls for it, by the model's rollBackWhen", false, at)
	}
}
