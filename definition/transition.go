package definition

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/steward-itsm/steward/itsm"
)

// TransitionModel is how a new or changed service goes into operation.
type TransitionModel struct {
	Type      string            `json:"type"` // standard, normal or emergency
	Input     json.RawMessage   `json:"input,omitempty"`
	Risk      *Risk             `json:"risk,omitempty"`
	Authorize *Authorize        `json:"authorize,omitempty"`
	Schedule  *ChangeSchedule   `json:"schedule,omitempty"`
	Stages    []TransitionStage `json:"stages"`
	EarlyLife *EarlyLife        `json:"earlyLife,omitempty"`
	Review    *Review           `json:"review,omitempty"`
}

// Risk is how risk is assessed.
type Risk struct {
	Score  string             `json:"score"`  // expression that gives a number
	Levels map[string]float64 `json:"levels"` // level: the score from which it holds
}

// ChangeSchedule is when a transition may happen.
type ChangeSchedule struct {
	Windows   []string       `json:"windows,omitempty"` // Calendars
	Freezes   []string       `json:"freezes,omitempty"` // Calendars
	LeadTime  *itsm.Duration `json:"leadTime,omitempty"`
	Conflicts string         `json:"conflicts,omitempty"` // block or warn
}

// ConflictsBlock tells whether a transition may not be planned over another.
func (m *TransitionModel) ConflictsBlock() bool {
	return m.Schedule != nil && m.Schedule.Conflicts == "block"
}

// TransitionStage is steps that belong together.
type TransitionStage struct {
	Name  string `json:"name"`
	Title string `json:"title,omitempty"`
	When  string `json:"when,omitempty"` // expression
	Steps []Step `json:"steps"`
}

// EarlyLife is how long a transition is watched.
type EarlyLife struct {
	For          itsm.Duration `json:"for"`
	RollBackWhen string        `json:"rollBackWhen,omitempty"` // expression
}

// scope is what the model's expressions know: the subject has what the input
// declares and what every transition has.
func (m *TransitionModel) scope() *scope {
	subject := transitionShape
	if m.Input != nil {
		subject = shapeOfSchema("transition", m.Input).and(transitionShape)
	}
	return newScope().with("subject", subject).with("service", serviceShape).with("requester", textShape)
}

func (m *TransitionModel) visit(v visitor) {
	in := m.scope()
	m.visitInput(v)
	if m.Risk != nil {
		v.expression("/spec/risk/score", m.Risk.Score, wantNumber, in)
	}
	m.visitAuthorization(v, in)
	if m.Schedule != nil {
		for i, name := range m.Schedule.Windows {
			v.reference(at("/spec/schedule/windows", i), KindCalendar, name)
		}
		for i, name := range m.Schedule.Freezes {
			v.reference(at("/spec/schedule/freezes", i), KindCalendar, name)
		}
	}
	m.visitStages(v, in.with("steps", anything))
	if m.EarlyLife != nil {
		v.expression("/spec/earlyLife/rollBackWhen", m.EarlyLife.RollBackWhen, wantBool, in.with("incidents", listOf(incidentShape)))
	}
	if m.Review != nil {
		visitRef(v, "/spec/review/by", m.Review.By, in, false)
	}
}

// visitAuthorization refuses what the type of change would silently ignore.
func (m *TransitionModel) visitAuthorization(v visitor, in *scope) {
	visitAuthorize(v, m.Authorize, subjectTransition, in)
	switch {
	case m.Authorize == nil:
	case m.Type == itsm.TypeStandard:
		v.fault("/spec/authorize", codeStandardAsks, "a standard change is approved beforehand; leave authorize out, or make the type normal")
	case m.Authorize.Afterwards && m.Type != itsm.TypeEmergency:
		v.fault("/spec/authorize/afterwards", codeAfterwards, "only an emergency change may be authorised afterwards; leave it out, or make the type emergency")
	}
}

func (m *TransitionModel) visitInput(v visitor) {
	visitInput(v, "/spec/input", m.Input)
	declared := shapeOfSchema("transition", m.Input)
	for _, field := range slices.Sorted(maps.Keys(declared.fields)) {
		if transitionShape.fields[field] != nil {
			v.fault("/spec/input/properties/"+escapePointer(field), codeInputReserved, "every transition has %q by itself; leave it out", field)
		}
	}
}

func (m *TransitionModel) visitStages(v visitor, in *scope) {
	names, steps := namesOnce{v: v, code: codeStage}, namesOnce{v: v, code: codeNameTwice}
	for i, stage := range m.Stages {
		path := at("/spec/stages", i)
		names.visit(path+"/name", stage.Name)
		if stage.Name == itsm.ReviewStep {
			v.fault(path+"/name", codeReserved, "%q is the step in which every transition is reviewed; take another name", stage.Name)
		}
		v.expression(path+"/when", stage.When, wantBool, in)
		visitSteps(v, path+"/steps", stage.Steps, subjectTransition, in)
		visitStepNames(path+"/steps", stage.Steps, &steps)
	}
}
