package itsm

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Kind is a kind of process.
type Kind string

// The kinds of processes.
const (
	KindApproval    Kind = "approval"
	KindTransition  Kind = "transition"
	KindIncident    Kind = "incident"
	KindImprovement Kind = "improvement"
	KindProblem     Kind = "problem"
	KindRequest     Kind = "request"
)

var prefixes = map[Kind]string{
	KindApproval: "APR", KindTransition: "CHG", KindIncident: "INC",
	KindImprovement: "IMP", KindProblem: "PRB", KindRequest: "REQ",
}

// ID gives the name of the n-th process of a kind: "APR-1". It is the
// process's Temporal workflow ID too.
func (k Kind) ID(n int64) string { return fmt.Sprintf("%s-%d", prefixes[k], n) }

// KindOf tells the kind of process that an ID names.
func KindOf(id string) (Kind, bool) {
	prefix, number, ok := strings.Cut(id, "-")
	if n, err := strconv.ParseInt(number, 10, 64); !ok || err != nil || n < 1 || number[0] == '0' || number[0] == '+' {
		return "", false
	}
	for kind, p := range prefixes {
		if p == prefix {
			return kind, true
		}
	}
	return "", false
}

// State is where a process stands.
type State string

// The states that every kind of process shares.
const (
	StateOpen    State = "open"    // waiting for people, time or other systems
	StateBlocked State = "blocked" // can't go on by itself; the view says why and how to resume
	StateClosed  State = "closed"  // over; the outcome never changes
)

// DefinitionRef names one immutable version of a definition.
type DefinitionRef struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

// View is what a process looks like now. The workflow makes it and the store
// keeps it; nothing else changes it.
type View struct {
	ID          string          `json:"id"`
	Kind        Kind            `json:"kind"`
	Summary     string          `json:"summary"` // one line for lists
	State       State           `json:"state"`
	Phase       Phase           `json:"phase,omitempty"`   // of a transition: how far it is
	Outcome     string          `json:"outcome,omitempty"` // approved, rejected, withdrawn … once closed
	Blocked     string          `json:"blocked,omitempty"` // why it can't go on, and what to do
	Requester   Actor           `json:"requester"`
	Service     string          `json:"service,omitempty"`
	Parent      string          `json:"parent,omitempty"`
	Definitions []DefinitionRef `json:"definitions"` // the rules that it runs under
	Opened      time.Time       `json:"opened"`
	Updated     time.Time       `json:"updated"`
	Closed      *time.Time      `json:"closed,omitempty"`
	Due         *time.Time      `json:"due,omitempty"` // the next deadline, where one runs
	LastEvent   int             `json:"lastEvent"`     // the number of the newest event that it includes

	Subject json.RawMessage `json:"subject,omitempty"`
	Detail  json.RawMessage `json:"detail,omitempty"` // what only this kind has, such as an approval's stages
}

// What waits for a person: a decision, or a task to be done.
const (
	ActionDecide   = "decide"
	ActionComplete = "complete"
	ActionResolve  = "resolve"
)

// InboxItem is one thing that waits for one person.
type InboxItem struct {
	Process string     `json:"process"`
	Task    string     `json:"task"`   // unique in the process: the stage's name, and its round
	Person  string     `json:"person"` // who may act
	Seat    string     `json:"seat"`   // whose vote it is: somebody else's where the person stands in
	Action  string     `json:"action"` // ActionDecide or ActionComplete
	Title   string     `json:"title"`
	Since   time.Time  `json:"since"`
	Due     *time.Time `json:"due,omitempty"`
}

// Record is one step of a process as the store keeps it: the events that
// happened, and what the process and the inbox look like after the last of
// them. It is written in one transaction, or not at all.
type Record struct {
	Process  string          `json:"process"`
	Events   []Event         `json:"events"`
	View     View            `json:"view"`
	Inbox    []InboxItem     `json:"inbox"`           // all that waits now; what is stored beyond it goes
	Snapshot json.RawMessage `json:"snapshot"`        // the process's own state after the last event
	Claim    *Claim          `json:"claim,omitempty"` // what changes of its place in the schedule of change; nil: nothing
}

// Earlier is what an earlier try of the same step has recorded, which a crash
// kept from the process. What is recorded stands: the process takes it up and
// goes on from there.
type Earlier struct {
	Events   []Event         `json:"events"` // from the first number of the later try on
	Snapshot json.RawMessage `json:"snapshot"`
}
