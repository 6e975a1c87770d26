package itsm_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

// The steps that models in tests are made of. Each gets its ID by its place.

func aTask() itsm.StepRule      { return itsm.StepRule{Kind: itsm.StepTask} }
func aCall() itsm.StepRule      { return itsm.StepRule{Kind: itsm.StepCall} }
func aWait() itsm.StepRule      { return itsm.StepRule{Kind: itsm.StepWait} }
func aNotice() itsm.StepRule    { return itsm.StepRule{Kind: itsm.StepNotify} }
func anApproval() itsm.StepRule { return itsm.StepRule{Kind: itsm.StepApprove} }
func theStart() itsm.StepRule   { return itsm.StepRule{Kind: itsm.StepWait, ForStart: true} }

// aCallBack is a call that is done when the called system says so, within an
// hour.
func aCallBack() itsm.StepRule {
	return itsm.StepRule{Kind: itsm.StepCall, Callback: itsm.Duration{Clock: 3600}}
}

func list(steps ...itsm.StepRule) []itsm.StepRule { return steps }

func sideBySide(branches ...[]itsm.StepRule) itsm.StepRule {
	return itsm.StepRule{Kind: itsm.StepParallel, Plain: true, Branches: branches}
}

func named(name string, step itsm.StepRule) itsm.StepRule {
	step.Name = name
	return step
}

// undone is a step with one that takes it back.
func undone(step, undo itsm.StepRule) itsm.StepRule {
	step.Undo = &undo
	return step
}

func inStage(name string, steps ...itsm.StepRule) itsm.StepRule {
	return itsm.StepRule{ID: name, Kind: itsm.StepStage, Title: name, Plain: true, Branches: [][]itsm.StepRule{placed(name, steps)}}
}

func placed(prefix string, steps []itsm.StepRule) []itsm.StepRule {
	all := slices.Clone(steps)
	for i := range all {
		all[i] = placedAt(fmt.Sprintf("%s.%d", prefix, i+1), all[i])
	}
	return all
}

func placedAt(id string, rule itsm.StepRule) itsm.StepRule {
	rule.ID, rule.Title, rule.Branches = id, "Do "+id, slices.Clone(rule.Branches)
	for i, branch := range rule.Branches {
		rule.Branches[i] = placed(fmt.Sprintf("%s.%d", id, i+1), branch)
	}
	if rule.Undo != nil {
		undo := placedAt(id+".undo", *rule.Undo)
		rule.Undo = &undo
	}
	return rule
}

// standard is a model that begins at once and does nothing but its steps.
func standard(stages ...itsm.StepRule) itsm.TransitionRules {
	return itsm.TransitionRules{Type: itsm.TypeStandard, Model: "model", Stages: stages}
}

// doing is a standard transition with one stage.
func doing(t require.TestingT, steps ...itsm.StepRule) *change {
	return requested(t, standard(inStage("s", steps...)))
}

// usualPlan is how a step is planned that a test says nothing of.
func (c *change) usualPlan(id string) itsm.StepPlan {
	plan := itsm.StepPlan{Owner: []string{"maria"}}
	switch rule, _ := c.Steps.Rule(id); {
	case rule.ForStart:
		plan.Until = &c.Planned.Start
	case rule.Kind == itsm.StepWait:
		until := c.now.Add(time.Hour)
		plan.Until = &until
	case rule.Kind == itsm.StepTask:
		plan.People = []string{"alice", "bob"}
	case rule.Kind == itsm.StepNotify:
		plan.People = []string{"ines"}
	}
	return plan
}

// plan says how a step is planned, whenever it is.
func (c *change) plan(step string, adapt func(*itsm.StepPlan)) *change {
	before := c.plans
	c.plans = func(want itsm.Want) itsm.StepPlan {
		plan := before(want)
		if want.Step == step {
			adapt(&plan)
		}
		return plan
	}
	return c
}

func skipped(plan *itsm.StepPlan) { plan.Skip = true }

// troubled is a plan that can't be made, until the trouble is gone.
func troubled(why *string) func(*itsm.StepPlan) {
	return func(plan *itsm.StepPlan) { plan.Problem = *why }
}

