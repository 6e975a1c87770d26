package itsm

import (
	"encoding/json"
	"time"
)

// IncidentPhase is where an incident stands in its life.
type IncidentPhase = Phase

// The phases of an incident.
const (
	IncidentNew             IncidentPhase = "new"
	IncidentInProgress      IncidentPhase = "in-progress" // somebody has acknowledged it
	IncidentWaitingUser     IncidentPhase = "waiting-for-user"
	IncidentWaitingSupplier IncidentPhase = "waiting-for-supplier"
	IncidentResolved        IncidentPhase = "resolved"
	IncidentClosed          IncidentPhase = "closed"
)

// The outcomes of an incident.
const (
	OutcomeResolved = "resolved"
	OutcomeMerged   = "merged"
)

// Level is how much an incident harms, or how soon it must be dealt with.
type Level string

// The levels.
const (
	LevelHigh   Level = "high"
	LevelMedium Level = "medium"
	LevelLow    Level = "low"
)

// levels gives each its rank.
var levels = map[Level]int{LevelHigh: 3, LevelMedium: 2, LevelLow: 1}

// IsKnown reports whether it is one of the levels.
func (l Level) IsKnown() bool { return levels[l] > 0 }

// worst gives the higher of two levels.
func (l Level) worst(other Level) Level {
	if levels[other] > levels[l] {
		return other
	}
	return l
}

// Classification is what sort of incident it is. Priority follows from impact
// and urgency, by the policy's matrix.
type Classification struct {
	Category string `json:"category,omitempty"`
	Impact   Level  `json:"impact"`
	Urgency  Level  `json:"urgency"`
	Priority string `json:"priority,omitempty"`
}

// Severity is how bad an alert says it is, as PagerDuty's Events API has it.
type Severity string

// The severities, the worst first.
const (
	SeverityCritical Severity = "critical"
	SeverityError    Severity = "error"
	SeverityWarning  Severity = "warning"
	SeverityInfo     Severity = "info"
)

// severities gives each its rank, and what impact and urgency it stands for
// until somebody classifies the incident.
var severities = map[Severity]struct {
	rank            int
	impact, urgency Level
}{
	SeverityCritical: {4, LevelHigh, LevelHigh},
	SeverityError:    {3, LevelHigh, LevelMedium},
	SeverityWarning:  {2, LevelMedium, LevelMedium},
	SeverityInfo:     {1, LevelLow, LevelLow},
}

// IsKnown reports whether it is one of the severities.
func (s Severity) IsKnown() bool { _, ok := severities[s]; return ok }

// WorseThan compares two severities.
func (s Severity) WorseThan(other Severity) bool { return severities[s].rank > severities[other].rank }

// Class is the impact and the urgency that a severity stands for.
func (s Severity) Class() Classification {
	of := severities[s]
	return Classification{Impact: of.impact, Urgency: of.urgency}
}

// Alert is what a monitoring system says.
type Alert struct {
	Service  string          `json:"service"`
	Key      string          `json:"key"` // the same key while its incident is open is the same incident
	Title    string          `json:"title"`
	Severity Severity        `json:"severity"`
	Status   AlertStatus     `json:"status"`
	Source   string          `json:"source,omitempty"` // which system says it
	Link     string          `json:"link,omitempty"`   // where to read on
	Details  json.RawMessage `json:"details,omitempty"`
	Change   int             `json:"change,omitempty"` // how often severity or status changed before, as intake counted: the order of changes
}

// AlertStatus is whether an alert still holds.
type AlertStatus string

// The statuses of an alert.
const (
	AlertFiring       AlertStatus = "firing"
	AlertResolved     AlertStatus = "resolved"
	AlertAcknowledged AlertStatus = "acknowledged" // by somebody, in the system that it came from
)

// ClockName names a service-level clock.
type ClockName string

// The clocks of an incident.
const (
	ClockRespond ClockName = "respond" // until somebody acknowledges it
	ClockResolve ClockName = "resolve"
)

// IncidentClock is a clock of an incident, and when it is due, as last worked out.
type IncidentClock struct {
	Clock
	Target   string     `json:"target,omitempty"` // as the policy has it: "4h"
	Calendar string     `json:"calendar,omitempty"`
	Due      *time.Time `json:"due,omitempty"`
	WarnAt   *time.Time `json:"warnAt,omitempty"`
	Warned   bool       `json:"warned,omitempty"`
	Breached *time.Time `json:"breached,omitempty"` // when it was
}

