package definition

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/steward-itsm/steward/itsm"
)

// Values of Stage.Exclude.
const (
	ExcludeRequester = "requester"
	ExcludePrevious  = "previous"
)

// The kinds of subjects that a flow can have.
const (
	subjectTransition  = "transition"
	subjectImprovement = "improvement"
)

// ApprovalFlow is who must approve something, stage by stage.
type ApprovalFlow struct {
	Subject   string          `json:"subject,omitempty"` // transition, improvement or ""
	Input     json.RawMessage `json:"input,omitempty"`   // JSON Schema of the subject, where the flow stands alone
	Summary   string          `json:"summary,omitempty"` // expression that gives text
	Calendar  string          `json:"calendar,omitempty"`
	Binds     []string        `json:"binds,omitempty"`     // expressions; approvals hold for their values
	CommentOn []string        `json:"commentOn,omitempty"` // approve, reject, abstain
	Stages    []Stage         `json:"stages"`
}

// Stage is people who decide together.
type Stage struct {
	Name      string         `json:"name"`
	Title     string         `json:"title,omitempty"`
	When      string         `json:"when,omitempty"` // expression; "" is always
	Approvers []Ref          `json:"approvers"`
	Veto      []Ref          `json:"veto,omitempty"`
	Need      itsm.Need      `json:"need"` // itsm.NeedOne where it is left out
	Exclude   []string       `json:"exclude,omitempty"`
	Within    *itsm.Duration `json:"within,omitempty"`
	Remind    *itsm.Duration `json:"remind,omitempty"` // how often
	Escalate  []Escalation   `json:"escalate,omitempty"`
	OnTimeout string         `json:"onTimeout,omitempty"` // approve, reject, skip or hold; hold where it is left out
}

// UnmarshalJSON reads a need that is a number too, and fills in defaults.
func (s *Stage) UnmarshalJSON(raw []byte) error {
	type plain Stage
	read := struct {
		*plain
		Need json.RawMessage `json:"need"`
	}{plain: (*plain)(s)}
	err := json.Unmarshal(raw, &read)
	s.Need = itsm.NeedOne
	if len(read.Need) > 0 {
		need := string(read.Need)
		_ = json.Unmarshal(read.Need, &need) // a number stays as it is
		if parsed, errNeed := itsm.ParseNeed(need); errNeed == nil {
			s.Need = parsed
		} else if err == nil {
			err = errNeed
		}
	}
	if s.OnTimeout == "" {
		s.OnTimeout = string(itsm.TimeoutHold)
	}
	return err
}

// Rules gives the flow as the rules of approvals see it.
func (f *ApprovalFlow) Rules() itsm.ApprovalRules {
	var rules itsm.ApprovalRules
	for _, s := range f.Stages {
		rules.Stages = append(rules.Stages, itsm.StageRule{
			Name: s.Name, Title: s.Title, Need: s.Need,
			ExcludeRequester: slices.Contains(s.Exclude, ExcludeRequester),
			ExcludePrevious:  slices.Contains(s.Exclude, ExcludePrevious),
			OnTimeout:        itsm.OnTimeout(s.OnTimeout),
		})
	}
	for _, verdict := range f.CommentOn {
		rules.CommentOn = append(rules.CommentOn, itsm.Verdict(verdict))
	}
	return rules
}

// scope is what the flow's expressions know.
func (f *ApprovalFlow) scope() *scope {
	subject := anything
	switch {
	case f.Subject == subjectTransition:
		subject = transitionUnderApproval
	case f.Subject == subjectImprovement:
		subject = improvementShape(nil)
	case f.Input != nil:
		subject = shapeOfSchema("subject", f.Input)
	}
	return newScope().with("subject", subject).with("service", serviceShape).with("requester", textShape)
}

