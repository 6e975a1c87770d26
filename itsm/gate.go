package itsm

import "slices"

// Goal is how far a transition must be for somebody who waits for it.
type Goal string

// The goals.
const (
	GoalAuthorized  Goal = "authorized"  // it may be implemented
	GoalScheduled   Goal = "scheduled"   // and nothing is in the way of its planned time
	GoalImplemented Goal = "implemented" // its steps are done
	GoalClosed      Goal = "closed"      // it ended well
)

// progress is the way of a transition that goes well.
var progress = []Phase{
	PhaseNew, PhaseAssess, PhaseAuthorize, PhaseScheduled, PhaseImplement, PhaseEarlyLife, PhaseReview, PhaseClosed,
}

// ReachedBy reports whether a transition is so far, and whether that is over: it
// can't get there any more. One that ended in any way but well has reached
// nothing: who waited for its authorisation must not go on where it was rolled
// back meanwhile.
func (g Goal) ReachedBy(v View) (reached, over bool) {
	at := slices.Index(progress, v.Phase)
	if v.State == StateClosed || at < 0 {
		well := v.Outcome == OutcomeSuccessful || v.Outcome == OutcomeWithIssues
		return well, !well
	}
	switch g {
	case GoalAuthorized:
		return at >= slices.Index(progress, PhaseScheduled), false
	case GoalScheduled:
		free := v.Phase == PhaseScheduled && v.State == StateOpen
		return free || at >= slices.Index(progress, PhaseImplement), false
	case GoalImplemented:
		return at >= slices.Index(progress, PhaseEarlyLife), false
	}
	return false, false
}
