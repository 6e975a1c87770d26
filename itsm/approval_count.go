package itsm

// Tally is a count of a stage's votes.
type Tally struct {
	Approvers int    // counted seats
	Approved  int    // counted approvals
	Rejected  int    // counted rejections
	Abstained int    // counted abstentions
	VetoBy    string // who ended it with a veto
}

// Tally counts the stage's votes. A seat has one vote, whoever sits on it, and
// the order in which votes came does not matter.
func (s *Stage) Tally() Tally {
	t := Tally{}
	for _, seat := range s.Seats {
		t.count(seat)
	}
	return t
}

func (t *Tally) count(seat Seat) {
	if seat.Counted {
		t.Approvers++
	}
	if seat.Decision == nil {
		return
	}
	if seat.Veto && seat.Decision.Verdict == Reject && t.VetoBy == "" {
		t.VetoBy = seat.Decision.By
	}
	if !seat.Counted {
		return
	}
	switch seat.Decision.Verdict {
	case Approve:
		t.Approved++
	case Reject:
		t.Rejected++
	case Abstain:
		t.Abstained++
	}
}

// Result says how a stage that needs so many approvals stands: won, lost, or
// empty while it is open. It is lost as soon as it can no longer be won.
func (t Tally) Result(need int) Result {
	switch {
	case t.VetoBy != "":
		return ResultLost
	case t.Approved >= need:
		return ResultWon
	case t.Approvers-t.Rejected-t.Abstained < need:
		return ResultLost
	default:
		return ""
	}
}
