package definition

import (
	"encoding/json"

	"github.com/steward-itsm/steward/itsm"
)

// ImprovementPlan is what is measured against which target, and what follows.
type ImprovementPlan struct {
	Service   string         `json:"service"`
	Every     string         `json:"every"`              // cron, five fields
	Timezone  string         `json:"timezone,omitempty"` // "" is UTC
	Measures  []Measure      `json:"measures"`
	Propose   Review         `json:"propose"`
	Authorize *Authorize     `json:"authorize,omitempty"`
	Implement *Implement     `json:"implement,omitempty"`
	Observe   *itsm.Duration `json:"observe,omitempty"`
	KeepWhen  string         `json:"keepWhen,omitempty"` // expression
}

// Measure is one measure and its target.
type Measure struct {
	Name      string        `json:"name"`
	Metric    string        `json:"metric"`
	Statistic string        `json:"statistic"`
	Window    itsm.Duration `json:"window"`
	Target    string        `json:"target"` // "<= 2h"
}

// Implement is how an improvement is made.
type Implement struct {
	Steps []Step `json:"steps"`
}

// scope knows the plan's own measures, so that a misspelt one is found.
func (p *ImprovementPlan) scope() *scope {
	subject := improvementShape(p.Measures)
	return newScope().with("subject", subject).with("service", serviceShape).with("requester", textShape).
		with("before", subject.fields["before"]).with("after", subject.fields["after"])
}

func (p *ImprovementPlan) visit(v visitor) {
	in := p.scope()
	v.reference("/spec/service", KindService, p.Service)
	names := namesOnce{v: v, code: codeNameTwice}
	for i, measure := range p.Measures {
		names.visit(at("/spec/measures", i)+"/name", measure.Name)
	}
	visitRef(v, "/spec/propose/by", p.Propose.By, in, false)
	visitAuthorize(v, p.Authorize, subjectImprovement, in)
	if p.Implement != nil {
		visitSteps(v, "/spec/implement/steps", p.Implement.Steps, subjectImprovement, in.with("steps", anything))
	}
	v.expression("/spec/keepWhen", p.KeepWhen, wantBool, in)
}

// RequestItem is a thing that users can ask for.
type RequestItem struct {
	Service   string          `json:"service,omitempty"`
	Form      json.RawMessage `json:"form,omitempty"` // JSON Schema
	Authorize *Authorize      `json:"authorize,omitempty"`
	Fulfil    []Step          `json:"fulfil"`
}

func (r *RequestItem) visit(v visitor) {
	form := anything
	if r.Form != nil {
		form = shapeOfSchema("form", r.Form)
	}
	in := newScope().with("form", form).with("service", serviceShape).with("requester", textShape)
	v.reference("/spec/service", KindService, r.Service)
	visitInput(v, "/spec/form", r.Form)
	visitAuthorize(v, r.Authorize, "request", in)
	visitSteps(v, "/spec/fulfil", r.Fulfil, "request", in.with("steps", anything))
}