// acts plans instants, each so long after the opening.
func acts(after time.Duration, kind itsm.DueKind, to ...string) func(*itsm.StepPlan) {
	return func(plan *itsm.StepPlan) {
		plan.Timetable = append(plan.Timetable, itsm.Due{At: monday.Add(after), Kind: kind, To: to})
	}
}

// does completes tasks.
func (c *change) does(name string, steps ...string) *change {
	for _, step := range steps {
		c.must(c.doing(name, step))
	}
	return c
}

func (c *change) doing(name, step string) func() (int, error) {
	return func() (int, error) { return c.CompleteTask(by(name), step, itsm.TaskWork{}, c.now) }
}

func (c *change) failing(name, step string) func() (int, error) {
	return func() (int, error) {
		return c.CompleteTask(because(name, "it does not work"), step, itsm.TaskWork{Result: itsm.TaskFailed}, c.now)
	}
}

// answered tells how the call of a step ended.
func (c *change) answered(step string, outcome itsm.CallOutcome) *change {
	return c.answeredTo(step, c.run(step).Attempt, outcome)
}

func (c *change) answeredTo(step string, attempt int, outcome itsm.CallOutcome) *change {
	return c.must(func() (int, error) {
		c.CallEnded(step, attempt, outcome, c.now)
		return 0, nil
	})
}

var (
	wentWell  = itsm.CallOutcome{Result: itsm.CallSucceeded, Status: 200, Body: json.RawMessage(`{"ok":true}`), Reached: true}
	refused   = itsm.CallOutcome{Result: itsm.CallFailed, Status: 400, Reason: "it answered 400"}
	timedOut  = itsm.CallOutcome{Result: itsm.CallFailed, Reason: "no answer", Reached: true}
	unsending = itsm.CallOutcome{Result: itsm.CallBlocked, Reason: "the secret is missing"}
)

func (c *change) callingBack(step string, attempt int, answer itsm.CallbackAnswer) func() (int, error) {
	return func() (int, error) {
		return c.Callback(itsm.Command{Actor: itsm.Integration("callback"), Key: answer.Digest}, step, attempt, answer, c.now)
	}
}

func (c *change) byHand(step string, do itsm.ByHand) func() (int, error) {
	return func() (int, error) { return c.ByHand(because("maria", "I looked"), step, do, nil, c.now) }
}

// run gives a step that had its turn.
func (c *change) run(id string) itsm.StepRun {
	i := slices.IndexFunc(c.Steps.Runs, func(run itsm.StepRun) bool { return run.ID == id })
	require.GreaterOrEqual(c.t, i, 0, "step %s had no turn", id)
	return c.Steps.Runs[i]
}

// stand asserts where each step stands that had its turn, but for those that
// hold others, as "s.1 done, s.2 running".
func (c *change) stand(want string) *change {
	var all []string
	for _, run := range c.Steps.Runs {
		if run.Kind != itsm.StepStage && run.Kind != itsm.StepParallel {
			all = append(all, run.ID+" "+string(run.Status))
		}
	}
	assert.Equal(c.t, want, strings.Join(all, ", "))
	return c
}

// calls lists the requests that are to be sent, or are under way.
func (c *change) calls() (keys []string) {
	for _, effect := range c.Effects() {
		if effect.Kind == itsm.EffectCall {
			keys = append(keys, effect.Key)
		}
	}
	return keys
}

// inbox lists what waits for whom, as "bob: s.1".
func (c *change) inbox() (items []string) {
	for _, item := range c.Inbox(c.now) {
		items = append(items, item.Person+": "+item.Task)
	}
	return items
}

// stepEvents lists the events of one type by their steps.
func (c *change) stepEvents(typ itsm.EventType) (steps []string) {
	for _, e := range c.events {
		if e.Type == typ {
			steps = append(steps, stepOf(c.t, e).Step)
		}
	}
	return steps
}

func stepOf(t require.TestingT, e itsm.Event) (data itsm.StepEvent) {
	require.NoError(t, json.Unmarshal(e.Data, &data))
	return data
}
