package definition

import (
	"maps"
	"slices"

	"github.com/steward-itsm/steward/itsm"
)

// EscalationPolicy is who is told after how long, until someone acknowledges.
type EscalationPolicy struct {
	Steps           []EscalationStep `json:"steps"`
	Repeat          int              `json:"repeat,omitempty"`
	AcknowledgedFor *itsm.Duration   `json:"acknowledgedFor,omitempty"`
}

// EscalationStep is one rung of the ladder.
type EscalationStep struct {
	Tell []Ref         `json:"tell"`
	Wait itsm.Duration `json:"wait"` // until the next rung
}

func (p *EscalationPolicy) visit(v visitor) {
	in := incidentScope()
	for i, step := range p.Steps {
		visitRefs(v, at("/spec/steps", i)+"/tell", step.Tell, in, false)
	}
}

// IncidentPolicy is how incidents are classified, timed and closed.
type IncidentPolicy struct {
	Priority  map[string]map[string]string `json:"priority"` // impact, urgency: priority
	Targets   map[string]Target            `json:"targets"`  // by priority
	WarnAt    string                       `json:"warnAt,omitempty"`
	Pause     []string                     `json:"pause,omitempty"`
	Major     string                       `json:"major,omitempty"` // expression
	AutoClose *itsm.Duration               `json:"autoClose,omitempty"`
	Survey    bool                         `json:"survey,omitempty"`
	Problem   *Recurrence                  `json:"problem,omitempty"`
}

// Target is how soon incidents of one priority are met and resolved.
type Target struct {
	Respond itsm.Duration `json:"respond"`
	Resolve itsm.Duration `json:"resolve"`
	Clock   string        `json:"clock,omitempty"` // "always" or a Calendar
}

// Recurrence is how many like incidents in what time open a problem.
type Recurrence struct {
	Recurrence int           `json:"recurrence"`
	Within     itsm.Duration `json:"within"`
}

func (p *IncidentPolicy) visit(v visitor) {
	v.expression("/spec/major", p.Major, wantBool, incidentScope())
	for _, priority := range slices.Sorted(maps.Keys(p.Targets)) {
		visitClock(v, "/spec/targets/"+escapePointer(priority)+"/clock", p.Targets[priority].Clock)
	}
	for _, impact := range slices.Sorted(maps.Keys(p.Priority)) {
		row := p.Priority[impact]
		for _, urgency := range slices.Sorted(maps.Keys(row)) {
			if _, ok := p.Targets[row[urgency]]; !ok && len(p.Targets) > 0 {
				path := "/spec/priority/" + escapePointer(impact) + "/" + escapePointer(urgency)
				v.fault(path, codeTargetMissing, "there are no targets for %s; add them", row[urgency])
			}
		}
	}
}

func incidentScope() *scope {
	return newScope().with("incident", incidentShape).with("service", serviceShape)
}
