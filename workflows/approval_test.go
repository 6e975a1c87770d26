package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

const oneStage = "    - {name: manager, approvers: [{person: maria}]}\n"

const twoStages = oneStage + "    - {name: finance, approvers: [{person: maria}, {person: tom}, {person: ines}], need: 2}\n"

func TestApprovalIsApprovedWhenEveryStageIsWon(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plans = asking(2, nil, "maria", "tom", "ines")
	input := approvalOf(t, oneStage+"    - {name: finance, approvers: [{group: cab}], need: 2}\n")
	w.at(time.Minute, func() { w.decide("maria", itsm.Approve, "1") })
	w.at(2*time.Minute, func() { w.decide("tom", itsm.Approve, "2") })
	w.at(3*time.Minute, func() { w.decide("ines", itsm.Approve, "3") })

	result := w.run(input)

	assert.Equal(t, workflows.ApprovalResult{Outcome: itsm.OutcomeApproved, Stage: "finance"}, result)
	assert.Equal(t, []itsm.EventType{
		itsm.EventApprovalOpened, itsm.EventStageOpened,
		itsm.EventDecisionMade, itsm.EventStageClosed, itsm.EventStageOpened,
		itsm.EventDecisionMade,
		itsm.EventDecisionMade, itsm.EventStageClosed, itsm.EventApprovalClosed,
	}, w.types())
	assert.Equal(t, itsm.StateClosed, w.view.State)
	assert.Empty(t, w.inbox, "nobody is asked after it is over")
}

func TestCommandsThatComeWithTheStartComeAfterIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plans = asking(1, nil, "maria")
	var started, decided *answer
	w.at(0, func() {
		decided = w.decide("maria", itsm.Approve, "1")
		started = w.send(workflows.UpdateStart, "start", workflows.PlainArgs{Command: by("raj", "start")})
	})
	w.run(approvalOf(t, oneStage))
	assert.Equal(t, itsm.EventApprovalOpened, w.types()[0])
	assert.Equal(t, itsm.EventStageOpened, w.types()[1])
	assert.Equal(t, 1, started.Receipt.Event)
	assert.Equal(t, 3, decided.Receipt.Event)
}

func TestAnswerComesOnlyAfterTheDecisionIsInTheJournal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plans = asking(1, nil, "maria")
	var decided *answer
	w.at(time.Minute, func() {
		w.away = 2
		decided = w.decide("maria", itsm.Approve, "1")
	})
	w.run(approvalOf(t, oneStage))
	require.NoError(t, decided.Failed)
	assert.Equal(t, itsm.EventDecisionMade, w.journal[decided.Receipt.Event-1].Type)
	assert.Equal(t, "1", w.journal[decided.Receipt.Event-1].Key)
	assert.Equal(t, itsm.OutcomeApproved, decided.Receipt.Outcome)
}

func TestDatabaseThatIsAwayForLongDelaysAndLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plans = asking(1, nil, "maria")
	var decided *answer
	w.at(time.Minute, func() {
		w.stuck, w.away = true, 6
		decided = w.decide("maria", itsm.Approve, "1")
	})
	w.run(approvalOf(t, oneStage))
	require.True(t, decided.Done)
	require.NoError(t, decided.Failed)
	assert.Zero(t, w.away)
	assert.Len(t, w.journal, 5)
}

