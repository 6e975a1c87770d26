package itsm

import (
	"fmt"
	"slices"
	"time"
)

// reviewWithin is how long the review of a major incident may take.
const reviewWithin = 5 * 24 * time.Hour

// actionsAtMost bounds what one review has people do: the state is carried in
// every history.
const actionsAtMost = 50

// attachSteps ties the tasks of the review to their rules: the review itself,
// which can't fail, and one for each of its actions.
func (i *Incident) attachSteps() {
	rules := []StepRule{{
		ID: ReviewStep, Kind: StepTask, Title: "Review of the major incident", Name: ReviewStep, Results: []string{TaskDone}, Actions: true,
	}}
	for n, action := range i.Actions {
		rules = append(rules, StepRule{ID: actionStep(n), Kind: StepTask, Title: action.Title})
	}
	i.Steps.attach(rules, &i.chronicle)
}

// actionStep names the task of an action, by its index.
func actionStep(n int) string { return fmt.Sprintf("action.%d", n+1) }

// lacksReview reports whether a major incident was resolved and nobody looks
// back yet.
func (i *Incident) lacksReview() bool {
	if i.Major == nil || i.Phase != IncidentResolved {
		return false
	}
	run := i.Steps.run(ReviewStep)
	return run == nil || run.Status == StepCancelled
}

// beginReview has somebody look back on a major incident, once it is resolved
// and it is known who that could be. One that was cut short when the incident
// was reopened begins again.
func (i *Incident) beginReview(at time.Time) {
	if !i.lacksReview() || i.Wanted.People {
		return
	}
	if run := i.Steps.run(ReviewStep); run != nil {
		i.Steps.retry(run, byRule(), at)
	}
	people := i.reviewers()
	i.Steps.begin(StepPlan{
		Step: ReviewStep, People: people, Owner: i.Owner, Timetable: []Due{{At: at.Add(reviewWithin), Kind: DueDeadline}},
	}, at)
	if len(people) == 0 {
		i.Steps.skip(i.Steps.run(ReviewStep), byRule(), "the service has nobody who could review it; give it an owner", "", at)
	}
}

// reviewers are the commander of a major incident; where there is none, those
// who answer for the service, or else who worked on it.
func (i *Incident) reviewers() []string {
	switch {
	case i.Major.Commander != "":
		return []string{i.Major.Commander}
	case len(i.Owner) > 0:
		return i.Owner
	case len(i.Support) > 0:
		return i.Support
	case i.Assignee != "":
		return []string{i.Assignee}
	default:
		return nil
	}
}

// dropReview ends the review of an incident that goes on.
func (i *Incident) dropReview(at time.Time) {
	if run := i.Steps.run(ReviewStep); run != nil && !run.Status.IsOver() {
		i.Steps.cancel(run, "the incident was reopened", at)
	}
}

// busy reports whether somebody still has a task, or will get one: closing
// waits for that.
func (i *Incident) busy() bool { return i.Steps.open() > 0 || i.lacksReview() }

// CheckClaim says why the actor can't claim a task, or nil: CodeTaskUnknown,
// CodeTaskClosed, CodeTaskNotYours or CodeTaskClaimed.
func (i *Incident) CheckClaim(c Command, task string) error { return i.Steps.checkClaim(c, task) }

// ClaimTask says who of those that may do a task does it. The error is that of
// CheckClaim.
func (i *Incident) ClaimTask(c Command, task string, at time.Time) (int, error) {
	return i.signed(c, at)(i.Steps.claim(c, task, at))
}

// CheckRelease says why a task can't be released, or nil: as CheckClaim.
func (i *Incident) CheckRelease(c Command, task string, operator bool) error {
	return i.Steps.checkRelease(c, task, operator)
}

// ReleaseTask gives a claimed task back to all who may do it. The error is that
// of CheckRelease.
func (i *Incident) ReleaseTask(c Command, task string, operator bool, at time.Time) (int, error) {
	return i.signed(c, at)(i.Steps.release(c, task, operator, at))
}

// CheckWork says why work on a task is not taken, or nil: as CheckClaim, or
// CodeTaskIncomplete, CodeEvidenceInvalid, or CodeInvalid for actions, which
// come with the completion of the review.
func (i *Incident) CheckWork(c Command, task string, work TaskWork) error {
	if _, err := i.Steps.checkWork(c, task, work); err != nil {
		return err
	}
	if len(work.Actions) > 0 {
		return FieldErrorf(CodeInvalid, "/actions", "actions begin when the review is completed; give them then")
	}
	return nil
}

// WorkOnTask ticks off and adds evidence. The error is that of CheckWork.
func (i *Incident) WorkOnTask(c Command, task string, work TaskWork, at time.Time) (int, error) {
	if err := i.CheckWork(c, task, work); err != nil {
		return 0, err
	}
	return i.signed(c, at)(i.Steps.work(c, task, work, at))
}

// CheckCompletion says why a task can't end so, or nil: as CheckClaim, or
// CodeTaskResult, CodeTaskIncomplete, CodeEvidenceInvalid, CodeCommentRequired
// or CodeInvalid. Who does an action must be a person that there is, which the
// caller looks up.
func (i *Incident) CheckCompletion(c Command, task string, work TaskWork) error {
	if err := i.Steps.checkCompletion(c, task, work); err != nil {
		return err
	}
	if len(work.Actions) > actionsAtMost {
		return FieldErrorf(CodeInvalid, "/actions", "a review may have %d actions; put several into one", actionsAtMost)
	}
	for n, action := range work.Actions {
		switch {
		case action.Title == "":
			return FieldErrorf(CodeInvalid, fmt.Sprintf("/actions/%d/title", n), "say in the title what is to be done")
		case action.Who == "":
			return FieldErrorf(CodeInvalid, fmt.Sprintf("/actions/%d/who", n), "name the person who does %q", action.Title)
		}
	}
	return nil
}

// CompleteTask ends a task. Each action of a review becomes a task of its
// person; the incident closes when all of them are over. The error is that of
// CheckCompletion.
func (i *Incident) CompleteTask(c Command, task string, work TaskWork, at time.Time) (int, error) {
	if err := i.CheckCompletion(c, task, work); err != nil {
		return 0, err
	}
	number, err := i.signed(c, at)(i.Steps.completeTask(c, task, work, at))
	if err != nil {
		return 0, err
	}
	if task == ReviewStep {
		i.reviewed(work, at)
	}
	i.Pass(at) // the last task may be what closing waited for
	return number, nil
}

// reviewed has people do what the review found that should be done.
func (i *Incident) reviewed(work TaskWork, at time.Time) {
	i.Actions = slices.Clone(work.Actions)
	i.attachSteps()
	i.Review = &ReviewCompleted{Result: TaskDone, Lessons: work.Lessons, Actions: i.Actions}
	i.add(at, byRule(), EventReviewCompleted, i.Review)
	for n, action := range i.Actions {
		plan := StepPlan{Step: actionStep(n), People: []string{action.Who}, Owner: i.Owner}
		if action.Due != nil {
			plan.Timetable = []Due{{At: *action.Due, Kind: DueDeadline}}
		}
		i.Steps.begin(plan, at)
	}
}

// signed takes what somebody did on a task as a sign of life.
func (i *Incident) signed(c Command, at time.Time) func(int, error) (int, error) {
	return func(number int, err error) (int, error) {
		if err == nil {
			i.sign(c, at)
		}
		return number, err
	}
}
