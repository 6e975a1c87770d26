package activities

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

// PlanStep resolves one step of a transition whose turn has come: whether it
// applies, who does it, and at which instants it acts. Durations of steps are
// elapsed time.
//
// What somebody must mend (a rule that can't be evaluated, a task that nobody
// may do) is the Problem of the plan; any error is worth another try.
func (a *Activities) PlanStep(ctx context.Context, request workflows.PlanStepRequest) (itsm.StepPlan, error) {
	plan := itsm.StepPlan{Step: request.Step}
	c, err := a.newChange(ctx, request.TransitionFacts)
	if err == nil {
		c.onSteps(request.Steps)
		err = c.planStep(&plan)
	}
	problem, err := problemOf(err)
	if problem != "" {
		plan.Problem = fmt.Sprintf("step %s: %s", request.Step, problem)
	}
	return plan, err
}

// planStep fills in what it can: whoever is told of a problem must be known
// before the problem.
func (c *change) planStep(plan *itsm.StepPlan) (err error) {
	if plan.Owner, err = c.owner(); err != nil {
		return err
	}
	step, err := c.step(plan.Step)
	if err != nil {
		return err
	}
	applies, err := c.holds(step.When)
	if err != nil || !applies {
		plan.Skip = !applies && err == nil
		return err
	}
	if plan.People, err = c.peopleOf(step); err != nil {
		return err
	}
	if plan.Until, err = c.until(step.Wait); err != nil {
		return err
	}
	plan.Timetable, err = c.timetable(moments{within: step.Within, remind: step.Remind, escalate: step.Escalate}, plan.People)
	return err
}

// step finds what the model says of a step. Of a stage that is only its
// condition; the review is a task.
func (c *change) step(id string) (definition.Step, error) {
	if stage, ok := c.spec.Stage(id); ok {
		return definition.Step{When: stage.When}, nil
	}
	if review := c.spec.Review; review != nil && id == itsm.ReviewStep {
		return definition.Step{Task: "Review", Assign: &review.By, Within: review.Within, Remind: review.Remind}, nil
	}
	step, ok := c.spec.Step(id)
	if !ok {
		return step, itsm.Errorf(itsm.CodeStepUnknown, "model %s has no step %q", c.model.Name, id)
	}
	return step, nil
}

// peopleOf gives who may do a task, with those who stand in for the ones who are
// away, and who is told by a notify. Where a step names nobody, they are the
// service's support group.
func (c *change) peopleOf(step definition.Step) ([]string, error) {
	refs := step.To
	if step.Assign != nil {
		refs = []definition.Ref{*step.Assign}
	}
	switch {
	case step.Task == "" && step.Notify == "":
		return nil, nil
	case len(refs) == 0:
		refs = []definition.Ref{{Group: c.service.Spec.(*definition.Service).SupportGroup}}
	}
	people, err := c.people(refs, nil)
	if err != nil || step.Notify != "" {
		return people, err
	}
	if len(people) == 0 {
		return nil, itsm.Errorf(itsm.CodeDefinitionInvalid, "task %q has nobody who may do it (%s); give %s people and retry it, or complete or skip it by hand",
			step.Task, describe(refs), describe(refs))
	}
	return c.withDelegates(people)
}

func describe(refs []definition.Ref) string {
	var words []string
	for _, ref := range refs {
		words = append(words, ref.String())
	}
	return strings.Join(words, ", ")
}

// withDelegates adds those who stand in for the ones who are away now.
func (c *change) withDelegates(people []string) ([]string, error) {
	absences, err := c.directory.absences(people, c.at)
	if err != nil {
		return nil, err
	}
	all := people
	for _, person := range people {
		for _, absence := range absences[person] {
			if absence.Delegate != "" && !absence.From.After(c.at) && c.at.Before(absence.To) {
				all = append(all, absence.Delegate)
			}
		}
	}
	return distinct(all), nil
}

// until gives the instant for which a step waits: after a duration, or when an
// expression says.
func (c *change) until(wait string) (*time.Time, error) {
	if wait == "" {
		return nil, nil
	}
	if d, err := itsm.ParseDuration(wait); err == nil {
		at := d.After(c.at, nil)
		return &at, nil
	}
	value, err := c.expressions.Value(wait, c.facts)
	if err != nil {
		return nil, itsm.Errorf(itsm.CodeDefinitionInvalid, "its time can't be evaluated: %v; amend the transition and retry it, or skip it by hand", err)
	}
	text, _ := value.(string)
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, itsm.Errorf(itsm.CodeDefinitionInvalid, "%q gives %v, which is no time; amend the transition and retry it, or skip it by hand", wait, value)
	}
	at = at.UTC()
	return &at, nil
}