func TestRefusedCommandLeavesNoTrace(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		send func(w *world) *answer
		want itsm.Code
	}{
		{"another person's decision", func(w *world) *answer { return w.decide("bob", itsm.Approve, "x") }, itsm.CodeNotApprover},
		{"an unknown verdict", func(w *world) *answer { return w.decide("maria", "perhaps", "x") }, itsm.CodeDecisionUnknown},
		{"a stage that is not open", func(w *world) *answer {
			return w.send(workflows.UpdateDecide, "x", workflows.DecideArgs{Command: by("maria", "x"), Verdict: itsm.Approve, Stage: "finance"})
		}, itsm.CodeStageChanged},
		{"withdrawing another's request", func(w *world) *answer {
			return w.send(workflows.UpdateWithdraw, "x", workflows.PlainArgs{Command: by("maria", "x")})
		}, itsm.CodeNotRequester},
		{"resuming what is not blocked", func(w *world) *answer {
			return w.send(workflows.UpdateResume, "x", workflows.PlainArgs{Command: by("maria", "x")})
		}, itsm.CodeProcessNotBlocked},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.plans = asking(1, nil, "maria")
			var refused *answer
			w.at(time.Minute, func() { refused = test.send(w) })
			w.at(2*time.Minute, func() { w.decide("maria", itsm.Approve, "1") })
			w.run(approvalOf(t, oneStage))
			refusal, ok := workflows.Refusal(refused.Rejected)
			require.True(t, ok, "%v", refused.Rejected)
			assert.Equal(t, test.want, refusal.Code)
			assert.False(t, refused.Accepted)
			assert.Len(t, w.journal, 5)
		})
	}
}

func TestRetryWithTheSameKeyGetsTheSameAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plans = asking(2, nil, "maria", "tom", "ines")
	var first, again *answer
	w.at(time.Minute, func() { first = w.decide("maria", itsm.Approve, "1") })
	w.at(2*time.Minute, func() { again = w.decide("maria", itsm.Approve, "1") })
	w.at(3*time.Minute, func() { w.decide("tom", itsm.Reject, "2"); w.decide("ines", itsm.Reject, "3") })
	w.run(approvalOf(t, twoStages))
	assert.Equal(t, first.Receipt, again.Receipt)
	decisions := 0
	for _, event := range w.journal {
		if event.Key == "1" {
			decisions++
		}
	}
	assert.Equal(t, 1, decisions)
}

func TestStageActsOnItsOwnAtTheInstantsOfItsPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plans = asking(1, func(opened time.Time) []itsm.Due {
		return []itsm.Due{
			{At: opened.Add(2 * time.Hour), Kind: itsm.DueReminder},
			{At: opened.Add(4 * time.Hour), Kind: itsm.DueEscalation, To: []string{"tom"}},
			{At: opened.Add(8 * time.Hour), Kind: itsm.DueDeadline},
		}
	}, "maria")
	result := w.run(approvalOf(t, "    - {name: manager, approvers: [{person: maria}], within: 8h, onTimeout: reject}\n"))
	assert.Equal(t, itsm.OutcomeRejected, result.Outcome)
	for kind, want := range map[itsm.EventType]time.Duration{
		itsm.EventStageReminded: 2 * time.Hour, itsm.EventStageEscalated: 4 * time.Hour, itsm.EventStageTimedOut: 8 * time.Hour,
	} {
		at := timeOf(t, w, kind)
		assert.WithinDuration(t, monday.Add(want), at, time.Second, "%s", kind)
	}
}

func TestTimerOfAWonStageDoesNotDecideTheNext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plans = asking(2, func(opened time.Time) []itsm.Due {
		return []itsm.Due{{At: opened.Add(8 * time.Hour), Kind: itsm.DueDeadline}}
	}, "maria")
	w.at(7*time.Hour, func() { w.decide("maria", itsm.Approve, "1") })
	w.run(approvalOf(t, "    - {name: a, approvers: [{person: maria}], within: 8h, onTimeout: reject}\n    - {name: b, approvers: [{person: maria}], within: 8h, onTimeout: reject}\n"))
	assert.WithinDuration(t, monday.Add(15*time.Hour), timeOf(t, w, itsm.EventStageTimedOut), time.Second)
}

func TestSoonerDeadlineOfTheNextStageIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plans = func(request workflows.PlanRequest) (itsm.StagePlan, error) {
		within := []time.Duration{48 * time.Hour, time.Hour, 0}[request.From]
		return asking(2, func(opened time.Time) []itsm.Due {
			return []itsm.Due{{At: opened.Add(within), Kind: itsm.DueDeadline}}
		}, "maria")(request)
	}
	w.at(time.Minute, func() { w.decide("maria", itsm.Approve, "1") })
	w.run(approvalOf(t, "    - {name: a, approvers: [{person: maria}], within: 2d, onTimeout: reject}\n    - {name: b, approvers: [{person: maria}], within: 1h, onTimeout: reject}\n"))
	assert.WithinDuration(t, monday.Add(time.Minute+time.Hour), timeOf(t, w, itsm.EventStageTimedOut), time.Second)
}

