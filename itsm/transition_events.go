package itsm

import (
	"encoding/json"
	"time"
)

// The types of a transition's events, besides those of steps.
const (
	EventTransitionOpened      EventType = "transition.opened"
	EventPhaseEntered          EventType = "phase.entered"
	EventRiskAssessed          EventType = "risk.assessed"
	EventSchedulePlanned       EventType = "schedule.planned"
	EventScheduleWarned        EventType = "schedule.warned"
	EventScheduleOverridden    EventType = "schedule.overridden"
	EventScheduleChecked       EventType = "schedule.checked"
	EventAuthorizationSkipped  EventType = "authorization.skipped"
	EventAuthorizationAsked    EventType = "authorization.requested"
	EventAuthorizationDecided  EventType = "authorization.decided"
	EventAuthorizationVoided   EventType = "authorization.voided"
	EventTransitionAmended     EventType = "transition.amended"
	EventTransitionRescheduled EventType = "transition.rescheduled"
	EventRollbackOrdered       EventType = "rollback.ordered"
	EventRollbackBegun         EventType = "rollback.begun"
	EventEarlyLifeBegun        EventType = "early_life.begun"
	EventIncidentAttached      EventType = "incident.attached"
	EventReviewCompleted       EventType = "review.completed"
	EventTransitionClosed      EventType = "transition.closed"
)

// The types of the events of steps, the same in every process that has steps.
const (
	EventStepOpened    EventType = "step.opened"
	EventStepSkipped   EventType = "step.skipped"
	EventStepReminded  EventType = "step.reminded"
	EventStepEscalated EventType = "step.escalated"
	EventStepTimedOut  EventType = "step.timed_out"
	EventStepNotified  EventType = "step.notified"
	EventStepAccepted  EventType = "step.accepted" // a call whose callback is awaited
	EventStepCompleted EventType = "step.completed"
	EventStepFailed    EventType = "step.failed"
	EventStepBlocked   EventType = "step.blocked"
	EventStepCancelled EventType = "step.cancelled"
	EventStepRetried   EventType = "step.retried"
	EventTaskClaimed   EventType = "task.claimed"
	EventTaskReleased  EventType = "task.released"
	EventTaskProgress  EventType = "task.progressed"
)

// TransitionOpened is the data of EventTransitionOpened.
type TransitionOpened struct {
	Model   DefinitionRef   `json:"model"`
	Title   string          `json:"title"`
	Service string          `json:"service"`
	Input   json.RawMessage `json:"input,omitempty"`
	Planned *Period         `json:"planned,omitempty"`
}

// PhaseEntered is the data of EventPhaseEntered.
type PhaseEntered struct {
	Phase Phase  `json:"phase"`
	From  Phase  `json:"from,omitempty"`
	Why   string `json:"why,omitempty"`
}

// ScheduleEvent is the data of the events about the schedule.
type ScheduleEvent struct {
	Planned  *Period  `json:"planned,omitempty"`
	When     Gate     `json:"when,omitempty"` // at which of its checks
	Problems []string `json:"problems,omitempty"`
}

// AuthorizationEvent is the data of the events about the authorisation.
type AuthorizationEvent struct {
	Approval   string `json:"approval,omitempty"`
	Flow       string `json:"flow,omitempty"`
	Outcome    string `json:"outcome,omitempty"`
	Stage      string `json:"stage,omitempty"` // in which it was decided
	Why        string `json:"why,omitempty"`
	Afterwards bool   `json:"afterwards,omitempty"`
}

// TransitionAmended is the data of EventTransitionAmended and
// EventTransitionRescheduled.
type TransitionAmended struct {
	Input   json.RawMessage `json:"input,omitempty"`
	Planned *Period         `json:"planned,omitempty"`
}

// RollbackEvent is the data of EventRollbackOrdered and EventRollbackBegun.
type RollbackEvent struct {
	Why   string   `json:"why"`
	Undo  []string `json:"undo,omitempty"` // the steps that will be taken back, in this order
	After string   `json:"after,omitempty"`
}

// EarlyLifeBegun is the data of EventEarlyLifeBegun.
type EarlyLifeBegun struct {
	Until time.Time `json:"until"`
}

// IncidentAttached is the data of EventIncidentAttached.
type IncidentAttached struct {
	Incident json.RawMessage `json:"incident"`
}

// ReviewCompleted is the data of EventReviewCompleted.
type ReviewCompleted struct {
	Result  string `json:"result"`
	Lessons string `json:"lessons,omitempty"`

	Actions []Action `json:"actions,omitempty"` // of a major incident's review
}

// TransitionClosed is the data of EventTransitionClosed.
type TransitionClosed struct {
	Outcome string `json:"outcome"`
	Why     string `json:"why"`
}

// StepEvent is the data of the events of steps.
type StepEvent struct {
	Step     string          `json:"step"`
	Title    string          `json:"title,omitempty"`
	Kind     StepKind        `json:"kind,omitempty"`
	Attempt  int             `json:"attempt,omitempty"`
	People   []string        `json:"people,omitempty"`
	To       []string        `json:"to,omitempty"`
	Deadline *time.Time      `json:"deadline,omitempty"`
	Until    *time.Time      `json:"until,omitempty"`
	Approval string          `json:"approval,omitempty"`
	Result   string          `json:"result,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	ByHand   ByHand          `json:"byHand,omitempty"`
	Check    []string        `json:"check,omitempty"`
	Evidence []Evidence      `json:"evidence,omitempty"`
	Output   json.RawMessage `json:"output,omitempty"`
}
