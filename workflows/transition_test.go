package workflows_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

const day = 24 * time.Hour

const normalModel = `  type: normal
  authorize: f
  schedule: {conflicts: block}
  stages:
    - name: validation
      steps: [{task: Test it}]
    - name: migration
      steps:
        - wait: until(subject.plannedStart)
        - {call: "POST http://127.0.0.1:1/deploy", name: deploy, undo: {call: "POST http://127.0.0.1:1/rollback"}}
    - name: acceptance
      steps: [{approve: f}]
  earlyLife: {for: 2w, rollBackWhen: 'incidents.exists(i, i.priority == "P1")'}
  review: {by: {person: raj}, within: 5d}
`

// normal is a normal change whose wait ends at its planned start.
func normal(t *testing.T) *change {
	t.Helper()
	c := newChange(t, normalModel)
	c.step = func(request workflows.PlanStepRequest) itsm.StepPlan {
		if request.Step != "migration.1" {
			return itsm.StepPlan{}
		}
		var subject struct {
			PlannedStart time.Time `json:"plannedStart"`
		}
		require.NoError(t, json.Unmarshal(request.Subject, &subject))
		return itsm.StepPlan{Until: &subject.PlannedStart}
	}
	return c
}

// goesWell has everybody do what they are asked for, each on a day of their own.
func (c *change) goesWell() {
	c.at(day, func() { c.approve("APR-1", itsm.Approve) })
	c.at(2*day, func() { c.complete("validation.1", "") })
	c.at(22*day, func() { c.approve("APR-2", itsm.Approve) })
	c.at(40*day, func() { c.complete(itsm.ReviewStep, itsm.OutcomeSuccessful) })
}

func TestTransitionGoesFromItsRequestToItsReviewInSixWeeks(t *testing.T) {
	t.Parallel()
	c := normal(t)
	c.goesWell()

	assert.Equal(t, itsm.OutcomeSuccessful, c.start(weeksLater(3)))

	assert.Equal(t, []itsm.Phase{
		itsm.PhaseAssess, itsm.PhaseAuthorize, itsm.PhaseScheduled, itsm.PhaseImplement, itsm.PhaseEarlyLife, itsm.PhaseReview, itsm.PhaseClosed,
	}, c.phases())
	assert.Equal(t, []string{"migration.2/1"}, c.calls)
	assert.Equal(t, itsm.OutcomeApproved, c.others["APR-1"].view.Outcome, "the authorisation is a process of its own")
	assert.Equal(t, "CHG-1", c.others["APR-1"].view.Parent)
	assert.Equal(t, itsm.StateClosed, c.view.State)
	assert.Empty(t, c.inbox)
	assert.Nil(t, c.claim.Slot, "its place in the schedule is free again")
	assert.Equal(t, 40*day, c.view.Closed.Sub(monday).Truncate(day))
}

func TestTransitionWaitsWithoutEventsWhileNothingHappens(t *testing.T) {
	t.Parallel()
	c := normal(t)
	var before, after int
	c.at(3*day, func() { before = len(c.journal) })
	c.at(20*day, func() { after = len(c.journal) })
	c.goesWell()
	c.start(weeksLater(3))
	assert.Equal(t, before, after)
}

func TestRejectedTransitionIsClosedAndDoesNothing(t *testing.T) {
	t.Parallel()
	c := normal(t)
	c.at(day, func() { c.approve("APR-1", itsm.Reject) })
	assert.Equal(t, itsm.OutcomeNotApproved, c.start(weeksLater(3)))
	assert.Empty(t, c.calls)
	assert.Nil(t, c.claim.Slot)
}

func TestCancelledTransitionCallsItsApprovalOff(t *testing.T) {
	t.Parallel()
	c := normal(t)
	c.at(day, func() { c.send(workflows.UpdateCancel, "c", workflows.PlainArgs{Command: by("alice", "c")}) })
	assert.Equal(t, itsm.OutcomeCancelled, c.start(weeksLater(3)))
	assert.Equal(t, itsm.OutcomeWithdrawn, c.others["APR-1"].view.Outcome)
}

func TestParentHearsHowItsApprovalEndedBeforeEverybodyIsTold(t *testing.T) {
	t.Parallel()
	c := normal(t)
	c.reachable = true
	c.slow = 20 * time.Hour
	c.goesWell()
	c.start(weeksLater(3))
	for _, event := range c.journal {
		if event.Type == itsm.EventAuthorizationDecided {
			assert.Less(t, event.Time.Sub(monday.Add(day)), time.Hour)
			return
		}
	}
	t.Fatal("it was not decided")
}

