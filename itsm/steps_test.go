package itsm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/steward-itsm/steward/itsm"
)

func TestStepsFollowOneAnotherThroughTheStages(t *testing.T) {
	t.Parallel()
	c := requested(t, standard(inStage("build", aTask(), aTask()), inStage("ship", aTask()))).stand("build.1 running")
	c.does("bob", "build.1").stand("build.1 done, build.2 running").does("bob", "build.2")
	c.stand("build.1 done, build.2 done, ship.1 running").does("bob", "ship.1").ended(itsm.PhaseClosed, itsm.OutcomeSuccessful)
	assert.Equal(t, []string{"build.1", "build.2", "build", "ship.1", "ship"}, c.stepEvents(itsm.EventStepCompleted))
}

func TestBranchesGoOnAtTheSameTimeAndAreWaitedForTogether(t *testing.T) {
	t.Parallel()
	c := doing(t, sideBySide(list(aTask(), aTask()), list(aTask())), aTask())
	c.stand("s.1.1.1 running, s.1.2.1 running").does("bob", "s.1.1.1").stand("s.1.1.1 done, s.1.2.1 running, s.1.1.2 running")
	c.does("bob", "s.1.1.2").does("alice", "s.1.2.1")
	c.stand("s.1.1.1 done, s.1.2.1 done, s.1.1.2 done, s.2 running")
}

func TestBranchGoesOnWhileAnotherIsBlocked(t *testing.T) {
	t.Parallel()
	c := doing(t, sideBySide(list(aCall(), aTask()), list(aTask(), aTask())), aTask())
	c.answered("s.1.1.1", unsending).does("bob", "s.1.2.1", "s.1.2.2")
	c.stand("s.1.1.1 blocked, s.1.2.1 done, s.1.2.2 done")
	assert.Equal(t, itsm.StateBlocked, c.State)
	assert.Contains(t, c.view().Blocked, "step s.1.1.1 (Do s.1.1.1): the secret is missing")
	c.must(c.byHand("s.1.1.1", itsm.HandSkip)).isIn(itsm.PhaseImplement).does("bob", "s.1.1.2")
	c.stand("s.1.1.1 skipped, s.1.2.1 done, s.1.2.2 done, s.1.1.2 done, s.2 running")
}

func TestFailureInOneBranchEndsTheOthers(t *testing.T) {
	t.Parallel()
	c := doing(t, sideBySide(list(aTask()), list(aTask()), list(undone(aCall(), aCall()))))
	c.must(c.failing("bob", "s.1.1.1")).stand("s.1.1.1 failed, s.1.2.1 cancelled, s.1.3.1 running")
	assert.Equal(t, []string{"alice", "bob"}, c.told(itsm.EventStepCancelled))
	assert.Empty(t, c.inbox())
	c.answered("s.1.3.1", wentWell).stand("s.1.1.1 failed, s.1.2.1 cancelled, s.1.3.1 done, s.1.3.1.undo running")
	c.answered("s.1.3.1.undo", wentWell).ended(itsm.PhaseRolledBack, itsm.OutcomeRolledBack)
}

func TestWhatDoesNotApplyIsPassedOver(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"s":       "z.1 running",
		"s.1":     "s.1 skipped, s.2.1.1 running, s.2.2.1 running",
		"s.2":     "s.1 done, z.1 running",
		"s.2.1.1": "s.1 done, s.2.1.1 skipped, s.2.2.1 running",
		"z.1":     "s.1 done, s.2.1.1 running, s.2.2.1 running",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newChange(t, standard(inStage("s", aTask(), sideBySide(list(aTask()), list(aTask()))), inStage("z", aTask())))
			c.plan(name, skipped).requested()
			if len(c.Inbox(c.now)) > 0 && c.Inbox(c.now)[0].Task == "s.1" {
				c.does("bob", "s.1")
			}
			c.stand(want)
		})
	}
}

func TestBranchThatDoesNotApplyEndsWithTheOthers(t *testing.T) {
	t.Parallel()
	c := newChange(t, standard(inStage("s", sideBySide(list(aTask()), list(aTask())), aTask())))
	c.plan("s.1.1.1", skipped).requested().does("bob", "s.1.2.1").stand("s.1.1.1 skipped, s.1.2.1 done, s.2 running")
}

func TestStageWithoutStepsIsThroughAtOnce(t *testing.T) {
	t.Parallel()
	requested(t, standard(inStage("empty"), inStage("s", sideBySide(list(), list())))).ended(itsm.PhaseClosed, itsm.OutcomeSuccessful)
}

func TestWaitEndsByItself(t *testing.T) {
	t.Parallel()
	c := doing(t, aWait(), aTask()).stand("s.1 running")
	assert.Equal(t, monday.Add(time.Hour), *c.view().Due)
	c.at(time.Hour - time.Second).stand("s.1 running").at(time.Hour).stand("s.1 done, s.2 running")
}

func TestNoticeIsSentAndWaitsForNobody(t *testing.T) {
	t.Parallel()
	c := doing(t, aNotice(), aTask()).stand("s.1 done, s.2 running")
	assert.Equal(t, []string{"ines"}, c.told(itsm.EventStepNotified))
}

