package itsm

import (
	"encoding/json"
	"slices"
)

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
// can't get there any more. One that ends in any way but well has reached
// nothing: who waited for its authorisation must not go on where it is rolled
// back meanwhile. The view is one with its detail.
func (g Goal) ReachedBy(v View) (reached, over bool) {
	at := slices.Index(progress, v.Phase)
	if v.State == StateClosed || at < 0 || takesBack(v) {
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

// takesBack reports whether the transition is being undone, for whatever reason.
func takesBack(v View) bool {
	var detail TransitionDetail
	return json.Unmarshal(v.Detail, &detail) == nil && detail.Rollback != nil
}
