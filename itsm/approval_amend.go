package itsm

import (
	"encoding/json"
	"slices"
	"time"
)

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
	return a.withdraw(c, "the requester withdrew it", at), nil
}

// CallOff closes the approval because the process that asked for it needs it no
// more. The error has CodeProcessClosed.
func (a *Approval) CallOff(c Command, at time.Time) (int, error) {
	if err := a.CheckOpen(); err != nil {
		return 0, err
	}
	return a.withdraw(c, "what it was asked for does not need it any more", at), nil
}

func (a *Approval) withdraw(c Command, why string, at time.Time) int {
	name, asked := "", []string(nil)
	if stage := a.Current(); stage != nil {
		name, asked = stage.Name, a.waitingFor(stage, at)
		stage.end(ResultEnded, at)
	}
	a.close(at, c, OutcomeWithdrawn, name, why, asked)
	return a.LastEvent
}

// CheckAmendment says why the subject may not become this one, or nil. The
// error is that of CheckRequester, or has CodeNothingChanged.
func (a *Approval) CheckAmendment(c Command, subject json.RawMessage) error {
	if err := a.CheckRequester(c); err != nil {
		return err
	}
	if string(subject) == string(a.Subject) {
		return Errorf(CodeNothingChanged, "the subject of %s is like this already; there is nothing to do", a.ID)
	}
	return nil
}

// Amendment is a changed subject, and what the flow makes of it.
type Amendment struct {
	Subject json.RawMessage `json:"subject"` // checked, and with the schema's defaults
	Summary string          `json:"summary"`
	Bound   string          `json:"bound"`             // digest of the parts that approvals are bound to
	Authors []string        `json:"authors,omitempty"` // persons who wrote parts of it, besides the requester
}

// Amend changes the subject. Where a part changed that approvals are bound to,
// all approvals given are void and the first stage opens again. The error is
// that of CheckAmendment.
func (a *Approval) Amend(c Command, to Amendment, at time.Time) (int, error) {
	if err := a.CheckAmendment(c, to.Subject); err != nil {
		return 0, err
	}
	return a.amend(c, to, at), nil
}

// Follow changes the subject because the process changed that the approval is
// part of. The error has CodeProcessClosed.
func (a *Approval) Follow(c Command, to Amendment, at time.Time) (int, error) {
	if err := a.CheckOpen(); err != nil {
		return 0, err
	}
	return a.amend(c, to, at), nil
}

func (a *Approval) amend(c Command, to Amendment, at time.Time) int {
	voids := to.Bound != a.Bound || a.asks(to.Authors)
	if len(to.Authors) > 0 {
		a.Authors = to.Authors
	}
	a.Subject, a.Summary, a.Bound = to.Subject, to.Summary, to.Bound
	number := a.add(at, c, EventSubjectAmended, SubjectAmended{Subject: to.Subject, Summary: to.Summary, Voids: voids})
	if voids {
		a.restart(at)
	}
	return number
}

// asks reports whether one of these persons has a seat in a stage of this round
// that its requester may not have.
func (a *Approval) asks(authors []string) bool {
	return slices.ContainsFunc(a.Stages, func(stage Stage) bool {
		return stage.Round == a.Round && a.Rules.Stages[stage.Rule].ExcludeRequester &&
			slices.ContainsFunc(stage.Seats, func(seat Seat) bool { return slices.Contains(authors, seat.Person) })
	})
}

// restart voids all approvals given and begins again with the first stage. It
// tells whose decision is void, and who need not answer any more.
func (a *Approval) restart(at time.Time) {
	voided, told := []string{}, []string(nil)
	if stage := a.Current(); stage != nil {
		told = a.waitingFor(stage, at)
	}
	for i := range a.Stages {
		stage := &a.Stages[i]
		if stage.Round != a.Round || stage.Result == ResultSkipped {
			continue
		}
		voided, told = append(voided, stage.Name), append(told, deciders(stage)...)
		stage.end(ResultVoided, at)
	}
	a.Round++
	a.Next, a.State, a.Blocked = 0, StateOpen, ""
	a.add(at, byRule(), EventApprovalsVoided, ApprovalsVoided{Stages: voided, Round: a.Round})
	a.notify(EventApprovalsVoided, told)
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
