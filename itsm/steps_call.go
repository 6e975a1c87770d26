package itsm

import (
	"encoding/json"
	"slices"
	"time"
)

// callOutput is what later expressions see of a call.
type callOutput struct {
	Status   int             `json:"status,omitempty"`
	Body     json.RawMessage `json:"body,omitempty"`
	Callback json.RawMessage `json:"callback,omitempty"`
}

// calling lists the calls that are to be sent, or are under way.
func (s *Steps) calling() []*StepRun {
	var runs []*StepRun
	for i := range s.Runs {
		if run := &s.Runs[i]; run.Kind == StepCall && run.Status == StepRunning && !run.Accepted {
			runs = append(runs, run)
		}
	}
	return runs
}

// callEnded takes how a call ended. One that has gone another way meanwhile, by
// its callback or by hand, is not asked any more.
func (s *Steps) callEnded(id string, attempt int, outcome CallOutcome, at time.Time) {
	run := s.run(id)
	if run == nil || run.Attempt != attempt || run.Status != StepRunning || run.Accepted {
		return
	}
	run.Reached = run.Reached || outcome.Reached
	switch outcome.Result {
	case CallBlocked:
		if s.Undoing && isForward(id) { // nobody needs it to be sent any more
			s.cancel(run, "it is being rolled back: "+outcome.Reason, at)
			return
		}
		s.block(run, byRule(), outcome.Reason, at)
	case CallFailed:
		s.fail(run, byRule(), outcome.Reason, at)
	default:
		s.callSucceeded(run, outcome, at)
	}
}

func (s *Steps) callSucceeded(run *StepRun, outcome CallOutcome, at time.Time) {
	output := asOutput(callOutput{Status: outcome.Status, Body: outcome.Body})
	rule, _ := s.Rule(run.ID)
	switch {
	case rule.Callback.IsZero():
		s.complete(run, byRule(), StepEvent{Output: output}, at)
	case s.Undoing && isForward(run.ID): // nobody waits for its end any more
		run.Reached = true
		s.cancel(run, "it is being rolled back", at)
	default:
		s.accept(run, output, rule.Callback.After(at, nil), at)
	}
}

// accept has a call wait for its callback, which has a time of its own.
func (s *Steps) accept(run *StepRun, output json.RawMessage, until, at time.Time) {
	run.Accepted, run.Reached, run.Output, run.Deadline = true, true, s.bounded(run, output), &until
	run.Timetable = slices.DeleteFunc(run.Timetable, func(due Due) bool { return due.Kind == DueDeadline })
	run.Timetable = append(run.Timetable, Due{At: until, Kind: DueDeadline})
	sortDue(run.Timetable)
	s.log.add(at, byRule(), EventStepAccepted, StepEvent{Step: run.ID, Title: run.Title, Attempt: run.Attempt, Deadline: &until, Output: output})
}

// checkCallback says why a callback is not taken, or nil: CodeCallbackUnknown
// or CodeCallbackUsed.
func (s *Steps) checkCallback(id string, attempt int) error {
	run := s.run(id)
	rule, ok := s.Rule(id)
	if run == nil || !ok || run.Kind != StepCall || rule.Callback.IsZero() || attempt > run.Attempt {
		return Errorf(CodeCallbackUnknown, "%s waits for no such callback", s.log.ID)
	}
	if run.Attempt != attempt || run.Status != StepRunning {
		return Errorf(CodeCallbackUsed, "step %s of %s does not wait for this callback any more: %s", id, s.log.ID, run.standing())
	}
	return nil
}

// callback ends a call as the called system says. It may come before the answer
// to the request itself.
func (s *Steps) callback(c Command, id string, attempt int, answer CallbackAnswer, at time.Time) (int, error) {
	if err := s.checkCallback(id, attempt); err != nil {
		return 0, err
	}
	run := s.run(id)
	run.Answered, run.Reached = answer.Digest, true
	if answer.Failed {
		why := "the called system says that it failed"
		if answer.Message != "" {
			why += ": " + answer.Message
		}
		return s.fail(run, c, why, at), nil
	}
	var output callOutput
	_ = json.Unmarshal(run.Output, &output) // nothing yet where the answer is still awaited
	output.Callback = answer.Result
	return s.complete(run, c, StepEvent{Reason: answer.Message, Output: asOutput(output)}, at), nil
}

// approvalClosed ends the step that asked for an approval, if there is one.
func (s *Steps) approvalClosed(end ApprovalEnd, at time.Time) (found bool) {
	for i := range s.Runs {
		run := &s.Runs[i]
		if run.Approval != end.Approval || run.Status != StepRunning {
			continue
		}
		if end.Outcome == OutcomeApproved {
			output := asOutput(map[string]string{"approval": end.Approval, "outcome": end.Outcome})
			s.complete(run, byRule(), StepEvent{Approval: end.Approval, Result: end.Outcome, Output: output}, at)
		} else {
			s.fail(run, byRule(), end.String(), at)
		}
		return true
	}
	return false
}

// standing says in words where a step stands.
func (r *StepRun) standing() string {
	if r.Reason != "" {
		return "it is " + string(r.Status) + " (" + r.Reason + ")"
	}
	return "it is " + string(r.Status)
}

func asOutput(value any) json.RawMessage {
	raw, err := json.Marshal(value)
	if err != nil { // texts, numbers and valid JSON; this can't happen
		return nil
	}
	return raw
}