func (f *ApprovalFlow) visit(v visitor) {
	in := f.scope()
	if f.Subject != "" && f.Input != nil {
		v.fault("/spec/input", codeTwoSubjects, "a flow for a %s knows its subject already; leave input out, or subject", f.Subject)
	}
	visitInput(v, "/spec/input", f.Input)
	v.reference("/spec/calendar", KindCalendar, f.Calendar)
	v.expression("/spec/summary", f.Summary, wantText, in)
	for i, bound := range f.Binds {
		v.expression(at("/spec/binds", i), bound, wantAny, in)
	}
	names := namesOnce{v: v, code: codeStage}
	for i := range f.Stages {
		path := at("/spec/stages", i)
		names.visit(path+"/name", f.Stages[i].Name)
		f.Stages[i].visit(v, path, in, f.Calendar != "")
	}
}

func (s *Stage) visit(v visitor, path string, in *scope, working bool) {
	v.expression(path+"/when", s.When, wantBool, in)
	visitRefs(v, path+"/approvers", s.Approvers, in, false)
	visitRefs(v, path+"/veto", s.Veto, in, false)
	visitEscalations(v, path+"/escalate", s.Escalate, in, true)
	s.visitDeadline(v, path, working)
	if known := staticApprovers(v, s.Approvers); len(known) > 0 && s.Need.Of(len(known)) > len(known) {
		v.fault(path+"/need", codeNeedTooHigh, "%s of %d can never be reached; ask more people or need less", s.Need, len(known))
	}
}

func (s *Stage) visitDeadline(v visitor, path string, working bool) {
	if s.Within == nil {
		if v.has(path + "/onTimeout") {
			v.fault(path+"/onTimeout", codeNoDeadline, "the stage has no deadline, so this never happens; add within")
		}
		return
	}
	for i, e := range s.Escalate {
		if notBefore(e.After, *s.Within, working) {
			v.fault(at(path+"/escalate", i)+"/after", codeEscalateLate, "%s is not before the deadline of %s; escalate earlier", e.After, s.Within)
		}
	}
	if s.Remind != nil && notBefore(*s.Remind, *s.Within, working) {
		v.fault(path+"/remind", codeRemindLate, "%s is not before the deadline of %s; remind earlier", s.Remind, s.Within)
	}
}

// notBefore compares spans as far as that is certain: how many hours a working
// day has only the calendar knows.
func notBefore(a, b itsm.Duration, working bool) bool {
	if a.IsZero() || b.IsZero() {
		return false // the shape tells
	}
	if !working {
		return a.Elapsed() >= b.Elapsed()
	}
	return a.Weeks >= b.Weeks && a.Days >= b.Days && a.Clock >= b.Clock
}

// staticApprovers gives the approvers that are known without running: nil
// where an expression or a schedule has a say.
func staticApprovers(v visitor, refs []Ref) map[string]bool {
	known := map[string]bool{}
	for _, ref := range refs {
		switch {
		case ref.Person != "":
			known[ref.Person] = true
		case ref.Group != "":
			doc, ok := v.lookup(KindGroup, ref.Group)
			group, isGroup := doc.Spec.(*Group)
			if !ok || !isGroup {
				return nil
			}
			for _, member := range group.Members {
				known[member] = true
			}
		default:
			return nil
		}
	}
	return known
}

// Bound gives a digest of the values to which approvals under the flow are
// bound, or "" where they are bound to none.
func Bound(flow Document, facts Facts) (string, error) {
	spec, ok := flow.Spec.(*ApprovalFlow)
	if !ok || len(spec.Binds) == 0 {
		return "", nil
	}
	expressions, err := flow.Expressions()
	if err != nil {
		return "", err
	}
	values := make([]any, len(spec.Binds))
	for i, bound := range spec.Binds {
		if values[i], err = expressions.Value(bound, facts); err != nil {
			return "", fmt.Errorf("evaluating what approvals are bound to: %w", err)
		}
	}
	canonical, err := canonicalJSON(values)
	if err != nil {
		return "", fmt.Errorf("writing what approvals are bound to: %w", err)
	}
	return digestOf(canonical), nil
}
