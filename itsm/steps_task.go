package itsm

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// task gives an open task, if the actor may do it: CodeTaskUnknown,
// CodeTaskClosed, CodeTaskNotYours or CodeTaskClaimed.
func (s *Steps) task(c Command, id string) (*StepRun, error) {
	run, err := s.openTask(id)
	if err != nil {
		return nil, err
	}
	switch {
	case c.Actor.Kind != ActorPerson || !slices.Contains(run.People, c.Actor.Name):
		return nil, Errorf(CodeTaskNotYours, "task %s is for %s", TaskID(s.log.ID, id), strings.Join(run.People, ", "))
	case run.Claimed != "" && run.Claimed != c.Actor.Name:
		return nil, Errorf(CodeTaskClaimed, "%s has claimed task %s; ask them to release it", run.Claimed, TaskID(s.log.ID, id))
	}
	return run, nil
}

func (s *Steps) openTask(id string) (*StepRun, error) {
	run := s.run(id)
	if run == nil || run.Kind != StepTask {
		return nil, Errorf(CodeTaskUnknown, "%s has no task %q that had its turn; the inbox shows those that wait", s.log.ID, id)
	}
	if run.Status != StepRunning {
		return nil, Errorf(CodeTaskClosed, "task %s does not wait any more: %s", TaskID(s.log.ID, id), run.standing())
	}
	return run, nil
}

// checkClaim says why a task can't be claimed, or nil.
func (s *Steps) checkClaim(c Command, id string) error {
	run, err := s.task(c, id)
	if err == nil && run.Claimed != "" {
		return Errorf(CodeTaskClaimed, "you have claimed task %s already", TaskID(s.log.ID, id))
	}
	return err
}

// claim says who of those that may do a task does it.
func (s *Steps) claim(c Command, id string, at time.Time) (int, error) {
	if err := s.checkClaim(c, id); err != nil {
		return 0, err
	}
	run := s.run(id)
	run.Claimed = c.Actor.Name
	return s.log.add(at, c, EventTaskClaimed, StepEvent{Step: id, Title: run.Title, People: []string{c.Actor.Name}}), nil
}

// checkRelease says why a task can't be released, or nil.
func (s *Steps) checkRelease(c Command, id string, operator bool) error {
	run, err := s.openTask(id)
	switch {
	case err != nil:
		return err
	case run.Claimed == "":
		return Errorf(CodeTaskClaimed, "nobody has claimed task %s; there is nothing to release", TaskID(s.log.ID, id))
	case !c.Actor.IsPerson(run.Claimed) && !operator:
		return Errorf(CodeTaskNotYours, "%s has claimed task %s; they or an operator may release it", run.Claimed, TaskID(s.log.ID, id))
	}
	return nil
}

// release gives a claimed task back to all who may do it, and tells them.
func (s *Steps) release(c Command, id string, operator bool, at time.Time) (int, error) {
	if err := s.checkRelease(c, id, operator); err != nil {
		return 0, err
	}
	run := s.run(id)
	run.Claimed = ""
	number := s.log.add(at, c, EventTaskReleased, StepEvent{Step: id, Title: run.Title, People: run.People})
	s.log.notify(EventStepOpened, run.People)
	return number, nil
}

// work ticks off and adds evidence.
func (s *Steps) work(c Command, id string, work TaskWork, at time.Time) (int, error) {
	run, err := s.checkWork(c, id, work)
	if err != nil {
		return 0, err
	}
	evidence := run.take(c, work, at)
	return s.log.add(at, c, EventTaskProgress, StepEvent{Step: id, Title: run.Title, Check: work.Check, Evidence: evidence}), nil
}

// checkWork says why work on a task can't be taken, or nil. Items of the
// checklist that there are not have CodeTaskIncomplete, actions of a task that
// has none CodeInvalid.
func (s *Steps) checkWork(c Command, id string, work TaskWork) (*StepRun, error) {
	run, err := s.task(c, id)
	if err != nil {
		return nil, err
	}
	for i, text := range work.Check {
		if !slices.ContainsFunc(run.Checklist, func(item ChecklistItem) bool { return item.Text == text }) {
			return nil, FieldErrorf(CodeTaskIncomplete, fmt.Sprintf("/check/%d", i), "the checklist of task %s has no item %q; write it as it stands there", TaskID(s.log.ID, id), text)
		}
	}
	if rule, _ := s.Rule(id); len(work.Actions) > 0 && !rule.Actions {
		return nil, FieldErrorf(CodeInvalid, "/actions", "only the review of a major incident has actions; task %s has none", TaskID(s.log.ID, id))
	}
	if len(run.Evidence)+len(work.Evidence) > evidenceAtMost {
		return nil, FieldErrorf(CodeEvidenceInvalid, "/evidence", "a task may have %d pieces of evidence; put more of them in a file", evidenceAtMost)
	}
	return run, nil
}

// take keeps what was done.
func (r *StepRun) take(c Command, work TaskWork, at time.Time) []Evidence {
	for i := range r.Checklist {
		if slices.Contains(work.Check, r.Checklist[i].Text) && r.Checklist[i].By == "" {
			r.Checklist[i].By, r.Checklist[i].At = c.Actor.Name, &at
		}
	}
	var added []Evidence
	for _, one := range work.Evidence {
		one.By, one.At = c.Actor.Name, at
		added = append(added, one)
	}
	r.Evidence = append(r.Evidence, added...)
	return added
}

