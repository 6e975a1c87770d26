package itsm

import (
	"fmt"
	"strings"
)

// ApprovalEnd is how an approval ended, as the process is told that asked for
// it.
type ApprovalEnd struct {
	Approval string
	Outcome  string
	Stage    string // in which it was decided, where one was open
	Bound    string // digest of the parts that were approved
	Why      string // of a rejection: by whom, and why
}

// End says how the approval ended.
func (a *Approval) End() ApprovalEnd {
	return ApprovalEnd{Approval: a.ID, Outcome: a.Outcome, Stage: a.DecidedIn, Bound: a.Bound, Why: a.rejections()}
}

// rejections says who rejected it, with their comments; or that its time was
// up.
func (a *Approval) rejections() string {
	if a.Outcome != OutcomeRejected || len(a.Stages) == 0 {
		return ""
	}
	stage := a.Stages[len(a.Stages)-1]
	if stage.Result == ResultTimedOut {
		return "nobody decided it by its deadline"
	}
	var words []string
	for _, seat := range stage.Seats {
		d := seat.Decision
		switch {
		case d == nil || d.Verdict != Reject:
		case d.Comment == "":
			words = append(words, d.By)
		default:
			words = append(words, d.By+": "+d.Comment)
		}
	}
	return strings.Join(words, "; ")
}

// String says it in words: at which stage, by whom and why.
func (e ApprovalEnd) String() string {
	text := e.Approval + " was " + e.Outcome
	if e.Stage != "" {
		text += fmt.Sprintf(" in stage %q", e.Stage)
	}
	if e.Why != "" {
		text += " (" + e.Why + ")"
	}
	return text
}
