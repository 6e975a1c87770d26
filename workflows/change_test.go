package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

// change is a world in which a transition runs: it assesses, plans and calls as
// the test says, and runs the approvals that the transition asks for.
type change struct {
	*world
	model      string // its spec, as YAML
	flow       string // the stages of every flow that it asks
	assessment itsm.Assessment
	check      func(workflows.CheckScheduleRequest) itsm.Checked
	step       func(workflows.PlanStepRequest) itsm.StepPlan
	answer     func(workflows.CallRequest) (itsm.CallOutcome, error)
	rollBack   func(workflows.RollBackWhenRequest) workflows.RollBack

	approvals map[string]string // their IDs by the keys under which they were asked for
	bound     string            // digest of the bound parts, as they are now
	behind    bool              // it begins with a journal that a crash left
	calls     []string          // step/attempt of each call that was sent
}

// newChange makes a world for a model. Every task is raj's, every approval one
// of maria's.
func newChange(t *testing.T, model string) *change {
	t.Helper()
	c := &change{world: newWorld(t), model: model, flow: oneStage, approvals: map[string]string{}}
	c.assessment = itsm.Assessment{Authorize: true, Owner: []string{"maria"}, Risk: &itsm.Risk{Score: 40, Level: "medium"}}
	c.plans = func(request workflows.PlanRequest) (itsm.StagePlan, error) {
		plan, err := asking(1, nil, "maria")(request)
		plan.Bound = c.bound
		return plan, err
	}
	for name, f := range map[string]any{
		workflows.ActivityAssess:        c.assess,
		workflows.ActivityCheckSchedule: c.checkSchedule,
		workflows.ActivityPlanStep:      c.planStep,
		workflows.ActivityOpenApproval:  c.openApproval,
		workflows.ActivityCall:          c.call,
		workflows.ActivityRollBackWhen:  c.judge,
	} {
		c.env.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
	return c
}

func (c *change) assess(context.Context, workflows.AssessRequest) (itsm.Assessment, error) {
	a := c.assessment
	a.Bound = c.bound
	return a, nil
}

func (c *change) checkSchedule(_ context.Context, request workflows.CheckScheduleRequest) (itsm.Checked, error) {
	if c.check == nil {
		return itsm.Checked{}, nil
	}
	return c.check(request), nil
}

func (c *change) planStep(_ context.Context, request workflows.PlanStepRequest) (itsm.StepPlan, error) {
	var plan itsm.StepPlan
	if c.step != nil {
		plan = c.step(request)
	}
	plan.Step = request.Step
	if plan.People == nil {
		plan.People = []string{"raj"}
	}
	return plan, nil
}

func (c *change) openApproval(_ context.Context, request workflows.OpenApprovalRequest) (workflows.ApprovalInput, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.approvals[request.Key] == "" {
		c.approvals[request.Key] = fmt.Sprintf("APR-%d", len(c.approvals)+1)
	}
	input := approvalOf(c.t, c.flow)
	input.ID, input.Parent, input.Subject = c.approvals[request.Key], request.Process, request.Subject
	input.Command = itsm.Command{Actor: itsm.System(), Key: request.Key}
	input.Requester = request.Requester
	return input, nil
}

func (c *change) call(_ context.Context, request workflows.CallRequest) (itsm.CallOutcome, error) {
	c.mutex.Lock()
	c.calls = append(c.calls, fmt.Sprintf("%s/%d", request.Step, request.Attempt))
	c.mutex.Unlock()
	if c.answer == nil {
		return itsm.CallOutcome{Result: itsm.CallSucceeded, Status: 200, Body: json.RawMessage(`{"ok":true}`), Reached: true}, nil
	}
	return c.answer(request)
}

func (c *change) judge(_ context.Context, request workflows.RollBackWhenRequest) (workflows.RollBack, error) {
	return c.rollBack(request), nil
}

// input is what the transition starts with: alice asks for it.
func (c *change) input(planned *itsm.Period) workflows.TransitionInput {
	c.t.Helper()
	return workflows.TransitionInput{
		ID: "CHG-1", Command: by("alice", "start"), Requester: itsm.Person("alice"), Title: "Roll it out",
		Model:   carried(c.t, "TransitionModel", "m", c.model),
		Service: carried(c.t, "Service", "payments", "  owner: maria\n  supportGroup: payments-team\n"),
		Input:   json.RawMessage(`{"plan":"node by node"}`), Planned: planned,
	}
}

// start carries the transition out to its end.
func (c *change) start(planned *itsm.Period) string {
	c.t.Helper()
	return c.startWith(c.input(planned))
}

func (c *change) startWith(input workflows.TransitionInput) string {
	c.t.Helper()
	c.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: input.ID})
	c.env.ExecuteWorkflow(workflows.TransitionWorkflow, input)
	require.True(c.t, c.env.IsWorkflowCompleted())
	require.NoError(c.t, c.env.GetWorkflowError())
	var result workflows.TransitionResult
	require.NoError(c.t, c.env.GetWorkflowResult(&result))
	return result.Outcome
}