func TestHeldStageWaitsForWeeksAndIsStillDecidedByPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plans = asking(1, func(opened time.Time) []itsm.Due {
		return []itsm.Due{{At: opened.Add(15 * time.Minute), Kind: itsm.DueDeadline}}
	}, "maria")
	w.at(30*24*time.Hour, func() { w.decide("maria", itsm.Approve, "1") })
	result := w.run(approvalOf(t, "    - {name: manager, approvers: [{person: maria}], within: 15m, onTimeout: hold}\n"))
	assert.Equal(t, itsm.OutcomeApproved, result.Outcome)
}

func TestStageThatNobodyMayDecideBlocksUntilResumed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	staffed := false
	w.plans = func(request workflows.PlanRequest) (itsm.StagePlan, error) {
		if staffed {
			return asking(1, nil, "maria")(request)
		}
		return asking(1, nil)(request)
	}
	var during itsm.View
	w.at(time.Hour, func() {
		during = w.view
		staffed = true
		w.send(workflows.UpdateResume, "r", workflows.PlainArgs{Command: by("tom", "r")})
	})
	w.at(2*time.Hour, func() { w.decide("maria", itsm.Approve, "1") })
	result := w.run(approvalOf(t, oneStage))
	assert.Equal(t, itsm.StateBlocked, during.State)
	assert.Contains(t, during.Blocked, "nobody who may decide")
	assert.Equal(t, itsm.OutcomeApproved, result.Outcome)
}

func TestRuleThatCannotBeEvaluatedBlocksAndDoesNotFail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plans = func(workflows.PlanRequest) (itsm.StagePlan, error) {
		return itsm.StagePlan{}, itsm.Errorf(itsm.CodeDefinitionInvalid, "no such group")
	}
	var during itsm.View
	w.at(time.Hour, func() {
		during = w.view
		w.send(workflows.UpdateWithdraw, "w", workflows.PlainArgs{Command: by("raj", "w")})
	})
	result := w.run(approvalOf(t, oneStage))
	assert.Equal(t, itsm.StateBlocked, during.State)
	assert.Equal(t, "no such group", during.Blocked)
	assert.Equal(t, itsm.OutcomeWithdrawn, result.Outcome)
}

func TestAmendedSubjectVoidsWhatWasApproved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plans = asking(2, nil, "maria", "tom", "ines")
	w.at(time.Minute, func() { w.decide("maria", itsm.Approve, "1") })
	w.at(2*time.Minute, func() {
		w.send(workflows.UpdateAmend, "a", workflows.AmendArgs{Command: by("raj", "a"), Amendment: itsm.Amendment{Subject: []byte(`{"amount":9}`), Summary: "Buy nine", Bound: "other"}})
	})
	w.at(3*time.Minute, func() { w.decide("tom", itsm.Reject, "2") })
	w.at(4*time.Minute, func() { w.decide("ines", itsm.Approve, "3") })
	w.at(5*time.Minute, func() {
		w.send(workflows.UpdateWithdraw, "w", workflows.PlainArgs{Command: by("raj", "w")})
	})
	w.run(approvalOf(t, twoStages))
	assert.Contains(t, w.types(), itsm.EventApprovalsVoided)
	assert.JSONEq(t, `{"amount":9}`, string(w.view.Subject))
	assert.Equal(t, "Buy nine", w.view.Summary)
}