// IncidentRules is what the policies say, as the rules of this package see them.
type IncidentRules struct {
	Priority  map[Level]map[Level]string // impact, urgency: priority; nil: there is no policy
	Targets   map[string]IncidentTarget
	Pauses    []IncidentPhase // phases in which the clock of resolution stands still
	Major     bool            // the policy says what makes a major incident
	AutoClose Duration        // after it was resolved; zero: at once
	Rungs     []Duration      // of the ladder: how long after each the next is told
	Repeat    int             // how often the ladder is climbed again
	Silence   Duration        // how long an acknowledgement holds without a sign of life; zero: for ever
}

// IncidentTarget is what the policy promises for a priority.
type IncidentTarget struct {
	Respond, Resolve Duration
	Calendar         string // "" for around the clock
}

// Incident is the state of one incident. Its methods are the rules, as those of
// an Approval are. What must be looked up it asks for with Wants.
type Incident struct {
	chronicle
	Reporter     Actor            `json:"reporter"`
	Title        string           `json:"title"`
	Description  string           `json:"description,omitempty"`
	Service      string           `json:"service"`
	Rules        IncidentRules    `json:"-"`
	Class        Classification   `json:"class"`
	Phase        IncidentPhase    `json:"phase"`
	PhaseSince   time.Time        `json:"phaseSince"`
	State        State            `json:"state"`
	Outcome      string           `json:"outcome,omitempty"`
	Opened       time.Time        `json:"opened"`
	Closed       *time.Time       `json:"closed,omitempty"`
	Owner        []string         `json:"owner,omitempty"` // of the service: told of warnings, breaches and an exhausted ladder
	Support      []string         `json:"support,omitempty"`
	Alert        *Alert           `json:"alert,omitempty"`  // with which it began, as it is now
	Others       []Alert          `json:"others,omitempty"` // alerts that came with merged incidents, without their details
	Assignee     string           `json:"assignee,omitempty"`
	Acknowledged *Acknowledgement `json:"acknowledged,omitempty"`
	Resolution   *Resolution      `json:"resolution,omitempty"`
	CloseAt      *time.Time       `json:"closeAt,omitempty"`
	MergedInto   string           `json:"mergedInto,omitempty"`
	Absorbed     []string         `json:"absorbed,omitempty"`
	Transitions  []string         `json:"transitions,omitempty"` // in whose early life it came
	Returns      int              `json:"returns,omitempty"`     // how often an alert came back after that had resolved it
	Major        *Major           `json:"major,omitempty"`
	Respond      IncidentClock    `json:"respond"`
	Resolve      IncidentClock    `json:"resolve"`
	Ladder       Ladder           `json:"ladder"`
	Pages        []Page           `json:"pages,omitempty"`
	Steps        Steps            `json:"steps,omitzero"`
	Review       *ReviewCompleted `json:"review,omitempty"`
	Actions      []Action         `json:"actions,omitempty"`

	Wanted IncidentWants `json:"wanted,omitzero"` // what must be looked up before it goes on
	Told   []string      `json:"told,omitempty"`  // transitions that are still to be told of a change
}

// Acknowledgement is who has taken an incident on.
type Acknowledgement struct {
	By       string     `json:"by"`
	At       time.Time  `json:"at"`
	LastSign time.Time  `json:"lastSign"`           // of life, from anybody
	SilentAt *time.Time `json:"silentAt,omitempty"` // when the ladder goes on without another
}

// Resolution is how an incident was resolved.
type Resolution struct {
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Cause   string    `json:"cause"`
	Fix     string    `json:"fix"`
	Comment string    `json:"comment,omitempty"`
}

// Major is what makes an incident a major one.
type Major struct {
	By        string    `json:"by"` // who declared it, or the policy
	At        time.Time `json:"at"`
	Commander string    `json:"commander,omitempty"`
}

// Ladder is how far the escalation is.
type Ladder struct {
	Round      int        `json:"round"`          // from 1
	Rung       int        `json:"rung"`           // index of the rung that is told next
	Next       *time.Time `json:"next,omitempty"` // when; nil while it rests or is over
	Exhausted  bool       `json:"exhausted,omitempty"`
	Suppressed string     `json:"suppressed,omitempty"` // why nobody is paged now
	Paged      bool       `json:"paged,omitempty"`      // some rung named somebody
	LookAt     *time.Time `json:"lookAt,omitempty"`     // when it is looked again whether anybody is there, where nobody was
	Looks      int        `json:"looks,omitempty"`      // how often it was
	ByHand     bool       `json:"byHand,omitempty"`     // somebody wants the next rung paged, whatever suppresses it
}

