package itsm_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/itsm"
)

func TestLawsOfTransitionsHoldWhateverHappens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newChange(t, drawModel(t))
		seed := rapid.IntRange(0, 1000).Draw(t, "luck")
		c.plans = c.byLuck(seed)
		c.requested().checkLaws()
		for range rapid.IntRange(1, 20).Draw(t, "deeds") {
			c.obey(drawDeed(t), seed)
			c.checkLaws()
		}
		c.diligently()
		c.checkLaws()
	})
}

// obey lets something happen to the transition, and to its twin.
func (c *change) obey(do deed, seed int) {
	c.late(0)
	twin := c.twin(seed)
	c.suffer(do)
	twin.suffer(do)
	require.Equal(c.t, string(c.snapshot()), string(twin.snapshot()), "another run would have gone another way")
	require.Equal(c.t, c.events, twin.events)
	require.Equal(c.t, c.notices, twin.notices)
	require.Equal(c.t, c.slot, twin.slot)
	require.Equal(c.t, c.Effects(), twin.Effects())
	require.Equal(c.t, c.view(), twin.view())
}

func (c *change) suffer(do deed) {
	before, wasClosed := string(c.snapshot()), c.State == itsm.StateClosed
	act, check := do(c)
	err := c.try(act)
	if check != nil {
		require.Equal(c.t, check, err, "what a check refuses is not done")
	}
	if err != nil || wasClosed {
		require.Equal(c.t, before, string(c.snapshot()), "what is refused, or over, changes nothing")
	}
}

// twin is the same transition as the next run of its workflow gets it.
func (c *change) twin(seed int) *change {
	twin := *c
	twin.Transition = itsm.NewTransition(itsm.TransitionStart{ID: "CHG-1", Rules: c.Rules})
	require.NoError(c.t, twin.Restore(c.snapshot()))
	twin.plans = twin.byLuck(seed)
	twin.checks, twin.approvals, twin.bound = maps.Clone(c.checks), maps.Clone(c.approvals), maps.Clone(c.bound)
	twin.events, twin.notices, twin.orders = slices.Clone(c.events), slices.Clone(c.notices), slices.Clone(c.orders)
	return &twin
}

// diligently does whatever is waited for, in a world without trouble: every
// transition comes to an end.
func (c *change) diligently() {
	c.found.Problem, c.found.Schedule, c.checks = "", itsm.Checked{}, map[itsm.Gate]itsm.Checked{}
	c.mute, c.unjudged = "", ""
	c.plans = func(want itsm.Want) itsm.StepPlan { return c.usualPlan(want.Step) }
	for range 300 {
		if c.State == itsm.StateClosed {
			return
		}
		c.doNext()
	}
	require.FailNow(c.t, "it never ends", "%s", c.snapshot())
}

func (c *change) doNext() {
	if c.State == itsm.StateBlocked {
		c.must(c.resuming)
		return
	}
	for _, effect := range c.Effects() {
		switch effect.Kind {
		case itsm.EffectCall:
			c.answered(effect.Step, wentWell)
			return
		case itsm.EffectApproval:
			c.decided(effect.Approval, itsm.OutcomeApproved)
			return
		case itsm.EffectOrder:
		}
	}
	if items := c.Inbox(c.now); len(items) > 0 {
		work := itsm.TaskWork{}
		if items[0].Task == itsm.ReviewStep {
			work.Result = itsm.OutcomeSuccessful
		}
		c.must(c.ending(items[0].Person, items[0].Task, work))
		return
	}
	for _, run := range c.runsOf(itsm.StepCall) {
		if run.Accepted && run.Status == itsm.StepRunning {
			c.must(c.callingBack(run.ID, run.Attempt, calledBack))
			return
		}
	}
	due, ok := c.NextDue()
	require.True(c.t, ok, "it waits for nothing: %s", c.snapshot())
	c.late(due.Sub(c.now))
}

func (c *change) checkLaws() {
	c.checkEvents()
	c.checkTurns(c.Rules.Stages)
	c.checkState()
	c.checkUndo()
}

var onward = []itsm.Phase{
	itsm.PhaseNew, itsm.PhaseAssess, itsm.PhaseAuthorize, itsm.PhaseScheduled, itsm.PhaseImplement, itsm.PhaseEarlyLife, itsm.PhaseReview,
	itsm.PhaseClosed, itsm.PhaseCancelled, itsm.PhaseRolledBack, itsm.PhaseFailed,
}

// checkEvents: they are numbered without gap or double, phases go forward but
// where an authorisation is asked for anew, and no attempt of a step begins
// twice.
func (c *change) checkEvents() {
	require.Len(c.t, c.events, c.LastEvent)
	phase, opened := itsm.PhaseNew, map[string]bool{}
	for i, e := range c.events {
		require.Equal(c.t, i+1, e.Number)
		switch e.Type {
		case itsm.EventPhaseEntered:
			var entered itsm.PhaseEntered
			require.NoError(c.t, json.Unmarshal(e.Data, &entered))
			require.Equal(c.t, phase, entered.From)
			back := phase == itsm.PhaseScheduled && entered.Phase == itsm.PhaseAuthorize && !c.Rules.Afterwards
			require.True(c.t, back || slices.Index(onward, entered.Phase) > slices.Index(onward, phase), "from %s to %s", phase, entered.Phase)
			phase = entered.Phase
		case itsm.EventStepOpened:
			step := stepOf(c.t, e)
			attempt := fmt.Sprint(step.Step, " ", step.Attempt)
			require.False(c.t, opened[attempt], "%s began twice", attempt)
			opened[attempt] = true
		}
	}
	require.Equal(c.t, phase, c.Phase)
}

