package itsm

import (
	"encoding/json"
	"time"
)

// StepKind is what sort of thing a step is.
type StepKind string

// The kinds of steps. A stage and a parallel hold others.
const (
	StepStage    StepKind = "stage"
	StepTask     StepKind = "task"
	StepCall     StepKind = "call"
	StepApprove  StepKind = "approve"
	StepWait     StepKind = "wait"
	StepNotify   StepKind = "notify"
	StepParallel StepKind = "parallel"
)

// StepRule is what a definition says of one step, apart from what must be
// looked up or evaluated when its turn comes.
type StepRule struct {
	ID       string       // where it is: "migration.2"; "support.1.2.1" is the first of branch 2; "migration.2.undo" takes that back
	Kind     StepKind     //
	Name     string       // by which later expressions know it; may be empty
	Title    string       // what people see
	Branches [][]StepRule // stage: one; parallel: those that go on at the same time

	Checklist []string // task: what must be ticked off
	Evidence  bool     // task: it may not be finished without
	Results   []string // task: how it may end; none is done or failed
	Actions   bool     // task: who completes it may have others do things
	Timeout   Duration // call: of one attempt; zero: the default
	Within    Duration // call: of all attempts; zero: the default
	Callback  Duration // call: how long the answer may take after the request was accepted; zero: no callback
	Plain     bool     // nothing of it must be looked up when its turn comes
	ForStart  bool     // wait: for the planned start of the transition
	Undo      *StepRule
}

// ReviewStep is the ID of the task in which a transition is reviewed.
const ReviewStep = "review"

// StepStatus is where a step stands.
type StepStatus string

// The statuses of a step that has had its turn.
const (
	StepPending   StepStatus = "" // its turn came before, and comes again
	StepRunning   StepStatus = "running"
	StepBlocked   StepStatus = "blocked"   // can't go on by itself: retry, skip or complete it by hand
	StepDone      StepStatus = "done"      //
	StepSkipped   StepStatus = "skipped"   // its condition did not hold, or somebody skipped it
	StepFailed    StepStatus = "failed"    // for good: what is done is taken back
	StepCancelled StepStatus = "cancelled" // the process went another way before it ended
)

// IsOver reports whether the step has ended in one way or another.
func (s StepStatus) IsOver() bool { return s != StepPending && s != StepRunning && s != StepBlocked }

// StepRun is one step of a process, from its turn on.
type StepRun struct {
	ID        string          `json:"id"`
	Kind      StepKind        `json:"kind"`
	Name      string          `json:"name,omitempty"`
	Title     string          `json:"title"`
	Status    StepStatus      `json:"status"`
	Attempt   int             `json:"attempt"` // from 1; one more each time it is retried by hand
	Opened    time.Time       `json:"opened"`
	Ended     *time.Time      `json:"ended,omitempty"`
	EndEvent  int             `json:"endEvent,omitempty"` // the number of the event that tells of its end
	Reason    string          `json:"reason,omitempty"`   // why it is blocked, failed, skipped or cancelled
	People    []string        `json:"people,omitempty"`   // task: who may do it; notify: who is told
	Owner     []string        `json:"owner,omitempty"`    // who is told where it is stuck
	Deadline  *time.Time      `json:"deadline,omitempty"`
	Timetable []Due           `json:"timetable,omitempty"` // what is still to come
	Output    json.RawMessage `json:"output,omitempty"`    // what later expressions see as steps.<name>

	Claimed   string          `json:"claimed,omitempty"`   // task: by whom
	Checklist []ChecklistItem `json:"checklist,omitempty"` // task
	Evidence  []Evidence      `json:"evidence,omitempty"`  // task
	Accepted  bool            `json:"accepted,omitempty"`  // call: the request was, and its callback is awaited
	Reached   bool            `json:"reached,omitempty"`   // call: it may have taken effect, also where it failed
	Answered  string          `json:"answered,omitempty"`  // call: digest of the callback that ended it
	Approval  string          `json:"approval,omitempty"`  // approve: the process that decides
	Undone    StepStatus      `json:"undone,omitempty"`    // what became of its undo: done or skipped
}

// ChecklistItem is one thing to tick off.
type ChecklistItem struct {
	Text string     `json:"text"`
	By   string     `json:"by,omitempty"` // who ticked it off; empty: nobody yet
	At   *time.Time `json:"at,omitempty"`
}

// Evidence is what shows that a task was done: exactly one of text, link and
// file.
type Evidence struct {
	Text   string    `json:"text,omitempty"`
	Link   string    `json:"link,omitempty"`   // an http or https URL
	File   string    `json:"file,omitempty"`   // the file's name
	Digest string    `json:"digest,omitempty"` // of the file: "sha256:" and 64 hex digits
	Size   int64     `json:"size,omitempty"`   // of the file, in bytes
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// StepPlan is one step, resolved when its turn has come: whether it applies,
// who does it, and when it acts. What may be different tomorrow was looked up
// when it was made.
type StepPlan struct {
	Step      string     `json:"step"`
	Skip      bool       `json:"skip,omitempty"`   // its condition does not hold
	People    []string   `json:"people,omitempty"` // task: who may do it; notify: who is told
	Owner     []string   `json:"owner,omitempty"`
	Timetable []Due      `json:"timetable,omitempty"` // in order of time
	Until     *time.Time `json:"until,omitempty"`     // wait
	Approval  string     `json:"approval,omitempty"`  // approve: the ID of the process that will decide
	Problem   string     `json:"problem,omitempty"`   // why no plan could be made; the step is blocked by it
}

// CallOutcome is how a step's HTTP call ended, after all its attempts.
type CallOutcome struct {
	Result   CallResult      `json:"result"`
	Status   int             `json:"status,omitempty"`   // HTTP's, of the last answer
	Body     json.RawMessage `json:"body,omitempty"`     // of the answer: JSON, or text as a JSON string; cut at a limit
	Reason   string          `json:"reason,omitempty"`   // of a failure: what happened and what to do
	Reached  bool            `json:"reached,omitempty"`  // the request may have taken effect
	Attempts int             `json:"attempts,omitempty"` // how often it was sent
}

// CallResult tells apart how a call can end.
type CallResult string

// The results of a call.
const (
	CallSucceeded CallResult = "succeeded" // with a callback: the request was accepted
	CallFailed    CallResult = "failed"    // for good
	CallBlocked   CallResult = "blocked"   // it could not be sent: something in Steward must be mended
)

// CallbackAnswer is what a called system reports when it is done.
type CallbackAnswer struct {
	Failed  bool            `json:"failed,omitempty"`
	Message string          `json:"message,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"` // what later expressions see as steps.<name>.callback
	Digest  string          `json:"digest"`           // of the body: the same answer again is no other answer
}

// TaskWork is what somebody did on a task.
type TaskWork struct {
	Check    []string   `json:"check,omitempty"` // items of the checklist, by their text
	Evidence []Evidence `json:"evidence,omitempty"`
	Result   string     `json:"result,omitempty"`  // how it ended; empty is done
	Lessons  string     `json:"lessons,omitempty"` // of a review
	Actions  []Action   `json:"actions,omitempty"` // of the review of a major incident: each becomes a task
}

// The results of a task that are the same for all.
const (
	TaskDone   = "done"
	TaskFailed = "failed"
)

// ByHand is what an operator does with a blocked step.
type ByHand string

// What can be done by hand.
const (
	HandRetry    ByHand = "retry"
	HandSkip     ByHand = "skip"
	HandComplete ByHand = "complete" // it was done outside Steward
)
