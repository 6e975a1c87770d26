package itsm

import "time"

// The types of an incident's events, besides those of tasks.
const (
	EventIncidentOpened       EventType = "incident.opened"
	EventIncidentClassified   EventType = "incident.classified"
	EventIncidentAcknowledged EventType = "incident.acknowledged"
	EventIncidentAssigned     EventType = "incident.assigned"
	EventIncidentNoted        EventType = "incident.noted"
	EventIncidentHeld         EventType = "incident.held"
	EventIncidentResumed      EventType = "incident.resumed"
	EventIncidentResolved     EventType = "incident.resolved"
	EventIncidentReopened     EventType = "incident.reopened"
	EventIncidentMerged       EventType = "incident.merged"    // into another, which ends it
	EventIncidentAbsorbed     EventType = "incident.absorbed"  // another, which was merged into it
	EventIncidentEscalated    EventType = "incident.escalated" // by hand
	EventTransitionAttached   EventType = "transition.attached"
	EventIncidentClosed       EventType = "incident.closed"
	EventMajorDeclared        EventType = "major.declared"
	EventAlertChanged         EventType = "alert.changed"
	EventPageSent             EventType = "page.sent"
	EventRungPassed           EventType = "rung.passed" // nobody was there to be told
	EventLadderResumed        EventType = "ladder.resumed"
	EventLadderExhausted      EventType = "ladder.exhausted"
	EventPagingSuppressed     EventType = "paging.suppressed"
	EventPagingAllowed        EventType = "paging.allowed"
	EventClockWarned          EventType = "clock.warned"
	EventClockBreached        EventType = "clock.breached"
)

// IncidentOpened is the data of EventIncidentOpened.
type IncidentOpened struct {
	Title       string          `json:"title"`
	Description string          `json:"description,omitempty"`
	Service     string          `json:"service"`
	Alert       *Alert          `json:"alert,omitempty"`
	Class       Classification  `json:"class"`
	Policies    []DefinitionRef `json:"policies,omitempty"`
}

// IncidentClassified is the data of EventIncidentClassified.
type IncidentClassified struct {
	From Classification `json:"from"`
	To   Classification `json:"to"`
}

// IncidentEvent is the data of the events that name little.
type IncidentEvent struct {
	Phase      IncidentPhase `json:"phase,omitempty"`
	Person     string        `json:"person,omitempty"`
	Note       string        `json:"note,omitempty"`
	Cause      string        `json:"cause,omitempty"`
	Fix        string        `json:"fix,omitempty"`
	Incident   string        `json:"incident,omitempty"`   // the other one
	Transition string        `json:"transition,omitempty"` //
	Outcome    string        `json:"outcome,omitempty"`
	Why        string        `json:"why,omitempty"`
}

// PageSent is the data of EventPageSent and EventRungPassed.
type PageSent struct {
	Round int      `json:"round"`        // from 1
	Rung  int      `json:"rung"`         // from 1
	Of    int      `json:"of,omitempty"` // so many rungs has the ladder
	To    []string `json:"to,omitempty"`
	Why   string   `json:"why,omitempty"`
}

// PagingSuppressed is the data of EventPagingSuppressed.
type PagingSuppressed struct {
	Until *time.Time `json:"until,omitempty"`
	Why   string     `json:"why"`
}

// ClockEvent is the data of EventClockWarned and EventClockBreached.
type ClockEvent struct {
	Clock ClockName `json:"clock"`
	Due   time.Time `json:"due"`
}

// AlertChanged is the data of EventAlertChanged.
type AlertChanged struct {
	Alert Alert `json:"alert"`
}
