package itsm

import (
	"encoding/json"
	"time"
)

// Verdict is what an approver says.
type Verdict string

// The verdicts.
const (
	Approve Verdict = "approve"
	Reject  Verdict = "reject"
	Abstain Verdict = "abstain" // counts as having voted, not as an approval; the number needed stays
)

// OnTimeout says what a stage does when its deadline passes.
type OnTimeout string

// What a deadline can do. Hold is the default: time alone never says yes.
const (
	TimeoutHold    OnTimeout = "hold"    // wait on, and tell the owner
	TimeoutApprove OnTimeout = "approve" // the stage counts as won
	TimeoutReject  OnTimeout = "reject"  // the approval is rejected
	TimeoutSkip    OnTimeout = "skip"    // the next stage opens; the last one that could decide holds
)

// The outcomes of an approval.
const (
	OutcomeApproved  = "approved"
	OutcomeRejected  = "rejected"
	OutcomeWithdrawn = "withdrawn"
)

// StageRule is what a flow says of one stage, apart from who the approvers
// turn out to be and when.
type StageRule struct {
	Name             string    `json:"name"`
	Title            string    `json:"title"`
	Need             Need      `json:"need"`
	ExcludeRequester bool      `json:"excludeRequester,omitempty"`
	ExcludePrevious  bool      `json:"excludePrevious,omitempty"` // who decided an earlier stage may not decide this one
	OnTimeout        OnTimeout `json:"onTimeout,omitempty"`
}

// ApprovalRules is an approval flow as the rules of this package see it.
type ApprovalRules struct {
	Stages    []StageRule
	CommentOn []Verdict // verdicts that need a comment
}

// Absence is a time in which a person is away and another decides for them.
type Absence struct {
	Person   string    `json:"person"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"` // the first instant at which the person is back
	Delegate string    `json:"delegate"`
}

// covers reports whether the person is away at the given instant.
func (a Absence) covers(at time.Time) bool { return !at.Before(a.From) && at.Before(a.To) }

// Candidate is a person whom a stage asks, as the directory had it when the
// stage opened.
type Candidate struct {
	Person   string    `json:"person"`
	Counted  bool      `json:"counted"`        // one of the approvers, not only a holder of a veto
	Veto     bool      `json:"veto,omitempty"` // one no ends the approval
	Absences []Absence `json:"absences,omitempty"`
}

// DueKind is what happens at an instant of a stage's timetable.
type DueKind string

// What a timetable plans.
const (
	DueReminder   DueKind = "remind"
	DueEscalation DueKind = "escalate"
	DueDeadline   DueKind = "deadline"
	DueHandover   DueKind = "handover" // an absence begins or ends
	DueEnd        DueKind = "end"      // a wait ends
)

// Due is an instant at which a stage acts by itself.
type Due struct {
	At   time.Time `json:"at"`
	Kind DueKind   `json:"kind"`
	To   []string  `json:"to,omitempty"` // persons whom an escalation tells
}

// StagePlan is the next stage of a flow, resolved: whose answer it wants and
// when it acts. Everything in it that may be different tomorrow (members,
// managers, absences, the time zone database) was looked up when it was made.
type StagePlan struct {
	Stage     int         `json:"stage"`             // index in the rules; their number when no stage is left
	Skipped   []int       `json:"skipped,omitempty"` // stages before it whose condition did not hold
	Approvers []Candidate `json:"approvers,omitempty"`
	Owner     []string    `json:"owner,omitempty"`     // who is told of what is stuck
	Timetable []Due       `json:"timetable,omitempty"` // in order of time
	Bound     string      `json:"bound,omitempty"`     // digest of the parts of the subject that approvals are bound to
	Problem   string      `json:"problem,omitempty"`   // why no plan could be made; the process is blocked by it
}

