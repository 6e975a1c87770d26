package itsm

import (
	"encoding/json"
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
// so that a retry never counts in a stage that its sender has not seen.
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
	if stageName != "" && stageName != stage.Name {
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
	if result := stage.Tally().Result(stage.Need); result != "" {
		a.closeStage(at, result)
	}
	return number, nil
}

// CheckDelegation says why a seat may not be handed over, or nil. The error
// has the code of CheckOpen, CodeNotApprover, CodeOwnRequest,
// CodeDecidedBefore or CodeDelegateUnfit.
func (a *Approval) CheckDelegation(c Command, to string, at time.Time) error {
	if err := a.CheckOpen(); err != nil {
		return err
	}
	stage := a.Current()
	index, err := a.delegableSeat(stage, c.Actor, at)
	if err != nil {
		return err
	}
	if to == a.holders(stage, at)[index] {
		return FieldErrorf(CodeDelegateUnfit, "/to", "%s has this vote already", to)
	}
	if why := a.fit(stage, index, to); to != stage.Seats[index].Person && why != "" {
		return FieldErrorf(CodeDelegateUnfit, "/to", "%s can't take over the vote: %s", to, why)
	}
	return nil
}

// delegableSeat finds the seat that the actor holds, or holds by right and may
// take back.
func (a *Approval) delegableSeat(stage *Stage, actor Actor, at time.Time) (int, error) {
	if actor.Kind == ActorPerson {
		if i := slices.Index(a.holders(stage, at), actor.Name); i >= 0 {
			return i, nil
		}
		for i, seat := range stage.Seats {
			if seat.Person == actor.Name {
				return i, nil
			}
		}
	}
	_, err := a.checkSeat(stage, actor, at)
	return 0, err
}

// Delegate hands the actor's seat to another person, or back to its own. A
// verdict given on it stays until it is changed. The error is that of
// CheckDelegation.
func (a *Approval) Delegate(c Command, to string, at time.Time) (int, error) {
	if err := a.CheckDelegation(c, to, at); err != nil {
		return 0, err
	}
	stage := a.Current()
	index, err := a.delegableSeat(stage, c.Actor, at)
	if err != nil {
		return 0, err
	}
	seat := &stage.Seats[index]
	from := a.holders(stage, at)[index]
	seat.Delegate = to
	number := a.add(at, c, EventSeatDelegated, SeatDelegated{Stage: stage.Name, Seat: seat.Person, From: from, To: to})
	a.notify(EventSeatDelegated, []string{to})
	return number, nil
}

// NoteAbsence lets a stand-in decide for an absent approver of the open stage.
// It changes nothing, and gives 0, where the person has no seat in it.
func (a *Approval) NoteAbsence(c Command, absence Absence, at time.Time) int {
	if a.CheckOpen() != nil {
		return 0
	}
	stage := a.Current()
	index := slices.IndexFunc(stage.Seats, func(s Seat) bool { return s.Person == absence.Person })
	if index < 0 {
		return 0
	}
	seat := &stage.Seats[index]
	seat.Absences = append(slices.Clone(seat.Absences), absence)
	number := a.add(at, c, EventAbsenceNoted, absence)
	if holder := a.holders(stage, at)[index]; holder != absence.Person {
		a.notify(EventAbsenceNoted, []string{holder})
	}
	return number
}

// CheckRequester refuses what only the requester may do. The error has
// CodeProcessClosed or CodeNotRequester.
func (a *Approval) CheckRequester(c Command) error {
	if a.State == StateClosed {
		return a.CheckOpen()
	}
	if c.Actor != a.Requester {
		return Errorf(CodeNotRequester, "only %s, who asked for %s, may do this", a.Requester.Name, a.ID)
	}
	return nil
}

// Withdraw closes the approval at its requester's wish. The error is that of
// CheckRequester.
func (a *Approval) Withdraw(c Command, at time.Time) (int, error) {
	if err := a.CheckRequester(c); err != nil {
		return 0, err
	}
	name := ""
	if stage := a.Current(); stage != nil {
		name = stage.Name
		a.tell(stage, at)
		stage.Result, stage.Ended, stage.Timetable = ResultEnded, &at, nil
	}
	a.close(at, c, OutcomeWithdrawn, name, "the requester withdrew it")
	return a.LastEvent, nil
}

// tell lets those know who were asked and need not answer any more.
func (a *Approval) tell(stage *Stage, at time.Time) {
	waiting := a.waitingFor(stage, at)
	if len(waiting) > 0 {
		a.notices = append(a.notices, Notice{Event: a.LastEvent + 1, Type: EventApprovalClosed, To: waiting})
	}
}

// Amend changes the subject. Where a part changed that approvals are bound to,
// all approvals given are void and the first stage opens again. The error is
// that of CheckRequester, or has CodeNothingToReopen where nothing changed.
func (a *Approval) Amend(c Command, subject json.RawMessage, bound string, at time.Time) (int, error) {
	if err := a.CheckRequester(c); err != nil {
		return 0, err
	}
	if string(subject) == string(a.Subject) {
		return 0, Errorf(CodeNothingToReopen, "the subject of %s is like this already", a.ID)
	}
	voids := bound != a.Bound
	a.Subject, a.Bound = subject, bound
	number := a.add(at, c, EventSubjectAmended, SubjectAmended{Subject: subject, Voids: voids})
	if voids {
		a.restart(at)
	}
	return number, nil
}

// restart voids all approvals given and begins again with the first stage.
func (a *Approval) restart(at time.Time) {
	voided := []string{}
	var told []string
	for i := range a.Stages {
		stage := &a.Stages[i]
		if stage.Round != a.Round || stage.Result == ResultSkipped {
			continue
		}
		voided = append(voided, stage.Name)
		told = append(told, deciders(stage)...)
		stage.Result, stage.Timetable = ResultVoided, nil
		if stage.Ended == nil {
			stage.Ended = &at
		}
	}
	a.Round++
	a.Next, a.State, a.Blocked = 0, StateOpen, ""
	a.add(at, byRule(), EventApprovalsVoided, ApprovalsVoided{Stages: voided, Round: a.Round})
	a.notify(EventApprovalsVoided, unique(told))
}

// CheckResume refuses to resume what is not blocked, with CodeProcessNotBlocked.
func (a *Approval) CheckResume() error {
	if a.State != StateBlocked {
		return Errorf(CodeProcessNotBlocked, "%s is not blocked; there is nothing to resume", a.ID)
	}
	return nil
}

// Resume lets a blocked approval try its next stage again. The error is that
// of CheckResume.
func (a *Approval) Resume(c Command, at time.Time) (int, error) {
	if err := a.CheckResume(); err != nil {
		return 0, err
	}
	a.State, a.Blocked = StateOpen, ""
	return a.add(at, c, EventProcessResumed, struct{}{}), nil
}

func deciders(stage *Stage) []string {
	var names []string
	for _, seat := range stage.Seats {
		if seat.Decision != nil {
			names = append(names, seat.Decision.By)
		}
	}
	return names
}

func unique(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