// approve has maria decide an approval now.
func (c *change) approve(id string, verdict itsm.Verdict) {
	key := "decide/" + id
	err := c.env.UpdateWorkflowByID(id, workflows.UpdateDecide, key, ignore{}, workflows.DecideArgs{Command: by("maria", key), Verdict: verdict})
	if !c.behind { // an approval that was over before a crash does not run here
		require.NoError(c.t, err)
	}
}

// ignore does not look at what became of an update.
type ignore struct{}

func (ignore) Accept()             {}
func (ignore) Reject(error)        {}
func (ignore) Complete(any, error) {}

// complete has raj complete a task now.
func (c *change) complete(task, result string) *answer {
	key := "complete/" + task
	return c.send(workflows.UpdateCompleteTask, key, workflows.TaskArgs{Command: by("raj", key), Task: task, Work: itsm.TaskWork{Result: result}})
}

// phases lists the phases that the transition entered, in order.
func (c *change) phases() []itsm.Phase {
	var phases []itsm.Phase
	for _, event := range c.journal {
		var data itsm.PhaseEntered
		if event.Type == itsm.EventPhaseEntered {
			require.NoError(c.t, json.Unmarshal(event.Data, &data))
			phases = append(phases, data.Phase)
		}
	}
	return phases
}

// steps lists what became of the steps, in order: "step.completed stage.1".
func (c *change) told(types ...itsm.EventType) []string {
	var lines []string
	for _, event := range c.journal {
		var data itsm.StepEvent
		if slices.Contains(types, event.Type) {
			require.NoError(c.t, json.Unmarshal(event.Data, &data))
			lines = append(lines, string(event.Type)+" "+data.Step)
		}
	}
	return lines
}

// crashed makes a world whose database is like this one's after a step, while
// Temporal knows nothing of the process.
func (c *change) crashed(t *testing.T, n int) *change {
	t.Helper()
	next := newChange(t, c.model)
	next.assessment, next.check, next.step, next.answer, next.rollBack = c.assessment, c.check, c.step, c.answer, c.rollBack
	next.approvals, next.bound = c.approvals, c.bound
	next.main, next.behind = c.main, true
	next.journal = slices.Clone(c.journal[:c.ledger.steps[n].events])
	next.snapshot = c.ledger.steps[n].snapshot
	return next
}

func carried(t *testing.T, kind, name, spec string) workflows.Definition {
	t.Helper()
	docs, problems := definition.Parse(definition.Source{Name: "x.yaml", Text: fmt.Appendf(nil,
		"apiVersion: steward/v1\nkind: %s\nmetadata: {name: %s, owner: maria}\nspec:\n%s", kind, name, spec)})
	require.Empty(t, problems)
	return workflows.Definition{
		DefinitionRef: itsm.DefinitionRef{Kind: docs[0].Kind, Name: docs[0].Name, Digest: docs[0].Digest}, Document: docs[0].Canonical,
	}
}

// weekLater is a planned time three weeks from the start of every test.
func weeksLater(weeks int) *itsm.Period {
	start := monday.AddDate(0, 0, 7*weeks)
	return &itsm.Period{Start: start, End: start.Add(2 * time.Hour)}
}

var errAway = errors.New("the other system is away")
