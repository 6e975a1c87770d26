package itsm

import (
	"encoding/json"
	"time"
)

// The types of an approval's events.
const (
	EventApprovalOpened    EventType = "approval.opened"
	EventStageSkipped      EventType = "stage.skipped"
	EventStageOpened       EventType = "stage.opened"
	EventStageReminded     EventType = "stage.reminded"
	EventStageEscalated    EventType = "stage.escalated"
	EventStageTimedOut     EventType = "stage.timed_out"
	EventStageClosed       EventType = "stage.closed"
	EventDecisionMade      EventType = "decision.made"
	EventDecisionChanged   EventType = "decision.changed"
	EventSeatDelegated     EventType = "seat.delegated"
	EventSeatPassed        EventType = "seat.passed"
	EventAbsenceNoted      EventType = "absence.noted"
	EventSubjectAmended    EventType = "subject.amended"
	EventApprovalsVoided   EventType = "approvals.voided"
	EventProcessBlocked    EventType = "process.blocked"
	EventProcessResumed    EventType = "process.resumed"
	EventApprovalClosed    EventType = "approval.closed"
	EventNotificationsSent EventType = "notifications.sent"
)

// ApprovalOpened is the data of EventApprovalOpened.
type ApprovalOpened struct {
	Flow    DefinitionRef   `json:"flow"`
	Summary string          `json:"summary"`
	Subject json.RawMessage `json:"subject,omitempty"`
}

// StageOpened is the data of EventStageOpened.
type StageOpened struct {
	Stage     string     `json:"stage"`
	Round     int        `json:"round"`
	Approvers []string   `json:"approvers"`
	Vetoes    []string   `json:"vetoes,omitempty"`
	Excluded  []string   `json:"excluded,omitempty"`
	Need      int        `json:"need"`
	Deadline  *time.Time `json:"deadline,omitempty"`
}

// StageEvent is the data of the events that only name their stage.
type StageEvent struct {
	Stage string `json:"stage"`
	Round int    `json:"round"`
}

// StageTold is the data of EventStageReminded and EventStageEscalated.
type StageTold struct {
	Stage string   `json:"stage"`
	Round int      `json:"round"`
	To    []string `json:"to"`
}

// StageTimedOut is the data of EventStageTimedOut.
type StageTimedOut struct {
	Stage    string    `json:"stage"`
	Round    int       `json:"round"`
	Action   OnTimeout `json:"action"`
	Deadline time.Time `json:"deadline"`
}

// StageClosed is the data of EventStageClosed.
type StageClosed struct {
	Stage    string `json:"stage"`
	Round    int    `json:"round"`
	Result   Result `json:"result"`
	Need     int    `json:"need"`
	Approved int    `json:"approved"`
	Rejected int    `json:"rejected"`
	VetoBy   string `json:"vetoBy,omitempty"`
}

// DecisionMade is the data of EventDecisionMade and EventDecisionChanged.
type DecisionMade struct {
	Stage   string  `json:"stage"`
	Round   int     `json:"round"`
	Verdict Verdict `json:"verdict"`
	For     string  `json:"for,omitempty"`    // whose seat it was, where another decided
	Before  Verdict `json:"before,omitempty"` // the verdict that it replaces
}

// SeatDelegated is the data of EventSeatDelegated, and of EventSeatPassed,
// where an absence that began or ended is the reason.
type SeatDelegated struct {
	Stage string `json:"stage"`
	Seat  string `json:"seat"`
	From  string `json:"from"`
	To    string `json:"to"`
}

// SubjectAmended is the data of EventSubjectAmended.
type SubjectAmended struct {
	Subject json.RawMessage `json:"subject"`
	Summary string          `json:"summary"`
	Voids   bool            `json:"voids"` // whether a part that approvals are bound to changed
}

// ApprovalsVoided is the data of EventApprovalsVoided.
type ApprovalsVoided struct {
	Stages []string `json:"stages"`
	Round  int      `json:"round"` // the round that begins
}

// ProcessBlocked is the data of EventProcessBlocked.
type ProcessBlocked struct {
	Stage  string `json:"stage,omitempty"`
	Reason string `json:"reason"`
}

// ApprovalClosed is the data of EventApprovalClosed.
type ApprovalClosed struct {
	Outcome string `json:"outcome"`
	Stage   string `json:"stage,omitempty"` // the stage that decided it
	Why     string `json:"why"`
}
