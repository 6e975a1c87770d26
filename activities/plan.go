package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

// reminders is the most reminders of one stage: a stage that nobody decides
// for so long needs another hand than one more mail.
const reminders = 30

// PlanStage finds the next stage of an approval that applies, and resolves it:
// who may decide, who is told, and at which instants it acts.
//
// What a process owner must mend (a rule that can't be evaluated, nobody to
// resume it) is refused with a domain error, and blocks the process; any other
// error is worth another try.
func (a *Activities) PlanStage(ctx context.Context, request workflows.PlanRequest) (itsm.StagePlan, error) {
	planner, err := a.newPlanner(ctx, request)
	if err != nil {
		return itsm.StagePlan{}, workflows.Refuse(err)
	}
	plan, err := planner.plan()
	return plan, workflows.Refuse(err)
}

// planner resolves the stages of one request.
type planner struct {
	request     workflows.PlanRequest
	flow        definition.Document
	spec        *definition.ApprovalFlow
	expressions *definition.Expressions
	facts       definition.Facts
	calendar    *itsm.Calendar
	directory   *directory
}

func (a *Activities) newPlanner(ctx context.Context, request workflows.PlanRequest) (*planner, error) {
	p := &planner{request: request, directory: &directory{ctx: ctx, store: a.Store, requester: request.Requester}}
	var err error
	if p.flow, err = definition.FromCanonical(request.Flow.Document); err != nil {
		return nil, fmt.Errorf("reading flow %s: %w", request.Flow.Name, err)
	}
	p.spec = p.flow.Spec.(*definition.ApprovalFlow)
	if p.expressions, err = p.flow.Expressions(); err != nil {
		return nil, itsm.Errorf(itsm.CodeDefinitionInvalid, "flow %s does not compile: %v", p.flow.Name, err)
	}
	service, err := document(request.Service)
	if err != nil {
		return nil, err
	}
	p.facts = definition.FactsOf(request.Subject, service, request.Requester)
	return p, p.loadCalendar()
}

func (p *planner) loadCalendar() error {
	doc, err := document(p.request.Calendar)
	if err != nil || doc == nil {
		return err
	}
	p.calendar, err = doc.Spec.(*definition.Calendar).Build()
	return err
}

func (p *planner) plan() (itsm.StagePlan, error) {
	plan := itsm.StagePlan{Stage: p.request.From}
	var err error
	if plan.Owner, err = p.directory.named(p.flow.Owner); err != nil {
		return plan, err
	}
	if plan.Bound, err = definition.Bound(p.flow, p.facts); err != nil {
		plan.Problem = fmt.Sprintf("%v; amend the subject, or withdraw", err)
		return plan, nil
	}
	for ; plan.Stage < len(p.spec.Stages); plan.Stage++ {
		applies, err := p.applies(p.spec.Stages[plan.Stage])
		if err != nil {
			plan.Problem = err.Error()
			return plan, nil //nolint:nilerr // the plan carries it, and blocks the process
		}
		if applies {
			return p.resolve(plan)
		}
		plan.Skipped = append(plan.Skipped, plan.Stage)
	}
	return plan, nil
}

// applies reports whether the stage's condition holds.
func (p *planner) applies(stage definition.Stage) (bool, error) {
	if stage.When == "" {
		return true, nil
	}
	holds, err := p.expressions.Bool(stage.When, p.facts)
	if err != nil {
		return false, fmt.Errorf("the condition of stage %q can't be evaluated: %w; amend the subject, or withdraw", stage.Name, err)
	}
	return holds, nil
}

// resolve looks up everybody and every instant of the plan's stage.
func (p *planner) resolve(plan itsm.StagePlan) (itsm.StagePlan, error) {
	stage := p.spec.Stages[plan.Stage]
	approvers, err := p.people(stage.Approvers, nil)
	if err == nil {
		var vetoes []string
		if vetoes, err = p.people(stage.Veto, approvers); err == nil {
			plan.Approvers, err = p.candidates(approvers, vetoes)
		}
	}
	if err == nil {
		plan.Timetable, err = p.timetable(stage, approvers)
	}
	if problem := (*itsm.Error)(nil); errors.As(err, &problem) {
		plan.Problem, err = fmt.Sprintf("stage %q: %s", stage.Name, problem.Message), nil
	}
	return plan, err
}

