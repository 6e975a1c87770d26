package definition

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/steward-itsm/steward/itsm"
)

// Step is one thing to do: exactly one of task, call, approve, wait, notify
// and parallel.
type Step struct {
	Name     string   `json:"name,omitempty"` // by which later expressions know it
	Task     string   `json:"task,omitempty"`
	Call     string   `json:"call,omitempty"`    // "POST https://…"
	Approve  string   `json:"approve,omitempty"` // an ApprovalFlow
	Wait     string   `json:"wait,omitempty"`    // a duration, or an expression that gives a time
	Notify   string   `json:"notify,omitempty"`
	Parallel [][]Step `json:"parallel,omitempty"`

	Assign    *Ref              `json:"assign,omitempty"`    // task
	Checklist []string          `json:"checklist,omitempty"` // task
	Evidence  string            `json:"evidence,omitempty"`  // task: required or optional
	Body      string            `json:"body,omitempty"`      // call: expression
	Headers   map[string]Header `json:"headers,omitempty"`   // call
	Timeout   *itsm.Duration    `json:"timeout,omitempty"`   // call
	Callback  *itsm.Duration    `json:"callback,omitempty"`  // call
	To        []Ref             `json:"to,omitempty"`        // notify

	When     string         `json:"when,omitempty"` // expression
	Within   *itsm.Duration `json:"within,omitempty"`
	Remind   *itsm.Duration `json:"remind,omitempty"` // task: how often
	Escalate []Escalation   `json:"escalate,omitempty"`
	Undo     *Step          `json:"undo,omitempty"`
}

// Header is a header's text, or the name of a secret in the configuration.
type Header struct {
	Text   string `json:"text,omitempty"`
	Secret string `json:"secret,omitempty"`
}

// UnmarshalJSON reads plain text too.
func (h *Header) UnmarshalJSON(raw []byte) error {
	if json.Unmarshal(raw, &h.Text) == nil {
		return nil
	}
	type plain Header
	return json.Unmarshal(raw, (*plain)(h))
}

func visitSteps(v visitor, path string, steps []Step, subject string, in *scope) {
	for i := range steps {
		steps[i].visit(v, at(path, i), subject, in)
	}
}

func (s *Step) visit(v visitor, path, subject string, in *scope) {
	visitFlow(v, path+"/approve", s.Approve, subject)
	if s.Assign != nil {
		visitRef(v, path+"/assign", *s.Assign, in, false)
	}
	visitRefs(v, path+"/to", s.To, in, false)
	visitEscalations(v, path+"/escalate", s.Escalate, in, false)
	v.expression(path+"/when", s.When, wantBool, in)
	v.expression(path+"/body", s.Body, wantAny, in)
	s.visitWait(v, path+"/wait", in)
	for i, branch := range s.Parallel {
		visitSteps(v, at(path+"/parallel", i), branch, subject, in)
	}
	if s.Undo != nil {
		s.Undo.visit(v, path+"/undo", subject, in)
	}
	s.visitFields(v, path)
}

// visitStepNames refuses a second step of one name: expressions could not tell
// them apart.
func visitStepNames(path string, steps []Step, names *namesOnce) {
	for i, step := range steps {
		if step.Name != "" {
			names.visit(at(path, i)+"/name", step.Name)
		}
		for n, branch := range step.Parallel {
			visitStepNames(at(at(path, i)+"/parallel", n), branch, names)
		}
	}
}

const digits = "0123456789"

// visitWait takes what begins with a digit for a duration.
func (s *Step) visitWait(v visitor, path string, in *scope) {
	if s.Wait == "" || strings.IndexAny(s.Wait, digits) != 0 {
		v.expression(path, s.Wait, wantTime, in)
		return
	}
	if fault := checkDuration(s.Wait); fault != nil {
		v.fault(path, fault.code, "%s", fault.message)
	}
}

// stepFields are the fields that belong to one sort of step alone.
var stepFields = []struct {
	field, sort string
}{
	{"assign", "task"}, {"checklist", "task"}, {"evidence", "task"}, {"remind", "task"},
	{"body", "call"}, {"headers", "call"}, {"timeout", "call"}, {"callback", "call"},
	{"to", "notify"},
}

// visitFields refuses fields that would be ignored.
func (s *Step) visitFields(v visitor, path string) {
	sorts := []string{"task", "call", "approve", "wait", "notify", "parallel"}
	i := slices.IndexFunc(sorts, func(sort string) bool { return v.has(path + "/" + sort) })
	if i < 0 {
		return // the shape tells
	}
	for _, f := range stepFields {
		if f.sort != sorts[i] && v.has(path+"/"+f.field) {
			v.fault(path+"/"+f.field, codeStepField, "a step that is a %s has no %s; it belongs to %s", sorts[i], f.field, f.sort)
		}
	}
}
