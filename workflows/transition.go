package workflows

import (
	"encoding/json"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/itsm"
)

// Transition takes a change from its request into operation.
//
// It has the risk assessed and the planned time checked, asks for the
// authorisation, waits for the planned start, goes through the stages of its
// model step by step, watches over early life, and has the whole reviewed. What
// fails for good, or is ordered to, is taken back in reverse.
//
// What it needs to know it looks up before each step is recorded; what it does
// in the world, it does after.
func Transition(ctx workflow.Context, in TransitionInput) (TransitionResult, error) {
	// Only a command ends a transition, never a cancelled workflow: nothing may cut an undo short.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	t := newTransition(ctx, in)
	if err := t.handleCommands(ctx); err != nil {
		return TransitionResult{}, err
	}
	return t.run(ctx)
}

// transition is one run of the process.
type transition struct {
	*process
	in    TransitionInput
	rules *itsm.Transition // its state

	doing    map[string]*errand       // effects that were begun in this run, by key
	planned  map[string]ApprovalInput // approvals that were planned in this run, by ID
	starting map[string]bool          // approvals that are being started
	ordering map[string]bool          // approvals that are being told something
}

// run is the story.
func (t *transition) run(ctx workflow.Context) (TransitionResult, error) {
	workflow.Go(ctx, t.hearApprovals)
	workflow.Go(ctx, t.hearIncidents)
	if err := t.open(ctx); err != nil {
		return TransitionResult{}, err
	}
	continues, err := t.live(ctx)
	switch {
	case err != nil:
		return TransitionResult{}, err
	case continues:
		return TransitionResult{}, t.continueAsNew(ctx)
	}
	return TransitionResult{Outcome: t.rules.Outcome}, nil
}

// open records that the transition exists, with whatever follows at once. One
// that loses a race for its planned time exists all the same, and waits to be
// rescheduled.
func (t *transition) open(ctx workflow.Context) error {
	if t.in.Continues != nil {
		t.opened = true
		return t.inTurn(ctx, func(time.Time) error { return nil }) // takes up what was under way
	}
	err := t.start(ctx, t.in.Command, func(at time.Time) {
		t.rules.Open(t.in.Command, at, t.in.Model.DefinitionRef, t.in.Override)
	})
	conflict, lost := Refusal(err)
	if !lost {
		return err
	}
	return t.start(ctx, t.in.Command, func(at time.Time) {
		t.rules.OpenUnplaced(t.in.Command, at, t.in.Model.DefinitionRef, conflict.Message)
	})
}

