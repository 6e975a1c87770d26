package itsm

import (
	"encoding/json"
	"slices"
	"time"
)

// Steps is how far a process is with its steps. Which come next is worked out
// from the rules and from what has run; so whatever was recorded can be gone on
// with, wherever it stopped.
//
// Its methods are pure, as those of the process that it is part of.
type Steps struct {
	Runs    []StepRun `json:"runs,omitempty"`    // in the order in which their turns came
	Undoing bool      `json:"undoing,omitempty"` // what was done is being taken back

	rules []StepRule // one after the other
	log   *chronicle
}

// attach ties the steps to their rules and to the process that tells of them.
func (s *Steps) attach(rules []StepRule, log *chronicle) { s.rules, s.log = rules, log }

// run gives a step that has had its turn, or nil.
func (s *Steps) run(id string) *StepRun {
	for i := range s.Runs {
		if s.Runs[i].ID == id {
			return &s.Runs[i]
		}
	}
	return nil
}

// Rule finds the rule of a step anywhere in the tree.
func (s *Steps) Rule(id string) (StepRule, bool) { return findRule(s.rules, id) }

func findRule(rules []StepRule, id string) (StepRule, bool) {
	for _, rule := range rules {
		if rule.ID == id {
			return rule, true
		}
		for _, branch := range rule.Branches {
			if found, ok := findRule(branch, id); ok {
				return found, true
			}
		}
		if rule.Undo != nil {
			if found, ok := findRule([]StepRule{*rule.Undo}, id); ok {
				return found, true
			}
		}
	}
	return StepRule{}, false
}

// next lists the steps whose turn it is.
func (s *Steps) next() []StepRule {
	if s.Undoing {
		return s.nextUndo()
	}
	return s.turns(s.rules)
}

// turns goes through steps that follow one another: the first that is not over
// has its turn, or, where it holds others, those in it.
func (s *Steps) turns(list []StepRule) []StepRule {
	for _, rule := range list {
		run := s.run(rule.ID)
		switch {
		case run == nil || run.Status == StepPending:
			return []StepRule{rule}
		case run.Status == StepDone || run.Status == StepSkipped:
			continue
		case run.Status == StepRunning:
			var inside []StepRule
			for _, branch := range rule.Branches {
				inside = append(inside, s.turns(branch)...)
			}
			return inside
		}
		return nil
	}
	return nil
}

// finished reports whether every step is done or was passed over.
func (s *Steps) finished() bool { return s.through(s.rules) }

func (s *Steps) through(list []StepRule) bool {
	return !slices.ContainsFunc(list, func(rule StepRule) bool {
		run := s.run(rule.ID)
		return run == nil || run.Status != StepDone && run.Status != StepSkipped
	})
}

// open counts the steps that are under way.
func (s *Steps) open() (n int) {
	for _, run := range s.Runs {
		if !run.Status.IsOver() {
			n++
		}
	}
	return n
}

// failed gives a step that failed for good, or nil.
func (s *Steps) failed() *StepRun { return s.with(StepFailed) }

// blocked gives the first step that is blocked, or nil.
func (s *Steps) blocked() *StepRun { return s.with(StepBlocked) }

func (s *Steps) with(status StepStatus) *StepRun {
	for i := range s.Runs {
		if s.Runs[i].Status == status {
			return &s.Runs[i]
		}
	}
	return nil
}

// begin gives a step its turn, as it was planned.
func (s *Steps) begin(plan StepPlan, at time.Time) {
	rule, ok := s.Rule(plan.Step)
	run := s.run(plan.Step)
	if !ok || run != nil && run.Status != StepPending {
		return // it is under way already
	}
	if run == nil {
		s.Runs = append(s.Runs, StepRun{ID: rule.ID, Kind: rule.Kind, Name: rule.Name, Title: rule.Title, Attempt: 1})
		run = &s.Runs[len(s.Runs)-1]
	}
	run.open(plan, rule, at)
	switch {
	case plan.Problem != "":
		s.block(run, byRule(), plan.Problem, at)
	case plan.Skip:
		s.skip(run, byRule(), "its condition does not hold", "", at)
	default:
		s.start(run, rule, plan, at)
	}
}

// open sets a run up for an attempt.
func (r *StepRun) open(plan StepPlan, rule StepRule, at time.Time) {
	r.Status, r.Opened, r.Ended, r.Reason = StepRunning, at, nil, ""
	r.People, r.Owner, r.Approval = plan.People, plan.Owner, plan.Approval
	r.Timetable, r.Deadline = plan.Timetable, deadlineOf(plan.Timetable)
	r.Accepted, r.Answered, r.Claimed, r.Output = false, "", "", nil
	if r.Checklist == nil {
		for _, text := range rule.Checklist {
			r.Checklist = append(r.Checklist, ChecklistItem{Text: text})
		}
	}
	if plan.Until != nil {
		r.Timetable = append(r.Timetable, Due{At: *plan.Until, Kind: DueEnd})
		sortDue(r.Timetable)
	}
}

func sortDue(timetable []Due) {
	slices.SortStableFunc(timetable, func(a, b Due) int { return a.At.Compare(b.At) })
}