// Page is one call for help, and what came of it.
type Page struct {
	Event    int             `json:"event"` // of EventPageSent; with the process it is the page's ID
	At       time.Time       `json:"at"`
	Round    int             `json:"round"`
	Rung     int             `json:"rung"` // from 1
	To       []string        `json:"to"`
	Outcomes json.RawMessage `json:"outcomes,omitempty"` // for each recipient and channel, when it is known
}

// Action is what the review of a major incident has somebody do.
type Action struct {
	Title string     `json:"title"`
	Who   string     `json:"who"` // a person
	Due   *time.Time `json:"due,omitempty"`
}

// IncidentWants is what must be looked up before an incident goes on.
type IncidentWants struct {
	People      bool `json:"people,omitempty"`      // owner and support group
	Clocks      bool `json:"clocks,omitempty"`      // when they are due
	Major       bool `json:"major,omitempty"`       // whether the policy makes it a major one
	Rung        bool `json:"rung,omitempty"`        // whom the next rung tells, and whether anybody may be paged
	Transitions bool `json:"transitions,omitempty"` // in whose early life it comes
}

// IsZero reports whether nothing is wanted.
func (w IncidentWants) IsZero() bool { return w == IncidentWants{} }

// IncidentFindings answers IncidentWants.
type IncidentFindings struct {
	Owner       []string          `json:"owner,omitempty"`
	Support     []string          `json:"support,omitempty"`
	Respond     *Reading          `json:"respond,omitempty"`
	Resolve     *Reading          `json:"resolve,omitempty"`
	Major       bool              `json:"major,omitempty"`
	Rung        []string          `json:"rung,omitempty"`
	Suppressed  *PagingSuppressed `json:"suppressed,omitempty"`
	Transitions []string          `json:"transitions,omitempty"`
	Problems    []string          `json:"problems,omitempty"` // what could not be said; it does not hold the incident up
}

// IncidentStart is what an incident begins with.
type IncidentStart struct {
	ID          string
	Reporter    Actor
	Title       string
	Description string
	Service     string
	Class       Classification
	Alert       *Alert
	Rules       IncidentRules
}

// NewIncident begins an incident.
func NewIncident(s IncidentStart) *Incident {
	i := &Incident{
		chronicle: chronicle{ID: s.ID}, Reporter: s.Reporter, Title: s.Title, Description: s.Description, Service: s.Service,
		Alert: s.Alert, Phase: IncidentNew, State: StateOpen,
	}
	i.Attach(s.Rules)
	i.Class = i.classify(s.Class)
	return i
}

// Attach ties a state that was read to the rules that it runs under.
func (i *Incident) Attach(rules IncidentRules) {
	i.Rules = rules
	i.attachSteps()
}

// classify works the priority out.
func (i *Incident) classify(c Classification) Classification {
	c.Priority = i.Rules.Priority[c.Impact][c.Urgency]
	return c
}

// IncidentFacts is what expressions know as an incident.
type IncidentFacts struct {
	ID       string    `json:"id"`
	Title    string    `json:"title"`
	Service  string    `json:"service"`
	Category string    `json:"category"`
	Impact   Level     `json:"impact"`
	Urgency  Level     `json:"urgency"`
	Priority string    `json:"priority"`
	State    string    `json:"state"` // its phase
	Reporter string    `json:"reporter"`
	Opened   time.Time `json:"opened"`
	Major    bool      `json:"major"`
	Repeats  int       `json:"repeats"`
}

// Facts is what expressions know of the incident now.
func (i *Incident) Facts() IncidentFacts {
	return IncidentFacts{
		ID: i.ID, Title: i.Title, Service: i.Service, Category: i.Class.Category, Impact: i.Class.Impact, Urgency: i.Class.Urgency,
		Priority: i.Class.Priority, State: string(i.Phase), Reporter: i.Reporter.Name, Opened: i.Opened, Major: i.Major != nil,
	}
}

// FactsJSON is what expressions know of the incident now, as JSON.
func (i *Incident) FactsJSON() json.RawMessage { return asOutput(i.Facts()) }