func TestLoserOfARaceForATimeIsOpenedAndWaitsToBeRescheduled(t *testing.T) {
	t.Parallel()
	c := normal(t)
	lost := true
	c.refuse = func(r itsm.Record) error {
		if lost && r.Claim.Slot != nil {
			lost = false
			return itsm.Errorf(itsm.CodeScheduleConflict, "CHG-7 has the time")
		}
		return nil
	}
	var blocked itsm.View
	c.at(time.Hour, func() {
		blocked = c.view
		c.send(workflows.UpdateReschedule, "r", workflows.ReviseArgs{Command: by("alice", "r"), Planned: weeksLater(3)})
	})
	c.goesWell()

	assert.Equal(t, itsm.OutcomeSuccessful, c.start(weeksLater(2)))

	assert.Equal(t, itsm.StateBlocked, blocked.State)
	assert.Contains(t, blocked.Blocked, "CHG-7 has the time")
	assert.Equal(t, itsm.EventTransitionOpened, c.journal[0].Type)
	assert.Equal(t, 1, count(c.types(), itsm.EventTransitionOpened))
}

func TestRescheduleThatLosesARaceIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	c := normal(t)
	var held itsm.Claim
	var before int
	var refused, other *answer
	c.at(time.Hour, func() {
		before, held = len(c.journal), *c.claim
		c.refuse = func(itsm.Record) error { return itsm.Errorf(itsm.CodeScheduleConflict, "CHG-7 has the time") }
		refused = c.send(workflows.UpdateReschedule, "r", workflows.ReviseArgs{Command: by("alice", "r"), Planned: weeksLater(2)})
	})
	c.at(2*time.Hour, func() {
		assert.Len(t, c.journal, before, "nothing of it is recorded")
		assert.Equal(t, held, *c.claim)
		c.refuse = nil
		other = c.send(workflows.UpdateReschedule, "s", workflows.ReviseArgs{Command: by("alice", "s"), Planned: weeksLater(4)})
	})
	c.at(30*day, func() { c.approve("APR-2", itsm.Approve) })
	c.at(60*day, func() { c.complete(itsm.ReviewStep, itsm.OutcomeSuccessful) })
	c.at(day, func() { c.approve("APR-1", itsm.Approve) })
	c.at(2*day, func() { c.complete("validation.1", "") })

	assert.Equal(t, itsm.OutcomeSuccessful, c.start(weeksLater(3)))

	refusal, isRefusal := workflows.Refusal(refused.Failed)
	require.True(t, isRefusal)
	assert.Equal(t, itsm.CodeScheduleConflict, refusal.Code)
	require.NoError(t, other.Failed)
	assert.Equal(t, before+1, other.Receipt.Event)
}

func TestChangeOfABoundPartVoidsTheApprovalAndAsksAnew(t *testing.T) {
	t.Parallel()
	c := normal(t)
	c.bound = "one"
	c.at(day, func() { c.approve("APR-1", itsm.Approve) })
	c.at(2*day, func() {
		c.bound = "two"
		c.send(workflows.UpdateAmend, "a", workflows.ReviseArgs{Command: by("alice", "a"), Input: json.RawMessage(`{"plan":"all at once"}`)})
	})
	c.at(3*day, func() { c.approve("APR-2", itsm.Approve) })
	c.at(4*day, func() { c.complete("validation.1", "") })
	c.at(22*day, func() { c.approve("APR-3", itsm.Approve) })
	c.at(40*day, func() { c.complete(itsm.ReviewStep, itsm.OutcomeWithIssues) })

	assert.Equal(t, itsm.OutcomeWithIssues, c.start(weeksLater(3)))

	assert.Equal(t, []itsm.Phase{
		itsm.PhaseAssess, itsm.PhaseAuthorize, itsm.PhaseScheduled, itsm.PhaseAuthorize, itsm.PhaseScheduled,
		itsm.PhaseImplement, itsm.PhaseEarlyLife, itsm.PhaseReview, itsm.PhaseClosed,
	}, c.phases())
}

func TestChangeWhileItIsBeingApprovedReachesTheApproval(t *testing.T) {
	t.Parallel()
	c := normal(t)
	c.bound = "one"
	c.at(day, func() {
		c.bound = "two"
		c.send(workflows.UpdateAmend, "a", workflows.ReviseArgs{Command: by("alice", "a"), Input: json.RawMessage(`{"plan":"all at once"}`)})
	})
	c.at(day+time.Hour, func() {
		assert.Contains(t, string(c.others["APR-1"].view.Subject), "all at once")
		c.approve("APR-1", itsm.Approve)
	})
	c.at(2*day, func() { c.complete("validation.1", "") })
	c.at(22*day, func() { c.approve("APR-2", itsm.Approve) })
	c.at(40*day, func() { c.complete(itsm.ReviewStep, itsm.OutcomeSuccessful) })
	assert.Equal(t, itsm.OutcomeSuccessful, c.start(weeksLater(3)))
	assert.Equal(t, 0, count(c.types(), itsm.EventAuthorizationVoided), "the approval itself voids what was decided")
}

