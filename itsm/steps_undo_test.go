package itsm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/steward-itsm/steward/itsm"
)

// undoable is a task with a task that takes it back.
func undoable() itsm.StepRule { return undone(aTask(), aTask()) }

// undoes completes the undo of steps in the order given, and asserts that each
// is the only one whose turn it is.
func (c *change) undoes(steps ...string) *change {
	for _, step := range steps {
		assert.Equal(c.t, []string{"alice: " + step + ".undo", "bob: " + step + ".undo"}, c.inbox())
		c.does("alice", step+".undo")
	}
	return c
}

func TestStepsAreTakenBackInReverseOrder(t *testing.T) {
	t.Parallel()
	c := requested(t, standard(inStage("a", undoable(), undoable()), inStage("b", aTask(), undoable(), aTask())))
	c.does("bob", "a.1", "a.2", "b.1", "b.2").must(c.rollingBack)
	var begun itsm.RollbackEvent
	event := c.event(itsm.EventRollbackOrdered, &begun)
	assert.Equal(t, itsm.RollbackEvent{Why: "bob ordered it: it is slow", Undo: []string{"b.2", "a.2", "a.1"}}, begun)
	assert.Equal(t, itsm.Person("bob"), event.Actor)
	assert.Equal(t, []string{"maria", "raj"}, c.told(itsm.EventRollbackBegun))
	c.undoes("b.2", "a.2", "a.1").ended(itsm.PhaseRolledBack, itsm.OutcomeRolledBack)
}

func TestBranchesAreTakenBackInReverseOrderOfTheirEndsAlsoAtTheSameInstant(t *testing.T) {
	t.Parallel()
	c := doing(t, sideBySide(list(undoable(), undoable()), list(undoable())), aTask())
	c.does("bob", "s.1.2.1", "s.1.1.1", "s.1.1.2").must(c.rollingBack).undoes("s.1.1.2", "s.1.1.1", "s.1.2.1")
	c.ended(itsm.PhaseRolledBack, itsm.OutcomeRolledBack)
}

func TestParallelThatHasAnUndoIsTakenBackBeforeWhatItHolds(t *testing.T) {
	t.Parallel()
	c := doing(t, undone(sideBySide(list(undoable()), list(undoable())), aTask()), aTask())
	c.does("bob", "s.1.1.1", "s.1.2.1").must(c.rollingBack).undoes("s.1", "s.1.2.1", "s.1.1.1")
	c.ended(itsm.PhaseRolledBack, itsm.OutcomeRolledBack)
}

func TestUndoMayBeMoreThanOneStep(t *testing.T) {
	t.Parallel()
	c := doing(t, undone(aTask(), sideBySide(list(aTask(), aTask()), list(aCall()))), aTask()).does("bob", "s.1")
	c.must(c.rollingBack)
	c.stand("s.1 done, s.2 cancelled, s.1.undo.1.1 running, s.1.undo.2.1 running")
	c.answered("s.1.undo.2.1", wentWell).does("bob", "s.1.undo.1.1", "s.1.undo.1.2").ended(itsm.PhaseRolledBack, itsm.OutcomeRolledBack)
}

func TestOnlyWhatMayHaveHappenedIsTakenBack(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lead func(*change)
		want string
	}{
		"answered well":  {func(c *change) { c.answered("s.1", wentWell).must(c.rollingBack) }, "s.1 done, s.2 cancelled, s.1.undo running"},
		"no answer":      {func(c *change) { c.answered("s.1", timedOut) }, "s.1 failed, s.1.undo running"},
		"refused":        {func(c *change) { c.answered("s.1", refused) }, "s.1 failed"},
		"never sent":     {func(c *change) { c.answered("s.1", unsending).must(c.rollingBack) }, "s.1 cancelled"},
		"sent, then not": {func(c *change) { c.answered("s.1", sentBefore).must(c.rollingBack) }, "s.1 cancelled, s.1.undo running"},
		"skipped": {func(c *change) {
			c.answered("s.1", sentBefore).must(c.byHand("s.1", itsm.HandSkip)).must(c.rollingBack)
		}, "s.1 skipped, s.2 cancelled"},
		"completed by hand": {func(c *change) {
			c.answered("s.1", unsending).must(c.byHand("s.1", itsm.HandComplete)).must(c.rollingBack)
		}, "s.1 done, s.2 cancelled, s.1.undo running"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := doing(t, undone(aCall(), aCall()), aTask())
			test.lead(c)
			c.stand(test.want)
			assert.Equal(t, len(c.calls()) == 0, c.State == itsm.StateClosed)
		})
	}
}