// start tells that a step is under way. What needs nobody and no time is done
// at once.
func (s *Steps) start(run *StepRun, rule StepRule, plan StepPlan, at time.Time) {
	if rule.Kind == StepNotify {
		s.log.add(at, byRule(), EventStepNotified, StepEvent{Step: run.ID, Title: run.Title, To: run.People})
		s.log.notify(EventStepNotified, run.People)
		s.finish(run, StepDone, nil, at)
		return
	}
	s.log.add(at, byRule(), EventStepOpened, StepEvent{
		Step: run.ID, Title: run.Title, Kind: run.Kind, Attempt: run.Attempt, People: run.People,
		Deadline: run.Deadline, Until: plan.Until, Approval: run.Approval,
	})
	if rule.Kind == StepTask {
		s.log.notify(EventStepOpened, run.People)
	}
	s.closeContainers(at) // one without steps inside
}

// complete ends a step well. by is who did it; output is what later expressions
// see.
func (s *Steps) complete(run *StepRun, by Command, data StepEvent, at time.Time) int {
	data.Step, data.Title, data.Attempt = run.ID, run.Title, run.Attempt
	number := s.log.add(at, by, EventStepCompleted, data)
	s.finish(run, StepDone, data.Output, at)
	return number
}

func (s *Steps) skip(run *StepRun, by Command, why string, hand ByHand, at time.Time) int {
	number := s.log.add(at, by, EventStepSkipped, StepEvent{Step: run.ID, Title: run.Title, Reason: why, ByHand: hand})
	run.Reason = why
	s.finish(run, StepSkipped, nil, at)
	return number
}

// finish gives a step its end, and with it whatever held it.
func (s *Steps) finish(run *StepRun, status StepStatus, output json.RawMessage, at time.Time) {
	s.end(run, status, at)
	run.Output = s.bounded(run, output)
	if original := s.undoneBy(run.ID); original != nil && (status == StepDone || status == StepSkipped) {
		original.Undone = status
	}
	s.closeContainers(at)
}

// outputsAtMost bounds what all steps together keep for later expressions, in
// bytes: the state is carried in every history.
const outputsAtMost = 128 << 10

// bounded keeps an output where somebody can ask for it and there is room.
func (s *Steps) bounded(run *StepRun, output json.RawMessage) json.RawMessage {
	size := len(output)
	for _, other := range s.Runs {
		size += len(other.Output)
	}
	switch {
	case run.Name == "":
		return nil // no expression can name it; its event has it
	case size > outputsAtMost:
		return json.RawMessage(`{"omitted":"the steps before gave too much"}`)
	default:
		return output
	}
}

// end gives a step its last status. The event that tells of it is the newest.
func (s *Steps) end(run *StepRun, status StepStatus, at time.Time) {
	run.Status, run.Ended, run.EndEvent, run.Timetable = status, &at, s.log.LastEvent, nil
}

// closeContainers ends stages and parallels of which every step is through.
func (s *Steps) closeContainers(at time.Time) {
	for i := range s.Runs {
		run := &s.Runs[i]
		rule, ok := s.Rule(run.ID)
		if !ok || run.Status != StepRunning || len(rule.Branches) == 0 {
			continue
		}
		if !slices.ContainsFunc(rule.Branches, func(branch []StepRule) bool { return !s.through(branch) }) {
			s.complete(run, byRule(), StepEvent{Kind: run.Kind}, at) // closes those around it too
			return
		}
	}
}

// fail ends a step for good. One that takes something back must not fail: a
// person is needed then.
func (s *Steps) fail(run *StepRun, by Command, why string, at time.Time) int {
	if s.Undoing && !isForward(run.ID) {
		return s.block(run, by, why, at)
	}
	number := s.log.add(at, by, EventStepFailed, StepEvent{Step: run.ID, Title: run.Title, Attempt: run.Attempt, Reason: why})
	s.log.notify(EventStepFailed, run.Owner)
	run.Reason = why
	s.end(run, StepFailed, at)
	return number
}

// block stops a step where it can't go on by itself, and tells whoever can
// help.
func (s *Steps) block(run *StepRun, by Command, why string, at time.Time) int {
	run.Status, run.Reason, run.Timetable = StepBlocked, why, nil
	number := s.log.add(at, by, EventStepBlocked, StepEvent{Step: run.ID, Title: run.Title, Attempt: run.Attempt, Reason: why})
	s.log.notify(EventStepBlocked, run.Owner)
	return number
}

// startAhead reports whether a wait for the planned start is still to end.
func (s *Steps) startAhead(list []StepRule) bool {
	return slices.ContainsFunc(list, func(rule StepRule) bool {
		run := s.run(rule.ID)
		if run != nil && run.Status.IsOver() {
			return false
		}
		return rule.ForStart || slices.ContainsFunc(rule.Branches, s.startAhead)
	})
}

// startNow ends the waits for the planned start whose time has come.
func (s *Steps) startNow(at time.Time) {
	for i := range s.Runs {
		run := &s.Runs[i]
		rule, _ := s.Rule(run.ID)
		waits := slices.ContainsFunc(run.Timetable, func(due Due) bool { return due.Kind == DueEnd })
		if rule.ForStart && run.Status == StepRunning && !waits {
			s.complete(run, byRule(), StepEvent{}, at)
		}
	}
}

// Outputs gives what expressions know as steps: what each step gave, by its name.
func (s *Steps) Outputs() json.RawMessage {
	outputs := map[string]json.RawMessage{}
	for _, run := range s.Runs {
		if run.Name != "" && len(run.Output) > 0 {
			outputs[run.Name] = run.Output
		}
	}
	raw, err := json.Marshal(outputs)
	if err != nil { // outputs are valid JSON; this can't happen
		return json.RawMessage(`{}`)
	}
	return raw
}
