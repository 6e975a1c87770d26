package itsm

import "time"

// CheckClaim says why the actor can't claim a task, or nil: CodeTaskUnknown,
// CodeTaskClosed, CodeTaskNotYours or CodeTaskClaimed.
func (t *Transition) CheckClaim(c Command, task string) error {
	return t.Steps.checkClaim(c, task)
}

// ClaimTask says who of a group does a task. The error is that of CheckClaim.
func (t *Transition) ClaimTask(c Command, task string, at time.Time) (int, error) {
	return t.Steps.claim(c, task, at)
}

// CheckRelease says why a task can't be released, or nil: as CheckClaim.
func (t *Transition) CheckRelease(c Command, task string, operator bool) error {
	return t.Steps.checkRelease(c, task, operator)
}

// ReleaseTask gives a claimed task back to its group. The error is that of
// CheckRelease.
func (t *Transition) ReleaseTask(c Command, task string, operator bool, at time.Time) (int, error) {
	return t.Steps.release(c, task, operator, at)
}

// CheckWork says why work on a task is not taken, or nil: as CheckClaim, or
// CodeTaskIncomplete.
func (t *Transition) CheckWork(c Command, task string, work TaskWork) error {
	_, err := t.Steps.checkWork(c, task, work)
	return err
}

// WorkOnTask ticks off and adds evidence. The error is that of CheckWork.
func (t *Transition) WorkOnTask(c Command, task string, work TaskWork, at time.Time) (int, error) {
	return t.Steps.work(c, task, work, at)
}

// CheckCompletion says why a task can't end so, or nil: as CheckWork, or
// CodeTaskResult or CodeCommentRequired.
func (t *Transition) CheckCompletion(c Command, task string, work TaskWork) error {
	return t.Steps.checkCompletion(c, task, work)
}

// CompleteTask ends a task; that of the review ends the transition. The error
// is that of CheckCompletion.
func (t *Transition) CompleteTask(c Command, task string, work TaskWork, at time.Time) (int, error) {
	number, err := t.Steps.completeTask(c, task, work, at)
	switch {
	case err != nil:
		return 0, err
	case task == ReviewStep:
		t.Result = &ReviewCompleted{Result: work.Result, Lessons: work.Lessons}
		t.add(at, byRule(), EventReviewCompleted, t.Result)
		t.close(PhaseClosed, work.Result, "reviewed by "+c.Actor.Name, byRule(), at)
	default:
		t.afterSteps(at)
	}
	return number, nil
}

// CheckByHand says why an operator can't change a step by hand, or nil:
// CodeStepUnknown, CodeStepNotBlocked or CodeCommentRequired.
func (t *Transition) CheckByHand(c Command, step string, do ByHand, output []byte) error {
	if t.State == StateClosed {
		return t.checkPhase(nil, "changed", "")
	}
	return t.Steps.checkByHand(c, step, do, output)
}

// ByHand retries, skips or completes a blocked step. The error is that of
// CheckByHand.
func (t *Transition) ByHand(c Command, step string, do ByHand, output []byte, at time.Time) (int, error) {
	if err := t.CheckByHand(c, step, do, output); err != nil {
		return 0, err
	}
	number, err := t.Steps.byHand(c, step, do, output, at)
	if err == nil {
		t.afterSteps(at)
	}
	return number, err
}