var sentBefore = itsm.CallOutcome{Result: itsm.CallBlocked, Reason: "the secret went missing", Reached: true}

func TestRollbackWaitsForARequestThatIsUnderWay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rule    itsm.StepRule
		outcome itsm.CallOutcome
		want    string
	}{
		"answered well":           {aCall(), wentWell, "s.1 done, s.2 done, s.2.undo running"},
		"accepted":                {aCallBack(), wentWell, "s.1 done, s.2 cancelled, s.2.undo running"},
		"no answer":               {aCall(), timedOut, "s.1 done, s.2 failed, s.2.undo running"},
		"refused":                 {aCall(), refused, "s.1 done, s.2 failed, s.1.undo running"},
		"could not be sent":       {aCall(), unsending, "s.1 done, s.2 cancelled, s.1.undo running"},
		"could not be sent again": {aCall(), sentBefore, "s.1 done, s.2 cancelled, s.2.undo running"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := doing(t, undone(aTask(), aTask()), undone(test.rule, aCall())).does("bob", "s.1")
			c.must(c.rollingBack).stand("s.1 done, s.2 running").isIn(itsm.PhaseImplement)
			assert.Equal(t, []string{"CHG-1/s.2/1"}, c.calls(), "it is still listened to")
			c.answered("s.2", test.outcome).stand(test.want).isIn(itsm.PhaseImplement)
		})
	}
}

func TestRollbackDoesNotWaitForACallback(t *testing.T) {
	t.Parallel()
	c := doing(t, undone(aCallBack(), aCall())).answered("s.1", wentWell)
	c.must(c.rollingBack).stand("s.1 cancelled, s.1.undo running")
	c.refuses(itsm.CodeCallbackUsed, c.callingBack("s.1", 1, calledBack), "it is cancelled")
	c.answered("s.1.undo", wentWell).ended(itsm.PhaseRolledBack, itsm.OutcomeRolledBack)
}

func TestUndoThatFailsWaitsForAPersonAndIsRecordedAsTheirs(t *testing.T) {
	t.Parallel()
	c := doing(t, undoable(), aTask()).does("bob", "s.1")
	c.must(c.rollingBack)
	number := 0
	c.must(func() (n int, err error) { number, err = c.failing("alice", "s.1.undo")(); return number, err })
	c.stand("s.1 done, s.2 cancelled, s.1.undo blocked")
	assert.Equal(t, itsm.StateBlocked, c.State)
	assert.Equal(t, []string{"maria"}, c.told(itsm.EventStepBlocked))
	event := c.events[number-1]
	assert.Equal(t, itsm.EventStepBlocked, event.Type)
	assert.Equal(t, itsm.Person("alice"), event.Actor)
	assert.Equal(t, "alice", event.Key, "so that a retry finds its answer")
	c.must(c.byHand("s.1.undo", itsm.HandRetry)).undoes("s.1").ended(itsm.PhaseRolledBack, itsm.OutcomeRolledBack)
}