func TestApprovalOfAStepIsWaitedFor(t *testing.T) {
	t.Parallel()
	c := doing(t, named("board", anApproval()), aTask())
	assert.Equal(t, "the decision of APR-1", c.detail().WaitingFor[0].For)
	c.decided("APR-1", itsm.OutcomeApproved).stand("s.1 done, s.2 running")
	assert.JSONEq(t, `{"board":{"approval":"APR-1","outcome":"approved"}}`, string(c.Steps.Outputs()))
}

func TestRefusedApprovalOfAStepTakesBackWhatWasDone(t *testing.T) {
	t.Parallel()
	c := doing(t, undone(aTask(), aTask()), anApproval()).does("bob", "s.1").decided("APR-1", itsm.OutcomeRejected)
	c.stand("s.1 done, s.2 failed, s.1.undo running").does("bob", "s.1.undo").ended(itsm.PhaseRolledBack, itsm.OutcomeRolledBack)
	assert.Contains(t, c.Why, `APR-1 was rejected in stage "board" (tom: too risky)`)
}

func TestOutputsAreKnownByTheNamesOfTheirSteps(t *testing.T) {
	t.Parallel()
	c := doing(t, named("test", aTask()), aTask(), named("deploy", aCall()), aTask())
	c.does("bob", "s.1", "s.2").answered("s.3", wentWell)
	assert.JSONEq(t, `{"test":{"by":"bob","result":"done"},"deploy":{"status":200,"body":{"ok":true}}}`, string(c.Steps.Outputs()))
}

func TestStepThatCannotBePlannedWaitsForSomebody(t *testing.T) {
	t.Parallel()
	trouble := "nobody may do it"
	c := newChange(t, standard(inStage("s", aTask(), aTask()))).plan("s.1", troubled(&trouble)).requested().stand("s.1 blocked")
	assert.Equal(t, []string{"maria"}, c.told(itsm.EventStepBlocked))
	assert.Equal(t, "an operator: nobody may do it", c.detail().WaitingFor[0].For)
	c.must(c.resuming).stand("s.1 blocked")
	trouble = ""
	c.must(c.resuming).stand("s.1 running").isIn(itsm.PhaseImplement)
	assert.Equal(t, 3, c.run("s.1").Attempt)
}

func TestStepThatIsBlockedActsNoMoreByItself(t *testing.T) {
	t.Parallel()
	trouble := "nobody can be told"
	c := newChange(t, standard(inStage("s", aWait(), aTask()))).plan("s.1", troubled(&trouble)).plan("s.1", acts(time.Minute, itsm.DueEscalation, "tom"))
	c.requested().at(2 * time.Hour).stand("s.1 blocked")
	assert.Empty(t, c.told(itsm.EventStepEscalated))
}

func TestBlockedStepIsRetriedSkippedOrCompletedByHandWithAReason(t *testing.T) {
	t.Parallel()
	for do, want := range map[itsm.ByHand]string{
		itsm.HandRetry: "s.1 running", itsm.HandSkip: "s.1 skipped, s.2 running", itsm.HandComplete: "s.1 done, s.2 running",
	} {
		t.Run(string(do), func(t *testing.T) {
			t.Parallel()
			c := doing(t, aCall(), aTask()).answered("s.1", unsending).stand("s.1 blocked")
			c.refuses(itsm.CodeCommentRequired, func() (int, error) { return c.ByHand(by("maria"), "s.1", do, nil, c.now) })
			c.must(c.byHand("s.1", do)).stand(want).isIn(itsm.PhaseImplement)
			typ := map[itsm.ByHand]itsm.EventType{
				itsm.HandRetry: itsm.EventStepRetried, itsm.HandSkip: itsm.EventStepSkipped, itsm.HandComplete: itsm.EventStepCompleted,
			}[do]
			event := c.event(typ, &itsm.StepEvent{})
			assert.Equal(t, itsm.Person("maria"), event.Actor)
			assert.Equal(t, "I looked", event.Comment)
		})
	}
}

func TestOutputOfAStepCanBeGivenByHand(t *testing.T) {
	t.Parallel()
	c := doing(t, named("deploy", aCall())).answered("s.1", unsending)
	c.must(func() (int, error) {
		return c.ByHand(because("maria", "done by phone"), "s.1", itsm.HandComplete, []byte(`{"status":200}`), c.now)
	})
	assert.JSONEq(t, `{"deploy":{"status":200}}`, string(c.Steps.Outputs()))
}

func TestNothingButABlockedStepIsJumped(t *testing.T) {
	t.Parallel()
	c := doing(t, aTask(), aCall(), aTask()).does("bob", "s.1")
	for _, do := range []itsm.ByHand{itsm.HandRetry, itsm.HandSkip, itsm.HandComplete} {
		for step, code := range map[string]itsm.Code{
			"s.1": itsm.CodeStepNotBlocked, "s.2": itsm.CodeStepNotBlocked, "s.3": itsm.CodeStepUnknown, "no": itsm.CodeStepUnknown,
		} {
			c.refuses(code, c.byHand(step, do))
		}
	}
	c.answered("s.2", unsending).refuses(itsm.CodeInvalid, c.byHand("s.2", "forget"))
}
