package itsm

import (
	"encoding/json"
	"time"
)

// Phase is how far a transition is: the states of ITIL's change enablement.
type Phase string

// The phases. They go forward only, but for one case: where a change of a bound
// part voids the authorisation, a scheduled transition must be authorised again.
const (
	PhaseNew       Phase = "new"
	PhaseAssess    Phase = "assess"
	PhaseAuthorize Phase = "authorize"
	PhaseScheduled Phase = "scheduled" // authorised; its steps wait for the planned start, but for those that prepare it
	PhaseImplement Phase = "implement"
	PhaseEarlyLife Phase = "early-life"
	PhaseReview    Phase = "review"

	PhaseClosed     Phase = "closed"
	PhaseCancelled  Phase = "cancelled"
	PhaseRolledBack Phase = "rolled-back"
	PhaseFailed     Phase = "failed"
)

// The types of changes, as ITIL has them.
const (
	TypeStandard  = "standard"  // pre-approved: neither assessed nor authorised
	TypeNormal    = "normal"    //
	TypeEmergency = "emergency" // not assessed
)

// The outcomes of a transition.
const (
	OutcomeSuccessful   = "successful"
	OutcomeWithIssues   = "successful-with-issues"
	OutcomeUnsuccessful = "unsuccessful"
	OutcomeNotApproved  = "rejected" // the authorisation was refused
	OutcomeCancelled    = "cancelled"
	OutcomeRolledBack   = "rolled-back"
	OutcomeFailed       = "failed"
)

// Period is a planned time.
type Period struct {
	Start time.Time `json:"start"` // UTC
	End   time.Time `json:"end"`   // UTC; the first instant after it
}

// Gate is when the schedule is checked.
type Gate string

// The gates.
const (
	GatePlanned    Gate = "planned"
	GateAuthorized Gate = "authorized"
	GateStart      Gate = "start"
)

// TransitionRules is a transition model as the rules of this package see it.
type TransitionRules struct {
	Type       string
	Model      string
	Authorize  string // flow; "" where none is asked
	Afterwards bool   // the authorisation is asked for at once, and not waited for
	NeedsTimes bool   // it can't go without a planned time
	Prepares   bool   // steps before the wait for the planned start run as soon as it is scheduled
	Stages     []StepRule
	EarlyLife  Duration // zero: none
	RollBack   bool     // the model says at which incidents it is rolled back
	Review     bool
}

// Risk is how risky a transition was found.
type Risk struct {
	Score  float64         `json:"score"`
	Level  string          `json:"level"`
	Inputs json.RawMessage `json:"inputs,omitempty"` // what the score was made of
}

// Assessment is what must be known of a transition before it goes on: worked
// out from its subject, the model, the catalogue and the schedule at an instant.
type Assessment struct {
	Risk      *Risk    `json:"risk,omitempty"`
	Authorize bool     `json:"authorize"`           // whether the authorisation is needed
	Bound     string   `json:"bound,omitempty"`     // digest of the parts that approvals are bound to
	Needs     []string `json:"needs,omitempty"`     // services that the service depends on, directly or not
	Owner     []string `json:"owner,omitempty"`     // who is told of what is stuck
	Problem   string   `json:"problem,omitempty"`   // why it could not be made
	Schedule  Checked  `json:"schedule"`            // the planned time
	Exclusive bool     `json:"exclusive,omitempty"` // conflicts block
}

// Checked is what a check of the schedule found.
type Checked struct {
	Problems  []string `json:"problems,omitempty"`  // why it may not be then
	Conflicts []string `json:"conflicts,omitempty"` // with which others; only a warning where the model says so
	Blocks    bool     `json:"blocks,omitempty"`    // whether the conflicts count as problems
}

// refusals lists what speaks against the planned time, in words.
func (c Checked) refusals() []string {
	if c.Blocks {
		return append(append([]string{}, c.Problems...), c.Conflicts...)
	}
	return c.Problems
}

// warnings lists what is only told.
func (c Checked) warnings() []string {
	if c.Blocks {
		return nil
	}
	return c.Conflicts
}

// Transition is the state of one transition.
type Transition struct {
	chronicle
}