func TestUndoOfACallThatFailsIsRetriedSkippedOrCompletedByHand(t *testing.T) {
	t.Parallel()
	for do, want := range map[itsm.ByHand]string{itsm.HandRetry: "running", itsm.HandSkip: "skipped", itsm.HandComplete: "done"} {
		for name, outcome := range map[string]itsm.CallOutcome{"failed": refused, "blocked": unsending} {
			t.Run(string(do)+" "+name, func(t *testing.T) {
				t.Parallel()
				c := doing(t, undoable(), undone(aCall(), aCall()), aTask()).does("bob", "s.1").answered("s.2", wentWell)
				c.must(c.rollingBack).answered("s.2.undo", outcome).stand("s.1 done, s.2 done, s.3 cancelled, s.2.undo blocked")
				c.must(c.byHand("s.2.undo", do))
				assert.Equal(t, want, string(c.run("s.2.undo").Status))
				if do == itsm.HandRetry {
					c.answered("s.2.undo", wentWell)
				}
				c.undoes("s.1").ended(itsm.PhaseRolledBack, itsm.OutcomeRolledBack)
			})
		}
	}
}

func TestBlockedUndoIsResumedWithAllThatIsBlocked(t *testing.T) {
	t.Parallel()
	c := doing(t, undone(aCall(), aCall())).answered("s.1", timedOut).answered("s.1.undo", refused)
	c.must(c.resuming).stand("s.1 failed, s.1.undo running").answered("s.1.undo", wentWell).ended(itsm.PhaseRolledBack, itsm.OutcomeRolledBack)
}

func TestFailureWithNothingToTakeBackIsAFailure(t *testing.T) {
	t.Parallel()
	doing(t, aTask(), aCall()).does("bob", "s.1").answered("s.2", refused).ended(itsm.PhaseFailed, itsm.OutcomeFailed)
	c := doing(t, undone(aCall(), aCall())).answered("s.1", timedOut).answered("s.1.undo", refused)
	c.must(c.byHand("s.1.undo", itsm.HandSkip)).ended(itsm.PhaseFailed, itsm.OutcomeFailed)
}

func TestCancellingTakesBackWhatWasPrepared(t *testing.T) {
	t.Parallel()
	rules := whole()
	rules.Stages[0] = inStage("validation", undoable(), undone(aCall(), aCall()))
	c := requested(t, rules).decided("APR-1", itsm.OutcomeApproved).does("bob", "validation.1")
	c.must(c.cancelling).isIn(itsm.PhaseScheduled).stand("validation.1 done, validation.2 running")
	c.refuses(itsm.CodePhase, c.amending("5"), "raj cancelled it: not now")
	c.answered("validation.2", wentWell).answered("validation.2.undo", wentWell).undoes("validation.1")
	c.ended(itsm.PhaseCancelled, itsm.OutcomeCancelled)
}

func TestUndoThatWaitsForATimeDoesSoWhetherOrNotTheChangeStarted(t *testing.T) {
	t.Parallel()
	rules := whole()
	rules.Stages[0] = inStage("validation", undone(aTask(), theStart()))
	c := requested(t, rules).decided("APR-1", itsm.OutcomeApproved).does("bob", "validation.1")
	c.must(c.cancelling).at(48*time.Hour - time.Second).isIn(itsm.PhaseScheduled)
	c.at(48*time.Hour).ended(itsm.PhaseCancelled, itsm.OutcomeCancelled)
}

func TestUndoThatDoesNotApplyIsPassedOver(t *testing.T) {
	t.Parallel()
	c := doing(t, undoable(), undoable(), aTask()).plan("s.2.undo", skipped).does("bob", "s.1", "s.2")
	c.must(c.rollingBack)
	c.undoes("s.1").ended(itsm.PhaseRolledBack, itsm.OutcomeRolledBack)
}

func TestWhatRanAndWhatDidNotIsShown(t *testing.T) {
	t.Parallel()
	c := doing(t, undoable(), undone(aCall(), aCall()), aTask()).does("bob", "s.1").answered("s.2", refused).undoes("s.1")
	shown := map[string]string{}
	for _, step := range c.detail().Steps {
		shown[step.ID] = step.Status
		if step.Undo != nil {
			shown[step.Undo.ID] = step.Undo.Status
		}
	}
	assert.Equal(t, map[string]string{
		"s": "cancelled", "s.1": "done", "s.1.undo": "done", "s.2": "failed", "s.2.undo": "not-run", "s.3": "not-run",
	}, shown)
}
