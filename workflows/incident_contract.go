package workflows

import (
	"time"

	"github.com/steward-itsm/steward/itsm"
)

// The names of incidents, which never change either.
const (
	IncidentWorkflow = "Incident"

	UpdateAcknowledge  = "acknowledge"
	UpdateAssign       = "assign"
	UpdateNote         = "note"
	UpdateHold         = "hold"
	UpdateClassify     = "classify"
	UpdateEscalate     = "escalate"
	UpdateDeclareMajor = "declareMajor"
	UpdateResolve      = "resolve"
	UpdateReopen       = "reopen"
	UpdateMerge        = "merge"
	UpdateAttach       = "attach"
	UpdateAlert        = "alert"    // what changed of the incident's alert
	SignalAbsorbed     = "absorbed" // to the incident that another was merged into
	SignalIncident     = "incident" // to a transition in early life: IncidentArgs
	ActivityFind       = "FindForIncident"
	ActivityHandOver   = "HandOverAlerts" // of a merged incident to the one that goes on
)

// IncidentInput starts an incident. It holds the full text of the service and of
// its policies.
type IncidentInput struct {
	ID          string              `json:"id"`
	Command     itsm.Command        `json:"command"`
	Reporter    itsm.Actor          `json:"reporter"`
	Title       string              `json:"title"`
	Description string              `json:"description,omitempty"`
	Class       itsm.Classification `json:"class"` // impact and urgency; the priority follows
	Alert       *itsm.Alert         `json:"alert,omitempty"`
	Service     Definition          `json:"service"`
	Policy      *Definition         `json:"policy,omitempty"`     // IncidentPolicy
	Escalation  *Definition         `json:"escalation,omitempty"` // EscalationPolicy
	Calendars   []Definition        `json:"calendars,omitempty"`
	Opened      time.Time           `json:"opened,omitzero"` // set when the run continues an earlier one
	Continues   *ContinuedIncident  `json:"continues,omitempty"`
}

// ContinuedIncident is what a run hands on to the next one.
type ContinuedIncident struct {
	Incident itsm.Incident           `json:"incident"`
	Answers  map[string]itsm.Receipt `json:"answers"`
}

// IncidentResult is how an incident ended.
type IncidentResult struct {
	Outcome string `json:"outcome"`
}

// FindRequest asks ActivityFind for what an incident wants to know, as
// itsm.IncidentFindings.
type FindRequest struct {
	Process    string             `json:"process"`
	Wanted     itsm.IncidentWants `json:"wanted"`
	At         time.Time          `json:"at"`
	Facts      itsm.IncidentFacts `json:"facts"` // what expressions know as incident
	Service    Definition         `json:"service"`
	Policy     *Definition        `json:"policy,omitempty"`
	Escalation *Definition        `json:"escalation,omitempty"`
	Calendars  []Definition       `json:"calendars,omitempty"`
	Rung       int                `json:"rung"` // index of the rung that is told next
	Reporter   itsm.Actor         `json:"reporter"`
	Respond    itsm.Clock         `json:"respond"`
	Resolve    itsm.Clock         `json:"resolve"`
}

// HandOverRequest asks ActivityHandOver to give the alerts of one incident to
// another; or, where none is named, to note that they are over, because somebody
// resolved it.
type HandOverRequest struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// NamedArgs are the arguments of updates that name one thing: a person
// (UpdateAssign), a commander (UpdateDeclareMajor, may be empty), an incident
// (UpdateMerge), a transition (UpdateAttach) or a phase (UpdateHold).
type NamedArgs struct {
	Command itsm.Command `json:"command"`
	Name    string       `json:"name,omitempty"`
}

// ClassifyArgs are the arguments of UpdateClassify. What is empty stays.
type ClassifyArgs struct {
	Command itsm.Command        `json:"command"`
	Class   itsm.Classification `json:"class"`
}

// EscalateArgs are the arguments of UpdateEscalate.
type EscalateArgs struct {
	Command itsm.Command `json:"command"`
	Rung    int          `json:"rung,omitempty"` // from 1; 0 is the next
}

// ResolveArgs are the arguments of UpdateResolve.
type ResolveArgs struct {
	Command itsm.Command `json:"command"`
	Cause   string       `json:"cause"`
	Fix     string       `json:"fix"`
}

// AlertArgs are the arguments of UpdateAlert.
type AlertArgs struct {
	Command itsm.Command `json:"command"`
	Alert   itsm.Alert   `json:"alert"`
}

// Absorbed tells an incident which other was merged into it.
type Absorbed struct {
	Incident string       `json:"incident"`
	Alerts   []itsm.Alert `json:"alerts,omitempty"` // that it had
}
