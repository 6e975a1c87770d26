package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/itsm"
)

// Approval asks people, stage by stage, until the answer is certain.
//
// It opens the first stage, and then waits: for decisions, which arrive as
// updates and may win or lose a stage, and for the moments at which a stage
// reminds, escalates or times out. It ends when nobody needs to be asked any
// more and everybody who should know has been told.
func Approval(ctx workflow.Context, in ApprovalInput) (ApprovalResult, error) {
	// Only a command ends an approval, never a cancelled workflow. The context
	// ends with the workflow: to cancel it would only cost an event for its timer.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	a := newApproval(ctx, in)
	if err := a.handleCommands(ctx); err != nil {
		return ApprovalResult{}, err
	}
	return a.run(ctx)
}

// approval is one run of the process.
type approval struct {
	*process
	in    ApprovalInput
	rules *itsm.Approval // its state

	reported bool // its end, to the process that asked for it
}

// run is the story.
func (a *approval) run(ctx workflow.Context) (ApprovalResult, error) {
	if a.in.Parent != "" {
		workflow.Go(ctx, a.heedParent)
	}
	if err := a.open(ctx); err != nil {
		return ApprovalResult{}, err
	}
	continues, err := a.live(ctx)
	switch {
	case err != nil:
		return ApprovalResult{}, err
	case continues:
		return ApprovalResult{}, a.continueAsNew(ctx)
	}
	return ApprovalResult{Outcome: a.rules.Outcome, Stage: a.rules.DecidedIn}, nil
}

// open records that the approval exists and opens its first stage.
func (a *approval) open(ctx workflow.Context) error {
	if a.in.Continues != nil {
		a.opened = true
		return nil
	}
	return a.start(ctx, a.in.Command, func(at time.Time) {
		a.rules.Open(a.in.Command, at, itsm.ApprovalOpened{
			Flow: a.in.Flow.DefinitionRef, Summary: a.in.Summary, Subject: a.in.Subject,
		})
	})
}

// planStages opens the next stage where one is wanted.
func (a *approval) planStages(ctx workflow.Context) error {
	for a.rules.WantsPlan() {
		plan, err := a.plan(ctx)
		if err != nil {
			return err
		}
		a.rules.Proceed(plan, workflow.Now(ctx))
		a.rules.Pass(workflow.Now(ctx)) // a plan that was long in the making may have missed moments
	}
	return nil
}

// plan has the next stage looked up in the directory and the calendars. Where
// none is left there is nothing to look up.
func (a *approval) plan(ctx workflow.Context) (itsm.StagePlan, error) {
	if a.rules.Next >= len(a.rules.Rules.Stages) {
		return itsm.StagePlan{Stage: a.rules.Next, Owner: a.rules.Owner}, nil
	}
	var plan itsm.StagePlan
	err := soon(ctx, ActivityPlanStage, PlanRequest{
		Flow: a.in.Flow, Calendar: a.in.Calendar, Service: a.in.Service,
		Requester: a.rules.Requester, Subject: a.rules.Subject,
		From: a.rules.Next, At: workflow.Now(ctx),
	}, &plan)
	if refusal, refused := Refusal(err); refused {
		return itsm.StagePlan{Stage: a.rules.Next, Owner: a.rules.Owner, Problem: refusal.Message}, nil
	}
	return plan, err
}
