package itsm

import (
	"strconv"
	"time"
)

// authorizeAs goes on to the authorisation, as far as one is needed; voided
// says that a part changed to which approvals are bound.
func (t *Transition) authorizeAs(needed, voided bool, at time.Time) {
	a := &t.Authorization
	asked := a.Status != AuthorizationNone && a.Status != AuthorizationNeedless
	switch {
	case t.Rules.Authorize == "" || !needed && !asked:
		t.passAuthorization(at)
	case !needed && a.Status == AuthorizationAsked:
		t.order(a.Approval, true)
		a.Status = AuthorizationNone
		t.passAuthorization(at)
	case !needed: // it was decided, and that stands
	case !asked:
		t.askAuthorization(at)
	case a.Status == AuthorizationGiven && voided:
		t.voidAuthorization("a part changed that approvals are bound to", at)
	case a.Status == AuthorizationAsked:
		t.order(a.Approval, false)
	}
	if t.Phase == PhaseScheduled {
		t.scheduled(at)
	}
}

// passAuthorization goes on without asking anybody.
func (t *Transition) passAuthorization(at time.Time) {
	if t.Authorization.Status == AuthorizationNone && t.Rules.Authorize != "" {
		t.Authorization.Status = AuthorizationNeedless
		t.add(at, byRule(), EventAuthorizationSkipped, AuthorizationEvent{Flow: t.Rules.Authorize, Why: "the model's condition does not hold"})
	}
	t.enterOnce(PhaseScheduled, at)
}

// askAuthorization wants an approval. An emergency may go on meanwhile, if the
// model says so.
func (t *Transition) askAuthorization(at time.Time) {
	t.Authorization = Authorization{Status: AuthorizationWanted, Round: t.Authorization.Round + 1}
	switch {
	case !t.Rules.Afterwards:
		t.enterOnce(PhaseAuthorize, at)
	case t.Phase == PhaseNew || t.Phase == PhaseAssess: // later it is further already
		t.enter(PhaseScheduled, "", at)
	}
}

// voidAuthorization takes the approval for not given. This is the one way back,
// but not for what goes on meanwhile.
func (t *Transition) voidAuthorization(why string, at time.Time) {
	t.add(at, byRule(), EventAuthorizationVoided, AuthorizationEvent{Approval: t.Authorization.Approval, Flow: t.Rules.Authorize, Why: why})
	if !t.Rules.Afterwards {
		t.Check = ""
		t.restartWaits()
	}
	t.askAuthorization(at)
}

// order has an approval told that its subject changed, or that it is not needed
// any more.
func (t *Transition) order(approval string, withdraw bool) {
	if approval == "" {
		return
	}
	t.Orders = append(t.Orders, ParentOrder{Approval: approval, Withdraw: withdraw, Key: approval + "/order/" + strconv.Itoa(t.LastEvent)})
}

// OrderGiven forgets an order that the approval was told.
func (t *Transition) OrderGiven(key string) {
	var left []ParentOrder
	for _, order := range t.Orders {
		if order.Key != key {
			left = append(left, order)
		}
	}
	t.Orders = left
}

// ApprovalPlanned takes the approval that Next asked for.
func (t *Transition) ApprovalPlanned(id string, at time.Time) {
	if t.Authorization.Status != AuthorizationWanted {
		return
	}
	t.Authorization.Status, t.Authorization.Approval, t.Authorization.Asked = AuthorizationAsked, id, &at
	t.add(at, byRule(), EventAuthorizationAsked, AuthorizationEvent{Approval: id, Flow: t.Rules.Authorize, Afterwards: t.Rules.Afterwards})
}

// ApprovalProblem says why the approval that Next asked for can't be started.
func (t *Transition) ApprovalProblem(why string, at time.Time) {
	t.hold(HoldAssessment, "the authorisation can't be asked for: "+why+"; resume it when that is mended", at)
}