// lookUp tells the transition what it wants to know before it goes on.
func (t *transition) lookUp(ctx workflow.Context) error {
	for {
		want := t.rules.Next()
		var err error
		switch want.Kind {
		case itsm.WantNothing:
			return nil
		case itsm.WantAssessment:
			err = t.assess(ctx)
		case itsm.WantApproval:
			err = t.planApproval(ctx, want)
		case itsm.WantCheck:
			err = t.checkSchedule(ctx, want)
		case itsm.WantStep:
			if want.Undo && t.windingDown() {
				return nil // a request that nobody waits for any more may still be under way
			}
			err = t.planStep(ctx, want)
		case itsm.WantJudgement:
			err = t.judge(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// assess has risk, authorisation and planned time worked out.
func (t *transition) assess(ctx workflow.Context) error {
	var a itsm.Assessment
	err := soon(ctx, ActivityAssess, AssessRequest{TransitionFacts: t.facts(ctx), Title: t.rules.Title, Planned: t.rules.Planned}, &a)
	if problem, refused := Refusal(err); refused {
		a, err = itsm.Assessment{Problem: problem.Message}, nil
	}
	if err != nil {
		return err
	}
	return t.rules.Assess(a, workflow.Now(ctx))
}

// planApproval reserves the approval that authorises the transition.
func (t *transition) planApproval(ctx workflow.Context, want itsm.Want) error {
	input, err := t.openApproval(ctx, t.facts(ctx), want.Flow, want.Key)
	if problem, refused := Refusal(err); refused {
		t.rules.ApprovalProblem(problem.Message, workflow.Now(ctx))
		return nil
	}
	if err == nil {
		t.rules.ApprovalPlanned(input.ID, workflow.Now(ctx))
	}
	return err
}

// checkSchedule looks at the planned time once more.
func (t *transition) checkSchedule(ctx workflow.Context, want itsm.Want) error {
	var checked itsm.Checked
	err := soon(ctx, ActivityCheckSchedule, CheckScheduleRequest{
		TransitionFacts: t.facts(ctx), Gate: want.Gate, Planned: t.rules.Planned, Needs: t.rules.Needs,
	}, &checked)
	if problem, refused := Refusal(err); refused {
		checked, err = itsm.Checked{Problems: []string{problem.Message}}, nil
	}
	if err == nil {
		t.rules.Checked(checked, workflow.Now(ctx))
	}
	return err
}

// planStep looks up whatever a step needs whose turn it is.
func (t *transition) planStep(ctx workflow.Context, want itsm.Want) error {
	plan := itsm.StepPlan{Step: want.Step}
	if !want.Plain {
		err := soon(ctx, ActivityPlanStep, PlanStepRequest{
			TransitionFacts: t.facts(ctx), Step: want.Step, Attempt: want.Attempt, Steps: t.rules.Steps.Outputs(),
		}, &plan)
		if err = asProblem(err, &plan); err != nil {
			return err
		}
	}
	if flow := t.flowOf(want.Step); flow != "" && plan.Problem == "" && !plan.Skip {
		input, err := t.openApproval(ctx, t.facts(ctx), flow, want.Key)
		if err = asProblem(err, &plan); err != nil {
			return err
		}
		plan.Approval = input.ID
	}
	plan.Step = want.Step
	t.rules.Begin(plan, workflow.Now(ctx))
	return nil
}

// asProblem makes a refusal the problem of a plan. Other errors stay.
func asProblem(err error, plan *itsm.StepPlan) error {
	if problem, refused := Refusal(err); refused {
		plan.Problem = problem.Message
		return nil
	}
	return err
}

// judge has the incidents of early life looked at.
func (t *transition) judge(ctx workflow.Context) error {
	var answer RollBack
	err := soon(ctx, ActivityRollBackWhen, RollBackWhenRequest{TransitionFacts: t.facts(ctx), Incidents: t.rules.EarlyLife.Incidents}, &answer)
	if problem, refused := Refusal(err); refused {
		answer, err = RollBack{Problem: problem.Message}, nil
	}
	if err == nil {
		t.rules.Judged(answer.Holds, answer.Problem, workflow.Now(ctx))
	}
	return err
}

// openApproval gets all with which an approval starts. The same key gets the
// same approval, however often it is asked.
func (t *transition) openApproval(ctx workflow.Context, facts TransitionFacts, flow, key string) (ApprovalInput, error) {
	var input ApprovalInput
	err := soon(ctx, ActivityOpenApproval, OpenApprovalRequest{TransitionFacts: facts, Flow: flow, Key: key}, &input)
	if err == nil {
		input.Authors = t.rules.Authors
		t.planned[input.ID] = input
	}
	return input, err
}

// facts is what activities must know of the transition as it is now.
func (t *transition) facts(ctx workflow.Context) TransitionFacts {
	return TransitionFacts{
		Model: t.in.Model, Service: t.in.Service, Also: t.in.Also, Requester: t.rules.Requester,
		Subject: t.rules.Subject(), Process: t.in.ID, At: workflow.Now(ctx),
	}
}

// hearApprovals takes how approvals ended that the transition asked for.
func (t *transition) hearApprovals(ctx workflow.Context) {
	closed := workflow.GetSignalChannel(ctx, SignalApprovalClosed)
	for {
		var end ApprovalClosed
		closed.Receive(ctx, &end)
		t.errands++
		err := t.bySystem(ctx, "approval/"+end.Approval, func(at time.Time) {
			t.rules.ApprovalClosed(itsm.ApprovalEnd(end), at)
		})
		t.errands--
		if err != nil {
			workflow.GetLogger(ctx).Error("taking the end of an approval", "process", t.in.ID, "approval", end.Approval, "error", err)
		}
	}
}

// hearIncidents attaches incidents of the service that come in early life, and
// what has become of them.
func (t *transition) hearIncidents(ctx workflow.Context) {
	incidents := workflow.GetSignalChannel(ctx, SignalIncident)
	for {
		var args IncidentArgs
		incidents.Receive(ctx, &args)
		t.errands++
		_, err := t.command(ctx, args.Command, func(at time.Time) (int, error) {
			return t.rules.Incident(args.Command, args.Incident, at)
		})
		t.errands--
		if err != nil { // early life is over
			workflow.GetLogger(ctx).Info("an incident came too late", "process", t.in.ID, "error", err)
		}
	}
}

// bySystem does in its turn, once under its key, what nobody commands.
func (t *transition) bySystem(ctx workflow.Context, key string, do func(at time.Time)) error {
	_, err := t.command(ctx, itsm.Command{Actor: itsm.System(), Key: key}, func(at time.Time) (int, error) {
		do(at)
		return t.rules.Newest(), nil
	})
	return err
}

// continueAsNew begins a new history with the state of this one.
func (t *transition) continueAsNew(ctx workflow.Context) error {
	next := t.in
	next.Opened = t.base.Opened
	next.Continues = &ContinuedTransition{Transition: *t.rules, Answers: t.answers}
	return workflow.NewContinueAsNewError(ctx, TransitionWorkflow, next)
}

// snapshotOf gives a state as it is recorded.
func snapshotOf(rules state) json.RawMessage {
	raw, err := json.Marshal(rules)
	if err != nil { // a state of texts, times and valid JSON; this can't happen
		return json.RawMessage(`{}`)
	}
	return raw
}