// people resolves references into persons, each once, in the order of the flow.
func (p *planner) people(refs []definition.Ref, approvers []string) ([]string, error) {
	var persons []string
	for _, ref := range refs {
		found := []definition.Ref{ref}
		if ref.From != "" {
			var err error
			if found, err = p.expressions.Refs(ref.From, p.facts); err != nil {
				return nil, itsm.Errorf(itsm.CodeDefinitionInvalid, "%q can't be evaluated: %v", ref.From, err)
			}
		}
		for _, one := range found {
			names, err := p.directory.persons(one, approvers, p.request.At)
			if err != nil {
				return nil, err
			}
			persons = append(persons, names...)
		}
	}
	return distinct(persons), nil
}

// candidates puts approvers and holders of a veto together, with the times at
// which others stand in for them.
func (p *planner) candidates(approvers, vetoes []string) ([]itsm.Candidate, error) {
	everybody := distinct(slices.Concat(approvers, vetoes))
	absences, err := p.directory.absences(everybody, p.request.At)
	if err != nil {
		return nil, err
	}
	var candidates []itsm.Candidate
	for _, person := range everybody {
		candidates = append(candidates, itsm.Candidate{
			Person: person, Counted: slices.Contains(approvers, person), Veto: slices.Contains(vetoes, person),
			Absences: absences[person],
		})
	}
	return candidates, nil
}

// timetable plans the instants at which the stage acts by itself.
func (p *planner) timetable(stage definition.Stage, approvers []string) ([]itsm.Due, error) {
	var due []itsm.Due
	var deadline time.Time
	if stage.Within != nil {
		at, err := p.after(*stage.Within)
		if err != nil {
			return nil, err
		}
		deadline = at
		due = append(due, itsm.Due{At: at, Kind: itsm.DueDeadline})
	}
	for _, step := range stage.Escalate {
		at, err := p.after(step.After)
		if err != nil {
			return nil, err
		}
		to, err := p.people(step.To, approvers)
		if err != nil {
			return nil, err
		}
		due = append(due, itsm.Due{At: at, Kind: itsm.DueEscalation, To: to})
	}
	reminding, err := p.remindersOf(stage, deadline)
	if err != nil {
		return nil, err
	}
	due = append(due, reminding...)
	slices.SortStableFunc(due, func(x, y itsm.Due) int { return x.At.Compare(y.At) })
	return due, nil
}

// remindersOf plans reminders up to the deadline, and beyond it where the
// stage holds.
func (p *planner) remindersOf(stage definition.Stage, deadline time.Time) ([]itsm.Due, error) {
	if stage.Remind == nil {
		return nil, nil
	}
	ends := !deadline.IsZero() && stage.OnTimeout != string(itsm.TimeoutHold)
	var due []itsm.Due
	at := p.request.At
	for len(due) < reminders {
		next, err := p.afterInstant(at, *stage.Remind)
		if err != nil || ends && !next.Before(deadline) {
			return due, err
		}
		if !next.Equal(deadline) {
			due = append(due, itsm.Due{At: next, Kind: itsm.DueReminder})
		}
		at = next
	}
	return due, nil
}

func (p *planner) after(d itsm.Duration) (time.Time, error) { return p.afterInstant(p.request.At, d) }

// afterInstant adds working time where the flow has a calendar.
func (p *planner) afterInstant(from time.Time, d itsm.Duration) (time.Time, error) {
	if p.calendar == nil {
		return d.After(from, nil), nil
	}
	return p.calendar.Add(from, d)
}

// document reads a definition that a process carries, where it has one.
func document(d *workflows.Definition) (*definition.Document, error) {
	if d == nil {
		return nil, nil
	}
	doc, err := definition.FromCanonical(d.Document)
	if err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", d.Kind, d.Name, err)
	}
	return &doc, nil
}

// distinct keeps the first of each name.
func distinct(names []string) []string {
	var kept []string
	for _, name := range names {
		if !slices.Contains(kept, name) {
			kept = append(kept, name)
		}
	}
	return kept
}