// ApprovalLost says why an approval that was recorded can't be started. It is
// asked for anew when somebody resumes the transition.
func (t *Transition) ApprovalLost(approval, why string, at time.Time) {
	if t.Authorization.Status == AuthorizationAsked && t.Authorization.Approval == approval {
		t.Authorization.Status = AuthorizationWanted
		t.ApprovalProblem(why, at)
		return
	}
	for i := range t.Steps.Runs {
		if run := &t.Steps.Runs[i]; run.Approval == approval && run.Status == StepRunning {
			t.Steps.block(run, byRule(), "the approval can't be asked for: "+why, at)
		}
	}
	t.settle()
}

// ApprovalClosed takes how an approval ended that the transition asked for. One
// that nobody waits for any more is not minded.
func (t *Transition) ApprovalClosed(end ApprovalEnd, at time.Time) {
	if t.State == StateClosed {
		return
	}
	if t.Authorization.Status != AuthorizationAsked || t.Authorization.Approval != end.Approval {
		if t.Steps.approvalClosed(end, at) {
			t.afterSteps(at)
		}
		return
	}
	switch {
	case end.Outcome != OutcomeWithdrawn && end.Bound != t.Bound: // it was amended as the approval ended
		t.voidAuthorization("a part changed that approvals are bound to, as it was decided", at)
	case end.Outcome == OutcomeApproved:
		t.decideAuthorization(AuthorizationGiven, end, at)
		if !t.Rules.Afterwards {
			t.Check = GateAuthorized
		}
		t.afterSteps(at)
	case t.Rules.Afterwards && t.Started:
		t.decideAuthorization(AuthorizationRefused, end, at)
		t.notify(EventAuthorizationDecided, append(t.requesters(), t.Owner...))
		t.afterSteps(at)
	default:
		t.decideAuthorization(AuthorizationRefused, end, at)
		t.takeBack(&Rollback{Why: end.String(), Phase: PhaseClosed, Outcome: OutcomeNotApproved, Begun: at}, at)
	}
}

func (t *Transition) decideAuthorization(status AuthorizationStatus, end ApprovalEnd, at time.Time) {
	t.Authorization.Status, t.Authorization.Stage, t.Authorization.Decided = status, end.Stage, &at
	t.add(at, byRule(), EventAuthorizationDecided, AuthorizationEvent{
		Approval: end.Approval, Flow: t.Rules.Authorize, Outcome: end.Outcome, Stage: end.Stage, Why: end.Why, Afterwards: t.Rules.Afterwards,
	})
}

// scheduled enters the phase in which the planned start is waited for.
func (t *Transition) scheduled(at time.Time) {
	t.enterOnce(PhaseScheduled, at)
	t.Check = ""
	if _, waits := t.startDue(); !waits && !t.prepares() {
		t.Check = GateStart
	}
	t.pass(at)
}

// startDue gives the planned start, where the transition itself waits for it.
func (t *Transition) startDue() (time.Time, bool) {
	if t.Phase != PhaseScheduled || t.Started || t.prepares() || t.Planned == nil || t.Check != "" || t.Held.By != "" || !t.Assessed {
		return time.Time{}, false
	}
	return t.Planned.Start, true
}

// prepares reports whether a step is still to come that waits for the planned
// start: those before it run already. Where it was passed over, the transition
// itself waits for the start, so that nothing gets past its check.
func (t *Transition) prepares() bool { return t.Rules.Prepares && t.Steps.startAhead(t.Rules.Stages) }

// Checked takes the check of the schedule that Next asked for.
func (t *Transition) Checked(c Checked, at time.Time) {
	gate := t.Check
	if !t.place(c, gate, at) {
		return
	}
	t.Check = ""
	switch gate {
	case GateAuthorized:
		t.scheduled(at)
	case GateStart:
		t.start(at)
	case GatePlanned: // is part of the assessment
	}
}