func TestCallThatIsNeverAnsweredWellFailsAndTheRestIsTakenBack(t *testing.T) {
	t.Parallel()
	c := normal(t)
	c.answer = func(request workflows.CallRequest) (itsm.CallOutcome, error) {
		if request.Step == "migration.2" {
			return itsm.CallOutcome{}, temporal.NewApplicationError("the other system answers 503", "call.retry", errAway)
		}
		return itsm.CallOutcome{Result: itsm.CallSucceeded, Status: 200}, nil
	}
	c.goesWell()
	assert.Equal(t, itsm.OutcomeRolledBack, c.start(weeksLater(3)))
	assert.Greater(t, count(c.calls, "migration.2/1"), 5, "it was tried again and again, under one key")
	assert.Equal(t, 1, count(c.calls, "migration.2.undo/1"))
	assert.Contains(t, c.told(itsm.EventStepFailed), "step.failed migration.2")
}

func TestIncidentInEarlyLifeTakesTheChangeBack(t *testing.T) {
	t.Parallel()
	c := normal(t)
	c.rollBack = func(request workflows.RollBackWhenRequest) workflows.RollBack {
		return workflows.RollBack{Holds: len(request.Incidents) == 2}
	}
	c.goesWell()
	for i, id := range []string{"INC-1", "INC-2"} {
		c.at(time.Duration(24+i)*day, func() {
			c.send(workflows.UpdateIncident, id, workflows.IncidentArgs{Command: by("alice", id), Incident: json.RawMessage(`{"id":"` + id + `"}`)})
		})
	}
	assert.Equal(t, itsm.OutcomeRolledBack, c.start(weeksLater(3)))
	assert.Equal(t, []string{"migration.2/1", "migration.2.undo/1"}, c.calls)
}

// Whatever a crash left in the journal stands: wherever it came, the transition
// goes on from there and ends the same, and no call is made under a new key.
func TestTransitionGoesOnFromWhateverACrashLeft(t *testing.T) {
	t.Parallel()
	whole := normal(t)
	whole.goesWell()
	require.Equal(t, itsm.OutcomeSuccessful, whole.start(weeksLater(3)))
	for n := range whole.ledger.steps {
		c := whole.crashed(t, n)
		c.step = normal(t).step
		c.goesWell()
		assert.Equal(t, itsm.OutcomeSuccessful, c.start(weeksLater(3)), "after step %d", n)
		for _, call := range c.calls {
			assert.Equal(t, "migration.2/1", call)
		}
	}
}

func count[T comparable](list []T, one T) (n int) {
	for _, other := range list {
		if other == one {
			n++
		}
	}
	return n
}

func TestLongHistoryOfATransitionGoesOnInANewOne(t *testing.T) {
	t.Parallel()
	c := normal(t)
	c.at(day, func() { c.approve("APR-1", itsm.Approve) })
	c.at(2*day, func() {
		c.env.SetContinueAsNewSuggested(true)
		c.complete("validation.1", "")
	})
	input := c.input(weeksLater(3))
	c.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: input.ID})
	c.env.ExecuteWorkflow(workflows.TransitionWorkflow, input)
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, c.env.GetWorkflowError(), &again)

	next := c.crashed(t, len(c.ledger.steps)-1)
	next.goesWell()
	var repeated *answer
	next.at(3*day, func() { repeated = next.complete("validation.1", "") })
	var carried workflows.TransitionInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &carried))

	assert.Equal(t, itsm.OutcomeSuccessful, next.startWith(carried))

	assert.Equal(t, 1, count(next.types(), itsm.EventTransitionOpened))
	assert.Equal(t, itsm.EventStepCompleted, next.journal[repeated.Receipt.Event-1].Type, "the retry is answered as it was before")
	assert.Equal(t, []string{"migration.2/1"}, next.calls)
}