// checkCompletion says why a task can't end so, or nil: CodeTaskResult,
// CodeTaskIncomplete or CodeCommentRequired besides what checkWork gives.
func (s *Steps) checkCompletion(c Command, id string, work TaskWork) error {
	run, err := s.checkWork(c, id, work)
	if err != nil {
		return err
	}
	rule, _ := s.Rule(id)
	result := work.result(rule)
	switch {
	case !slices.Contains(rule.results(), result):
		return FieldErrorf(CodeTaskResult, "/result", "task %s ends as one of %s; give one of them as result", TaskID(s.log.ID, id), strings.Join(rule.results(), ", "))
	case result == TaskFailed && c.Comment == "":
		return FieldErrorf(CodeCommentRequired, "/comment", "say in a comment why the task failed")
	case result == TaskFailed:
		return nil
	}
	if missing := run.unticked(work); len(missing) > 0 {
		return FieldErrorf(CodeTaskIncomplete, "/check", "task %s has items to tick off: %s", TaskID(s.log.ID, id), strings.Join(missing, "; "))
	}
	if rule.Evidence && len(run.Evidence)+len(work.Evidence) == 0 {
		return FieldErrorf(CodeTaskIncomplete, "/evidence", "task %s needs evidence: a text, a link or an uploaded file", TaskID(s.log.ID, id))
	}
	return nil
}

func (r *StepRun) unticked(work TaskWork) []string {
	var missing []string
	for _, item := range r.Checklist {
		if item.By == "" && !slices.Contains(work.Check, item.Text) {
			missing = append(missing, item.Text)
		}
	}
	return missing
}

// results are how a task may end.
func (r StepRule) results() []string {
	if len(r.Results) > 0 {
		return r.Results
	}
	return []string{TaskDone, TaskFailed}
}

func (w TaskWork) result(rule StepRule) string {
	if w.Result == "" && slices.Contains(rule.results(), TaskDone) {
		return TaskDone
	}
	return w.Result
}

// taskOutput is what later expressions see of a task.
type taskOutput struct {
	By       string     `json:"by"`
	Result   string     `json:"result"`
	Comment  string     `json:"comment,omitempty"`
	Evidence []Evidence `json:"evidence,omitempty"`
}

// completeTask ends a task as its work says.
func (s *Steps) completeTask(c Command, id string, work TaskWork, at time.Time) (int, error) {
	if err := s.checkCompletion(c, id, work); err != nil {
		return 0, err
	}
	run := s.run(id)
	rule, _ := s.Rule(id)
	result := work.result(rule)
	evidence := run.take(c, work, at)
	if result == TaskFailed {
		return s.fail(run, c, fmt.Sprintf("%s says that it failed: %s", c.Actor.Name, c.Comment), at), nil
	}
	if run.Claimed == "" {
		run.Claimed = c.Actor.Name
	}
	return s.complete(run, c, StepEvent{
		Result: result, Check: work.Check, Evidence: evidence,
		Output: asOutput(taskOutput{By: c.Actor.Name, Result: result, Comment: c.Comment, Evidence: run.Evidence}),
	}, at), nil
}

// handOutput is how much an operator may say that a step gave, in bytes.
const handOutput = 16 << 10

// checkByHand says why an operator can't do this with a step, or nil:
// CodeStepUnknown, CodeStepNotBlocked, CodeCommentRequired, CodeTooLarge or
// CodeInvalid.
func (s *Steps) checkByHand(c Command, id string, do ByHand, output []byte) error {
	run := s.run(id)
	switch {
	case run == nil:
		return Errorf(CodeStepUnknown, "%s has no step %q that had its turn", s.log.ID, id)
	case run.Status != StepBlocked:
		return Errorf(CodeStepNotBlocked, "step %s of %s is not blocked: %s; only a blocked step can be changed by hand", id, s.log.ID, run.standing())
	case c.Comment == "":
		return FieldErrorf(CodeCommentRequired, "/comment", "say in a comment why this is done by hand")
	case len(output) > handOutput:
		return FieldErrorf(CodeTooLarge, "/output", "what a step gave may take %d KiB; keep more elsewhere, and name where", handOutput>>10)
	case do == HandComplete && id == ReviewStep:
		return Errorf(CodeStepNotBlocked, "a review ends by its result; mend what blocks it, and retry it")
	case do != HandRetry && do != HandSkip && do != HandComplete:
		return Errorf(CodeInvalid, "a blocked step can be retried, skipped or completed by hand")
	}
	return nil
}

// byHand has an operator go on with a blocked step.
func (s *Steps) byHand(c Command, id string, do ByHand, output []byte, at time.Time) (int, error) {
	if err := s.checkByHand(c, id, do, output); err != nil {
		return 0, err
	}
	run := s.run(id)
	switch do {
	case HandRetry:
		return s.retry(run, c, at), nil
	case HandSkip:
		return s.skip(run, c, c.Comment, HandSkip, at), nil
	default:
		return s.complete(run, c, StepEvent{ByHand: HandComplete, Reason: c.Comment, Output: output}, at), nil
	}
}

// retry gives a step its turn again.
func (s *Steps) retry(run *StepRun, c Command, at time.Time) int {
	run.Status, run.Reason, run.Timetable = StepPending, "", nil
	run.Attempt++
	return s.log.add(at, c, EventStepRetried, StepEvent{Step: run.ID, Title: run.Title, Attempt: run.Attempt})
}

// inbox lists the tasks that wait for people, under the title of the process.
func (s *Steps) inbox(title string) []InboxItem {
	var items []InboxItem
	for i := range s.Runs {
		run := &s.Runs[i]
		if run.Kind != StepTask || run.Status != StepRunning {
			continue
		}
		for _, person := range run.holders() {
			items = append(items, InboxItem{
				Process: s.log.ID, Task: run.ID, Person: person, Seat: person, Action: ActionComplete,
				Title: run.Title + " — " + title, Since: run.Opened, Due: run.Deadline,
			})
		}
	}
	return items
}