func TestStepRecordedJustBeforeACrashStandsAndIsTakenUp(t *testing.T) {
	t.Parallel()
	stages := "    - {name: finance, approvers: [{group: cab}], need: 2}\n"
	before := newWorld(t)
	before.plans = asking(1, nil, "maria", "tom", "ines")
	var tom *answer
	before.at(time.Minute, func() { tom = before.decide("tom", itsm.Approve, "tom") })
	before.at(2*time.Minute, func() { before.decide("ines", itsm.Approve, "ines") })
	before.run(approvalOf(t, stages))

	// Killed after tom's vote was in the journal and before Temporal had it: the
	// second life begins anew, and ines comes first.
	after := before.crashedAfter(t, 1)
	after.reachable = true
	var ines, again *answer
	after.at(5*time.Minute, func() { ines = after.decide("ines", itsm.Reject, "ines-2") })
	after.at(6*time.Minute, func() { again = after.decide("tom", itsm.Approve, "tom") })
	after.at(7*time.Minute, func() { after.decide("maria", itsm.Approve, "maria") })
	result := after.run(approvalOf(t, stages))

	assert.Equal(t, itsm.OutcomeApproved, result.Outcome, "tom's vote counts, once")
	require.NoError(t, ines.Failed)
	assert.Equal(t, tom.Receipt, again.Receipt, "the retry is told what the first try recorded")
	assert.Equal(t, before.journal[:3], after.journal[:3], "what is recorded never changes")
	decided := 0
	for i, event := range after.journal {
		assert.Equal(t, i+1, event.Number)
		if event.Key == "tom" {
			decided++
		}
	}
	assert.Equal(t, 1, decided)
	assert.Equal(t, itsm.EventStageOpened, after.told[0].Events[0].Type, "who was to be told of it is told")
}

// cutOff gives a world in which maria's approval of the first stage is in the
// journal, and the workflow, which has started, knows nothing of it.
func cutOff(t *testing.T) (w *world, stages string) {
	t.Helper()
	stages = oneStage + "    - {name: finance, approvers: [{person: tom}], within: 1h, onTimeout: reject}\n"
	plans := func(request workflows.PlanRequest) (itsm.StagePlan, error) {
		if request.From == 0 {
			return asking(2, nil, "maria")(request)
		}
		return asking(2, func(opened time.Time) []itsm.Due {
			return []itsm.Due{{At: opened.Add(time.Hour), Kind: itsm.DueDeadline}}
		}, "tom")(request)
	}
	before := newWorld(t)
	before.plans = plans
	before.at(time.Minute, func() { before.decide("maria", itsm.Approve, "maria") })
	before.run(approvalOf(t, stages))
	w = newWorld(t)
	w.plans = plans
	w.at(time.Minute, func() { w.recordedBy(before, 1) })
	return w, stages
}

func TestRefusalSaysHowFarTheProcessKnewItsJournal(t *testing.T) {
	t.Parallel()
	w, stages := cutOff(t)
	var refused, accepted *answer
	w.at(2*time.Minute, func() { refused = w.decide("tom", itsm.Approve, "tom") })
	w.at(3*time.Minute, func() { w.send(workflows.UpdateTakeUp, "takeUp/5", nil) })
	w.at(4*time.Minute, func() { accepted = w.decide("tom", itsm.Approve, "tom-2") })
	result := w.run(approvalOf(t, stages))
	require.Error(t, refused.Rejected)
	assert.Equal(t, 2, workflows.RefusedAt(refused.Rejected), "fewer than the journal has")
	require.NoError(t, accepted.Failed)
	assert.Equal(t, itsm.OutcomeApproved, result.Outcome)
}

func TestDeadlineOfAStageThatACrashCutOffIsKept(t *testing.T) {
	t.Parallel()
	w, stages := cutOff(t)
	w.at(2*time.Minute, func() { w.send(workflows.UpdateTakeUp, "takeUp/5", nil) })
	result := w.run(approvalOf(t, stages))
	assert.Equal(t, workflows.ApprovalResult{Outcome: itsm.OutcomeRejected, Stage: "finance"}, result)
	assert.WithinDuration(t, monday.Add(time.Minute+time.Hour), timeOf(t, w, itsm.EventStageTimedOut), time.Second)
}

