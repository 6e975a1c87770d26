package activities

import (
	"context"
	"fmt"
	"slices"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

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
	resolver
	request workflows.PlanRequest
	flow    definition.Document
	spec    *definition.ApprovalFlow
}

func (a *Activities) newPlanner(ctx context.Context, request workflows.PlanRequest) (*planner, error) {
	p := &planner{request: request}
	p.at, p.directory = request.At, &directory{ctx: ctx, store: a.Store, requester: request.Requester}
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
		plan.Timetable, err = p.timetable(moments{
			within: stage.Within, remind: stage.Remind, escalate: stage.Escalate,
			endsIt: stage.OnTimeout != string(itsm.TimeoutHold),
		}, approvers)
	}
	problem, err := problemOf(err)
	if problem != "" {
		plan.Problem = fmt.Sprintf("stage %q: %s", stage.Name, problem)
	}
	return plan, err
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