// Approval is the state of one approval. Its methods are the rules: they check
// a command or a moment, change the state, and add the events that tell of it.
// They never look at a clock; the time is always an argument.
type Approval struct {
	chronicle
	Requester Actor           `json:"requester"`
	Authors   []string        `json:"authors,omitempty"` // persons who wrote parts of it besides; the flow excludes them as it does the requester
	Summary   string          `json:"summary"`           // one line, made of the subject by the flow
	Rules     ApprovalRules   `json:"-"`                 // from the flow's text, which the process carries
	State     State           `json:"state"`
	Outcome   string          `json:"outcome,omitempty"`
	DecidedIn string          `json:"decidedIn,omitempty"` // the stage that decided it, where one did
	Blocked   string          `json:"blocked,omitempty"`
	Subject   json.RawMessage `json:"subject,omitempty"`
	Bound     string          `json:"bound,omitempty"`
	Round     int             `json:"round"`  // 1, and one more each time a change of the subject voided all
	Stages    []Stage         `json:"stages"` // every stage that opened or was skipped, oldest first
	Next      int             `json:"next"`   // index of the rule that is planned next
	Owner     []string        `json:"owner,omitempty"`
	Closed    *time.Time      `json:"closed,omitempty"`
}

// Stage is one stage of an approval that opened, or was passed over.
type Stage struct {
	Rule      int        `json:"rule"` // index in the flow
	Name      string     `json:"name"`
	Title     string     `json:"title,omitempty"`
	Round     int        `json:"round"`
	Need      int        `json:"need,omitempty"`
	Seats     []Seat     `json:"seats,omitempty"`
	Excluded  []string   `json:"excluded,omitempty"`
	Timetable []Due      `json:"timetable,omitempty"` // what is still to come
	Deadline  *time.Time `json:"deadline,omitempty"`
	Held      bool       `json:"held,omitempty"` // its deadline passed, and it waits on
	Opened    time.Time  `json:"opened"`
	Ended     *time.Time `json:"ended,omitempty"`
	Result    Result     `json:"result,omitempty"` // empty while open
}

// Result is how a stage ended.
type Result string

// The results of a stage.
const (
	ResultWon      Result = "won"
	ResultLost     Result = "lost"
	ResultSkipped  Result = "skipped"   // its condition did not hold
	ResultTimedOut Result = "timed-out" // its deadline passed it over
	ResultVoided   Result = "voided"    // the subject changed
	ResultEnded    Result = "ended"     // the approval was withdrawn
)

// Seat is one vote of a stage.
type Seat struct {
	Candidate
	Delegate string    `json:"delegate,omitempty"` // to whom the seat was handed over by hand
	Decision *Decision `json:"decision,omitempty"`
}

// Decision is an actor's verdict on a stage.
type Decision struct {
	Verdict Verdict   `json:"verdict"`
	By      string    `json:"by"` // the person who decided, who may stand in for the seat's
	At      time.Time `json:"at"`
	Comment string    `json:"comment,omitempty"`
}

// Notice is a message that an event calls for.
type Notice struct {
	Event int       `json:"event"`
	Type  EventType `json:"type"` // what the message says; an event may say different things to different people
	To    []string  `json:"to"`   // persons, each once, in order of their names
}

// NewApproval begins an approval. Its first stage waits for a plan.
func NewApproval(id string, requester Actor, summary string, rules ApprovalRules, subject json.RawMessage) *Approval {
	return &Approval{chronicle: chronicle{ID: id}, Requester: requester, Summary: summary, Rules: rules, State: StateOpen, Subject: subject, Round: 1}
}

// Current gives the open stage, or nil.
func (a *Approval) Current() *Stage {
	if len(a.Stages) == 0 || a.Stages[len(a.Stages)-1].Result != "" {
		return nil
	}
	return &a.Stages[len(a.Stages)-1]
}

// WantsPlan reports whether the approval waits for the plan of its next stage.
func (a *Approval) WantsPlan() bool { return a.State == StateOpen && a.Current() == nil }

// notifyStuck tells the owner of what can't go on by itself, or else whoever
// asked for it: somebody must know.
func (a *Approval) notifyStuck(typ EventType) {
	if len(a.Owner) > 0 {
		a.notify(typ, a.Owner)
	} else if a.Requester.Kind == ActorPerson {
		a.notify(typ, []string{a.Requester.Name})
	}
}
