package definition

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/steward-itsm/steward/itsm"
)

// Rules gives the model as the rules of transitions see it. It is pure: the
// same text gives the same rules for ever.
func (m *TransitionModel) Rules(name string) itsm.TransitionRules {
	rules := itsm.TransitionRules{Type: m.Type, Model: name, Review: m.Review != nil}
	for _, stage := range m.Stages {
		node := itsm.StepRule{ID: stage.Name, Kind: itsm.StepStage, Title: stage.Title, Plain: stage.When == "", Branches: [][]itsm.StepRule{stepRules(stage.Name, stage.Steps)}}
		if node.Title == "" {
			node.Title = stage.Name
		}
		rules.Stages = append(rules.Stages, node)
	}
	rules.Prepares = slices.ContainsFunc(rules.Stages, waitsForStart)
	if m.Authorize != nil && m.Type != itsm.TypeStandard {
		rules.Authorize, rules.Afterwards = m.Authorize.Flow, m.Authorize.Afterwards
	}
	if s := m.Schedule; s != nil {
		rules.NeedsTimes = len(s.Windows) > 0 || s.LeadTime != nil || s.Conflicts == "block"
	}
	rules.NeedsTimes = rules.NeedsTimes || rules.Prepares
	if m.EarlyLife != nil {
		rules.EarlyLife, rules.RollBack = m.EarlyLife.For, m.EarlyLife.RollBackWhen != ""
	}
	return rules
}

// waitsForStart reports whether the model itself waits for the planned start.
func waitsForStart(rule itsm.StepRule) bool {
	for _, branch := range rule.Branches {
		if slices.ContainsFunc(branch, waitsForStart) {
			return true
		}
	}
	return rule.ForStart
}

func stepRules(prefix string, steps []Step) []itsm.StepRule {
	rules := make([]itsm.StepRule, len(steps))
	for i := range steps {
		rules[i] = steps[i].rule(fmt.Sprintf("%s.%d", prefix, i+1))
	}
	return rules
}

func (s *Step) rule(id string) itsm.StepRule {
	rule := itsm.StepRule{ID: id, Name: s.Name, Checklist: s.Checklist, Evidence: s.Evidence == "required"}
	rule.Kind, rule.Title = s.sort()
	rule.Plain = rule.Kind == itsm.StepParallel && s.When == "" && s.Within == nil && len(s.Escalate) == 0
	for i, branch := range s.Parallel {
		rule.Branches = append(rule.Branches, stepRules(fmt.Sprintf("%s.%d", id, i+1), branch))
	}
	for _, span := range []struct {
		from *itsm.Duration
		to   *itsm.Duration
	}{{s.Callback, &rule.Callback}, {s.Timeout, &rule.Timeout}, {s.Within, &rule.Within}} {
		if span.from != nil {
			*span.to = *span.from
		}
	}
	rule.ForStart = rule.Kind == itsm.StepWait && startWait.MatchString(s.Wait)
	if s.Undo != nil {
		undo := s.Undo.rule(id + undoSuffix)
		rule.Undo = &undo
	}
	return rule
}

const undoSuffix = ".undo"

// startWait is a wait for exactly the planned start. Others that mention it are
// like any wait.
var startWait = regexp.MustCompile(`^\s*until\(\s*subject\.plannedStart\s*\)\s*$`)

// sort tells what kind of step it is, and how people call it.
func (s *Step) sort() (itsm.StepKind, string) {
	switch {
	case s.Task != "":
		return itsm.StepTask, s.Task
	case s.Call != "":
		return itsm.StepCall, s.Call
	case s.Approve != "":
		return itsm.StepApprove, "Approval: " + s.Approve
	case s.Wait != "":
		return itsm.StepWait, "Wait: " + s.Wait
	case s.Notify != "":
		return itsm.StepNotify, s.Notify
	default:
		return itsm.StepParallel, fmt.Sprintf("%d branches at the same time", len(s.Parallel))
	}
}

// Needs lists the flows and calendars that a transition of the model carries,
// each once.
func (m *TransitionModel) Needs() (flows, calendars []string) {
	if m.Authorize != nil {
		flows = append(flows, m.Authorize.Flow)
	}
	for _, stage := range m.Stages {
		flows = append(flows, flowsOf(stage.Steps)...)
	}
	if m.Schedule != nil {
		calendars = slices.Concat(m.Schedule.Windows, m.Schedule.Freezes)
	}
	return once(flows), once(calendars)
}

func flowsOf(steps []Step) (flows []string) {
	for _, step := range steps {
		if step.Approve != "" {
			flows = append(flows, step.Approve)
		}
		for _, branch := range step.Parallel {
			flows = append(flows, flowsOf(branch)...)
		}
		if step.Undo != nil {
			flows = append(flows, flowsOf([]Step{*step.Undo})...)
		}
	}
	return flows
}

func once(names []string) []string { return slices.Compact(slices.Sorted(slices.Values(names))) }

// Stage gives a stage by its name.
func (m *TransitionModel) Stage(name string) (TransitionStage, bool) {
	i := slices.IndexFunc(m.Stages, func(s TransitionStage) bool { return s.Name == name })
	if i < 0 {
		return TransitionStage{}, false
	}
	return m.Stages[i], true
}

// Step gives a step by its ID, as Rules makes it: "migration.2", "support.1.2.1"
// or "migration.2.undo".
func (m *TransitionModel) Step(id string) (Step, bool) {
	name, rest, ok := strings.Cut(id, ".")
	stage, found := m.Stage(name)
	if !ok || !found {
		return Step{}, false
	}
	return stepAt(stage.Steps, strings.Split(rest, "."))
}

// stepAt goes down: a step's number, then "undo", or a branch's number and so on.
func stepAt(steps []Step, path []string) (Step, bool) {
	step, ok := pick(steps, path[0])
	for path = path[1:]; ok && len(path) > 0 && path[0] == undoSuffix[1:]; path = path[1:] {
		if step.Undo == nil {
			return Step{}, false
		}
		step = *step.Undo
	}
	if !ok || len(path) == 0 {
		return step, ok
	}
	branch, ok := pick(step.Parallel, path[0])
	if !ok || len(path) < 2 {
		return Step{}, false
	}
	return stepAt(branch, path[1:])
}

// pick gives the n-th of a list, counted from 1.
func pick[T any](list []T, number string) (T, bool) {
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > len(list) {
		var none T
		return none, false
	}
	return list[n-1], true
}