func TestCommandIsNotRefusedInItsTurnByTooLittleKnowledge(t *testing.T) {
	t.Parallel()
	w, stages := cutOff(t)
	var amended, decided *answer
	w.at(2*time.Minute, func() { // the first holds the turn while the second is let in
		amended = w.send(workflows.UpdateAmend, "a", workflows.AmendArgs{Command: by("raj", "a"), Amendment: itsm.Amendment{Subject: []byte(`{"n":1}`)}})
		decided = w.decide("tom", itsm.Approve, "tom")
	})
	result := w.run(approvalOf(t, stages))
	require.NoError(t, amended.Failed)
	require.NoError(t, decided.Failed)
	assert.Equal(t, itsm.OutcomeApproved, result.Outcome)
}

func TestOutcomeRecordedJustBeforeACrashNeverChanges(t *testing.T) {
	t.Parallel()
	before := newWorld(t)
	before.plans = asking(1, nil, "maria", "tom")
	before.at(time.Minute, func() { before.decide("maria", itsm.Approve, "1") })
	before.run(approvalOf(t, "    - {name: any, approvers: [{person: maria}, {person: tom}]}\n"))

	after := before.crashedAfter(t, len(before.steps)-1)
	result := after.run(approvalOf(t, "    - {name: any, approvers: [{person: maria}, {person: tom}]}\n"))
	assert.Equal(t, itsm.OutcomeApproved, result.Outcome)
	assert.Equal(t, before.journal, after.journal)
}

func TestOutcomeOfEachNotificationIsRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.reachable = true
	w.plans = asking(1, nil, "maria")
	w.at(time.Minute, func() { w.decide("maria", itsm.Approve, "1") })
	w.run(approvalOf(t, oneStage))
	require.Len(t, w.told, 2)
	assert.Equal(t, []itsm.Notice{{Event: 2, Type: itsm.EventStageOpened, To: []string{"maria"}}}, noticesOf(w.told[0].Events))
	require.Len(t, w.told[1].Events, 1)
	assert.Equal(t, []string{"raj"}, w.told[1].Events[0].Tell[0].To)
	assert.Equal(t, itsm.EventApprovalClosed, w.told[1].Events[0].Type)
	sent := 0
	for _, event := range w.journal {
		if event.Type == itsm.EventNotificationsSent {
			sent++
			assert.Contains(t, string(event.Data), `"sent"`)
		}
	}
	assert.Equal(t, 2, sent, "recorded also when the process is over by then")
}

func TestLongHistoryGoesOnInANewOneWithItsStateAndAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plans = asking(2, nil, "maria", "tom", "ines")
	w.at(time.Minute, func() {
		w.env.SetContinueAsNewSuggested(true)
		w.decide("maria", itsm.Approve, "1")
	})
	input := approvalOf(t, twoStages)
	w.env.ExecuteWorkflow(workflows.ApprovalWorkflow, input)
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, w.env.GetWorkflowError(), &again)

	next := newWorld(t)
	next.journal = w.journal
	next.plans = w.plans
	var repeated *answer
	next.at(time.Minute, func() { repeated = next.decide("maria", itsm.Approve, "1") })
	next.at(2*time.Minute, func() { next.decide("tom", itsm.Approve, "2"); next.decide("ines", itsm.Approve, "3") })
	var carried workflows.ApprovalInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &carried))
	result := next.run(carried)

	assert.Equal(t, itsm.OutcomeApproved, result.Outcome)
	assert.Equal(t, 3, repeated.Receipt.Event, "the retry is answered as it was before")
	assert.Equal(t, monday.UTC(), next.view.Opened.UTC(), "the process is as old as its first history")
}

func TestCancellingTheWorkflowFromOutsideLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plans = asking(1, nil, "maria")
	w.at(time.Minute, w.env.CancelWorkflow)
	w.at(time.Hour, func() { w.decide("maria", itsm.Approve, "1") })
	result := w.run(approvalOf(t, oneStage))
	assert.Equal(t, itsm.OutcomeApproved, result.Outcome)
}

func timeOf(t *testing.T, w *world, kind itsm.EventType) time.Time {
	t.Helper()
	for _, event := range w.journal {
		if event.Type == kind {
			return event.Time
		}
	}
	t.Fatalf("there is no %s in %v", kind, w.types())
	return time.Time{}
}