// checkTurns: no step has its turn before those are through that come before it.
func (c *change) checkTurns(steps []itsm.StepRule) {
	through := true
	for _, rule := range steps {
		i := slices.IndexFunc(c.Steps.Runs, func(run itsm.StepRun) bool { return run.ID == rule.ID })
		require.True(c.t, i < 0 || through, "%s had its turn too early", rule.ID)
		through = i >= 0 && (c.Steps.Runs[i].Status == itsm.StepDone || c.Steps.Runs[i].Status == itsm.StepSkipped)
		for _, branch := range rule.Branches {
			require.True(c.t, i >= 0 || !c.anyRun(branch), "%s had no turn, and what it holds had", rule.ID)
			c.checkTurns(branch)
		}
	}
}

func (c *change) anyRun(steps []itsm.StepRule) bool {
	return slices.ContainsFunc(c.Steps.Runs, func(run itsm.StepRun) bool {
		return slices.ContainsFunc(steps, func(rule itsm.StepRule) bool { return rule.ID == run.ID })
	})
}

// checkState: what is over is over, what is open waits for somebody or for a
// time, and what is blocked says why.
func (c *change) checkState() {
	_, due := c.NextDue()
	effects, blocked := c.Effects(), c.Held.By != ""
	for _, run := range c.Steps.Runs {
		blocked = blocked || run.Status == itsm.StepBlocked
		require.True(c.t, run.Status.IsOver() || c.State != itsm.StateClosed, "%s is %s, and all is over", run.ID, run.Status)
	}
	switch c.State {
	case itsm.StateClosed:
		require.False(c.t, due)
		require.Empty(c.t, effects)
		require.Empty(c.t, c.Inbox(c.now))
		require.Empty(c.t, c.detail().WaitingFor)
		require.Nil(c.t, c.slot)
		require.NotEmpty(c.t, c.Outcome)
	case itsm.StateBlocked:
		require.True(c.t, blocked)
		require.NotEmpty(c.t, c.view().Blocked)
	case itsm.StateOpen:
		require.False(c.t, blocked)
		require.True(c.t, due || len(effects) > 0 || len(c.Inbox(c.now)) > 0, "it waits for nothing: %s", c.snapshot())
		require.NotEmpty(c.t, c.detail().WaitingFor)
	}
}

// partly reports whether something inside a step happened.
func (c *change) partly(rule itsm.StepRule) bool {
	for _, branch := range rule.Branches {
		for _, inside := range branch {
			i := slices.IndexFunc(c.Steps.Runs, func(run itsm.StepRun) bool { return run.ID == inside.ID })
			if i >= 0 && (c.Steps.Runs[i].Status == itsm.StepDone || c.Steps.Runs[i].Reached) || c.partly(inside) {
				return true
			}
		}
	}
	return false
}

// checkUndo: nothing is taken back but in a rollback, one thing at a time, in
// reverse order of the ends; and in the end all of it.
func (c *change) checkUndo() {
	ends := map[string]int{}
	for _, e := range c.events {
		switch e.Type {
		case itsm.EventStepCompleted, itsm.EventStepNotified, itsm.EventStepFailed, itsm.EventStepCancelled:
			ends[stepOf(c.t, e).Step] = e.Number
		}
	}
	var undone, undoable []string
	for _, run := range c.Steps.Runs {
		if original, isUndo := strings.CutSuffix(run.ID, ".undo"); isUndo {
			require.NotNil(c.t, c.Rollback)
			undone = append(undone, original)
			continue
		}
		rule, _ := c.Steps.Rule(run.ID)
		cutShort := run.Status == itsm.StepFailed || run.Status == itsm.StepCancelled
		happened := run.Status == itsm.StepDone || cutShort && (run.Reached || c.partly(rule))
		if rule.Undo != nil && happened && !strings.Contains(run.ID, ".undo") {
			undoable = append(undoable, run.ID)
		}
	}
	slices.SortFunc(undoable, func(a, b string) int { return ends[b] - ends[a] })
	if c.Rollback == nil {
		return
	}
	require.LessOrEqual(c.t, len(undone), len(undoable))
	require.True(c.t, slices.Equal(undoable[:len(undone)], undone), "%v is taken back, of %v", undone, undoable)
	for i, step := range undone {
		require.True(c.t, i == len(undone)-1 || c.run(step).Undone != "", "%s is taken back before its turn", step)
	}
	if c.State == itsm.StateClosed {
		require.Len(c.t, undone, len(undoable))
	}
}
