package itsm

import (
	"encoding/json"
	"slices"
	"strings"
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

// Refusal says why the planned time may not be, or gives nil. The error has
// CodeSchedule or CodeScheduleConflict.
func (c Checked) Refusal() error {
	refusals := c.refusals()
	switch {
	case len(refusals) == 0:
		return nil
	case len(c.Problems) > 0:
		return FieldErrorf(CodeSchedule, "/plannedStart", "the schedule refuses it: %s", strings.Join(refusals, "; "))
	default:
		return FieldErrorf(CodeScheduleConflict, "/plannedStart", "it conflicts with others: %s; choose another time", strings.Join(refusals, "; "))
	}
}

// warnings lists what is only told.
func (c Checked) warnings() []string {
	if c.Blocks {
		return nil
	}
	return c.Conflicts
}

// Transition is the state of one transition. Its methods are the rules, as
// those of an Approval are: they check a command or a moment, change the state,
// and add the events that tell of it. The time is always an argument.
//
// What must be looked up it asks for with Next, and is given as plans.
type Transition struct {
	chronicle
	Requester   Actor           `json:"requester"`
	OpenedBy    Actor           `json:"openedBy"`          // who sent it; an integration, where it did so for the requester
	Authors     []string        `json:"authors,omitempty"` // persons who changed it
	Title       string          `json:"title"`
	Description string          `json:"description,omitempty"`
	Service     string          `json:"service"`
	Rules       TransitionRules `json:"-"` // from the model's text, which the process carries
	Input       json.RawMessage `json:"input,omitempty"`
	Planned     *Period         `json:"planned,omitempty"`

	Phase      Phase      `json:"phase"`
	State      State      `json:"state"`
	Outcome    string     `json:"outcome,omitempty"`
	Why        string     `json:"why,omitempty"` // of the outcome
	Held       Hold       `json:"held,omitzero"` // what keeps the whole of it from going on
	Opened     time.Time  `json:"opened"`
	PhaseSince time.Time  `json:"phaseSince"`
	Closed     *time.Time `json:"closed,omitempty"`

	Assessed  bool              `json:"assessed,omitempty"` // as its subject and planned time are now
	Revising  bool              `json:"revising,omitempty"` // a command changed them and is refused if they do not do
	Risk      *Risk             `json:"risk,omitempty"`
	Bound     string            `json:"bound,omitempty"` // digest of the parts that approvals are bound to
	Needs     []string          `json:"needs,omitempty"`
	Owner     []string          `json:"owner,omitempty"`
	Exclusive bool              `json:"exclusive,omitempty"`
	Warnings  []string          `json:"warnings,omitempty"` // of the schedule
	Override  *ScheduleOverride `json:"override,omitempty"`
	Check     Gate              `json:"check,omitempty"` // the check of the schedule that is to be made
	Started   bool              `json:"started,omitempty"`

	Authorization Authorization    `json:"authorization,omitzero"`
	Orders        []ParentOrder    `json:"orders,omitempty"` // what approvals are to be told
	Steps         Steps            `json:"steps,omitzero"`
	Rollback      *Rollback        `json:"rollback,omitempty"`
	EarlyLife     *EarlyLife       `json:"earlyLife,omitempty"`
	Result        *ReviewCompleted `json:"result,omitempty"`

	claim *Claim
}

// Hold is what keeps a transition as a whole from going on by itself.
type Hold struct {
	By     string `json:"by,omitempty"` // HoldAssessment or HoldSchedule; empty: nothing does
	Reason string `json:"reason,omitempty"`
}

// What can hold a transition as a whole.
const (
	HoldAssessment = "assessment" // it can't be assessed
	HoldSchedule   = "schedule"   // its planned time is refused
	HoldEarlyLife  = "early-life" // it can't be said whether it must be rolled back
)

// ScheduleOverride says that somebody let a transition go on though its schedule
// refuses it.
type ScheduleOverride struct {
	By     Actor     `json:"by"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// Authorization is the approval that a transition needs before it goes on.
type Authorization struct {
	Status   AuthorizationStatus `json:"status,omitempty"`
	Approval string              `json:"approval,omitempty"` // the process that decides
	Round    int                 `json:"round,omitempty"`    // one more each time it is asked for anew
	Stage    string              `json:"stage,omitempty"`    // in which it was decided
	Asked    *time.Time          `json:"asked,omitempty"`
	Decided  *time.Time          `json:"decided,omitempty"`
}

// AuthorizationStatus is where the authorisation stands.
type AuthorizationStatus string

// The statuses of an authorisation.
const (
	AuthorizationNone     AuthorizationStatus = ""         // not yet, or never, asked for
	AuthorizationWanted   AuthorizationStatus = "wanted"   // the approval is about to be started
	AuthorizationAsked    AuthorizationStatus = "asked"    // the approval runs
	AuthorizationGiven    AuthorizationStatus = "approved" //
	AuthorizationRefused  AuthorizationStatus = "rejected" // or withdrawn
	AuthorizationNeedless AuthorizationStatus = "not-needed"
)

// ParentOrder is something that an approval must be told by the process that
// asked for it.
type ParentOrder struct {
	Approval string `json:"approval"`
	Key      string `json:"key"`                // an order is followed once
	Withdraw bool   `json:"withdraw,omitempty"` // it is not needed any more; otherwise its subject changed
}

// Rollback is why everything is taken back, and what comes of it.
type Rollback struct {
	Why     string    `json:"why"`
	Ordered bool      `json:"ordered"`         // by somebody, and not by a step that failed
	Phase   Phase     `json:"phase,omitempty"` // in which it ends, where that is clear already
	Outcome string    `json:"outcome,omitempty"`
	Begun   time.Time `json:"begun"`
}

// EarlyLife is the time in which a transition is watched after it was
// implemented.
type EarlyLife struct {
	Until     time.Time         `json:"until"`
	Incidents []json.RawMessage `json:"incidents,omitempty"`
	Unjudged  bool              `json:"unjudged,omitempty"` // an incident came since it was last judged
}

// TransitionStart is what a transition begins with.
type TransitionStart struct {
	ID          string
	Requester   Actor
	OpenedBy    Actor
	Title       string
	Description string
	Service     string
	Input       json.RawMessage
	Planned     *Period
	Rules       TransitionRules
}

// NewTransition begins a transition. It waits to be assessed.
func NewTransition(s TransitionStart) *Transition {
	t := &Transition{
		chronicle: chronicle{ID: s.ID}, Requester: s.Requester, OpenedBy: s.OpenedBy, Title: s.Title, Description: s.Description,
		Service: s.Service, Input: s.Input, Planned: s.Planned, Phase: PhaseNew, State: StateOpen,
	}
	t.Attach(s.Rules)
	return t
}

// Attach ties a state that was read to the rules that it runs under.
func (t *Transition) Attach(rules TransitionRules) {
	t.Rules = rules
	steps := rules.Stages
	if rules.Review {
		steps = append(slices.Clip(steps), reviewRule)
	}
	t.Steps.attach(steps, &t.chronicle)
}

// reviewRule is the review as a step.
var reviewRule = StepRule{
	ID: ReviewStep, Kind: StepTask, Title: "Review", Name: ReviewStep,
	Results: []string{OutcomeSuccessful, OutcomeWithIssues, OutcomeUnsuccessful},
}