func TestRefusedRescheduleReachesNoApproval(t *testing.T) {
	t.Parallel()
	c := normal(t)
	c.refuse = func(r itsm.Record) error {
		if r.Claim.Slot != nil && r.Claim.Slot.Start.Equal(weeksLater(2).Start) {
			return itsm.Errorf(itsm.CodeScheduleConflict, "CHG-7 has the time")
		}
		return nil
	}
	c.at(0, func() {
		c.send(workflows.UpdateReschedule, "r", workflows.ReviseArgs{Command: by("alice", "r"), Planned: weeksLater(2)})
	})
	c.at(time.Hour, func() {
		assert.NotContains(t, string(c.others["APR-1"].view.Subject), weeksLater(2).Start.Format(time.RFC3339))
	})
	c.at(day, func() { c.send(workflows.UpdateCancel, "c", workflows.PlainArgs{Command: by("alice", "c")}) })
	c.start(weeksLater(3))
}

const callModel = `  type: standard
  stages:
    - name: s
      steps: [{call: "POST http://127.0.0.1:1/do", callback: 1h, undo: {call: "POST http://127.0.0.1:1/undo"}}]
`

func TestCallIsSentNoMoreOnceItsCallbackHasComeAndIsUndoneOnlyThen(t *testing.T) {
	t.Parallel()
	c := newChange(t, callModel)
	c.answer = func(request workflows.CallRequest) (itsm.CallOutcome, error) {
		if request.Step == "s.1" {
			return itsm.CallOutcome{}, temporal.NewApplicationError("the other system answers 503", "call.retry")
		}
		return itsm.CallOutcome{Result: itsm.CallSucceeded, Status: 200}, nil
	}
	c.at(10*time.Second, func() {
		c.send(workflows.UpdateCallback, "cb", workflows.CallbackArgs{
			Command: by("x", "cb"), Step: "s.1", Attempt: 1, Answer: itsm.CallbackAnswer{Failed: true, Digest: "d"},
		})
	})
	assert.Equal(t, itsm.OutcomeRolledBack, c.start(nil))
	assert.Equal(t, "s.1.undo/1", c.calls[len(c.calls)-1], "nothing is sent after its undo: %v", c.calls)
}

// What was due when a command came is done also where the command is refused.
func TestRefusedCommandDoesNotSwallowWhatWasDue(t *testing.T) {
	t.Parallel()
	c := newChange(t, strings.Replace(callModel, "callback: 1h, ", "", 1))
	start := monday.Add(time.Hour)
	var refused *answer
	c.at(time.Hour, func() {
		refused = c.send(workflows.UpdateCancel, "c", workflows.PlainArgs{Command: by("alice", "c")})
	})
	assert.Equal(t, itsm.OutcomeSuccessful, c.start(&itsm.Period{Start: start, End: start.Add(time.Hour)}))
	assert.Equal(t, []string{"s.1/1"}, c.calls)
	assert.True(t, refused.Done)
}

func TestStateThatGrowsTooLargeRefusesTheCommandAndGoesOn(t *testing.T) {
	t.Parallel()
	c := newChange(t, "  type: standard\n  stages:\n    - name: s\n      steps: [{task: Do it}]\n")
	evidence := make([]itsm.Evidence, 50)
	for i := range evidence {
		evidence[i].Text = strings.Repeat("<", 4000)
	}
	var tooMuch *answer
	c.at(time.Hour, func() {
		tooMuch = c.send(workflows.UpdateWorkOnTask, "w", workflows.TaskArgs{Command: by("raj", "w"), Task: "s.1", Work: itsm.TaskWork{Evidence: evidence}})
	})
	c.at(2*time.Hour, func() { c.complete("s.1", "") })
	assert.Equal(t, itsm.OutcomeSuccessful, c.start(nil))
	refusal, _ := workflows.Refusal(tooMuch.Failed)
	require.NotNil(t, refusal)
	assert.Equal(t, itsm.CodeTooLarge, refusal.Code)
}

func TestWhoChangedATransitionDoesNotApproveIt(t *testing.T) {
	t.Parallel()
	c := normal(t)
	c.flow = "    - {name: manager, approvers: [{person: maria}, {person: tom}], exclude: [requester]}\n"
	c.plans = asking(1, nil, "maria", "tom")
	c.at(time.Hour, func() {
		command := by("maria", "a")
		command.Manages = true
		c.send(workflows.UpdateAmend, "a", workflows.ReviseArgs{Command: command, Input: json.RawMessage(`{"plan":"as maria wants it"}`)})
	})
	c.at(2*time.Hour, func() { c.approve("APR-1", itsm.Approve) }) // as maria
	c.at(3*time.Hour, func() {
		assert.Equal(t, itsm.PhaseAuthorize, c.view.Phase)
		c.send(workflows.UpdateCancel, "c", workflows.PlainArgs{Command: by("alice", "c")})
	})
	assert.Equal(t, itsm.OutcomeCancelled, c.start(weeksLater(3)))
}
