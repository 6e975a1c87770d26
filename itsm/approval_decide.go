package itsm

import (
	"slices"
	"strings"
	"time"
)

// CheckOpen refuses what a closed or blocked approval can't do. The error has
// CodeProcessClosed or CodeProcessBlocked.
func (a *Approval) CheckOpen() error {
	switch {
	case a.State == StateClosed:
		return Errorf(CodeProcessClosed, "%s is closed: it was %s, and that doesn't change", a.ID, a.Outcome)
	case a.State == StateBlocked:
		return Errorf(CodeProcessBlocked, "%s is blocked: %s", a.ID, a.Blocked)
	case a.Current() == nil:
		return Errorf(CodeUnavailable, "%s is between two stages; try again in a moment", a.ID)
	}
	return nil
}

// CheckDecision says why a decision is refused, or nil. A stage may be named,
// alone or as the inbox names it ("board/2", with its round), so that a retry
// never counts in a stage, or on a subject, that its sender has not seen.
//
// The error has the code of CheckOpen, CodeDecisionUnknown, CodeStageChanged,
// CodeOwnRequest, CodeDecidedBefore, CodeNotApprover, CodeAlreadyDecided or
// CodeCommentRequired.
func (a *Approval) CheckDecision(c Command, verdict Verdict, stageName string, at time.Time) error {
	if !slices.Contains([]Verdict{Approve, Reject, Abstain}, verdict) {
		return FieldErrorf(CodeDecisionUnknown, "/decision", "decision is %q; write approve, reject or abstain", verdict)
	}
	if err := a.CheckOpen(); err != nil {
		return err
	}
	stage := a.Current()
	if stageName != "" && stageName != stage.Name && stageName != stage.task() {
		return Errorf(CodeStageChanged, "%s is now at stage %q, not %q; look again before deciding", a.ID, stage.Name, stageName)
	}
	seat, err := a.checkSeat(stage, c.Actor, at)
	if err != nil {
		return err
	}
	if d := seat.Decision; d != nil && d.Verdict == verdict && d.By == c.Actor.Name {
		return Errorf(CodeAlreadyDecided, "%s said %q in stage %q already; only another verdict would change it", c.Actor.Name, verdict, stage.Name)
	}
	if slices.Contains(a.Rules.CommentOn, verdict) && strings.TrimSpace(c.Comment) == "" {
		return FieldErrorf(CodeCommentRequired, "/comment", "this flow asks for a comment on %s; say why", verdict)
	}
	return nil
}

// checkSeat gives the actor's seat, or says why there is none.
func (a *Approval) checkSeat(stage *Stage, actor Actor, at time.Time) (*Seat, error) {
	if actor.Kind == ActorPerson {
		if seat := a.seatOf(stage, actor.Name, at); seat != nil {
			return seat, nil
		}
		rule := a.Rules.Stages[stage.Rule]
		if rule.ExcludeRequester && a.Requester == actor {
			return nil, Errorf(CodeOwnRequest, "%s asked for %s and may not decide on it", actor.Name, a.ID)
		}
		if rule.ExcludePrevious && a.decidedBefore(actor.Name) {
			return nil, Errorf(CodeDecidedBefore, "%s decided an earlier stage of %s; stage %q wants other eyes", actor.Name, a.ID, stage.Name)
		}
	}
	return nil, Errorf(CodeNotApprover, "stage %q of %s does not ask %s; it waits for %s",
		stage.Name, a.ID, actor.Name, strings.Join(a.waitingFor(stage, at), ", "))
}

// Decide takes a verdict, counts the stage anew, and closes it where it is won
// or lost. The error is that of CheckDecision. It gives the event's number.
func (a *Approval) Decide(c Command, verdict Verdict, stageName string, at time.Time) (int, error) {
	if err := a.CheckDecision(c, verdict, stageName, at); err != nil {
		return 0, err
	}
	stage := a.Current()
	seat := a.seatOf(stage, c.Actor.Name, at)
	typ, data := EventDecisionMade, DecisionMade{Stage: stage.Name, Round: stage.Round, Verdict: verdict}
	if seat.Person != c.Actor.Name {
		data.For = seat.Person
	}
	if seat.Decision != nil {
		typ, data.Before = EventDecisionChanged, seat.Decision.Verdict
	}
	seat.Decision = &Decision{Verdict: verdict, By: c.Actor.Name, At: at, Comment: c.Comment}
	number := a.add(at, c, typ, data)
	a.count(stage, at)
	return number, nil
}
