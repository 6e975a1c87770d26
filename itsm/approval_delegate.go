package itsm

import (
	"slices"
	"time"
)

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
	holders := a.holders(stage, at)
	switch {
	case holders[index] == to:
		return FieldErrorf(CodeDelegateUnfit, "/to", "%s has this vote already", to)
	case stage.Seats[index].Person == to:
		return nil // its own person may always have it back
	case slices.Contains(holders, to):
		return FieldErrorf(CodeDelegateUnfit, "/to", "%s can't take over the vote: they have a vote in this stage already", to)
	}
	if why := a.fit(stage, index, to); why != "" {
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

// Delegate hands the actor's seat to another person, or back to its own, who
// is not away from it any more then. A verdict given on it stays until it is
// changed. The error is that of CheckDelegation.
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
	seat.handTo(to, at)
	number := a.add(at, c, EventSeatDelegated, SeatDelegated{Stage: stage.Name, Seat: seat.Person, From: from, To: to})
	a.notify(EventSeatDelegated, []string{to})
	return number, nil
}

// NoteAbsence lets a stand-in decide for an absent approver of the open stage,
// now or from when the absence begins. It changes nothing, and gives 0, where
// the person has no seat in it. Whether the stand-in is away too is not asked:
// one who is can't be told from one who is slow, and deadlines help with both.
func (a *Approval) NoteAbsence(c Command, absence Absence, at time.Time) int {
	if a.CheckOpen() != nil {
		return 0
	}
	stage := a.Current()
	index := slices.IndexFunc(stage.Seats, func(s Seat) bool { return s.Person == absence.Person })
	if index < 0 {
		return 0
	}
	before := a.holders(stage, at)
	seat := &stage.Seats[index]
	seat.Absences = append(slices.Clone(seat.Absences), absence)
	stage.planHandovers(at)
	number := a.add(at, c, EventAbsenceNoted, absence)
	if holder := a.holders(stage, at)[index]; holder != before[index] && seat.Decision == nil {
		a.notify(EventAbsenceNoted, []string{holder})
	}
	return number
}
