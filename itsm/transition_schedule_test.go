package itsm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

var frozen = itsm.Checked{Problems: []string{"there is a freeze"}}

func TestScheduleHoldsTheTransitionAtEachOfItsGatesUntilItIsResumed(t *testing.T) {
	t.Parallel()
	for gate, phase := range map[itsm.Gate]itsm.Phase{
		itsm.GatePlanned: itsm.PhaseAssess, itsm.GateAuthorized: itsm.PhaseAuthorize, itsm.GateStart: itsm.PhaseScheduled,
	} {
		t.Run(string(gate), func(t *testing.T) {
			t.Parallel()
			c := newChange(t, whole())
			freeze := func(checked itsm.Checked) { c.found.Schedule, c.checks[gate] = checked, checked }
			if freeze(frozen); gate != itsm.GatePlanned {
				c.found.Schedule = itsm.Checked{}
			}
			c.requested()
			if gate != itsm.GatePlanned {
				c.decided("APR-1", itsm.OutcomeApproved)
			}
			if gate == itsm.GateStart {
				c.does("alice", "validation.1").at(48 * time.Hour)
			}
			c.isHeld(phase, itsm.HoldSchedule, "there is a freeze")
			assert.Equal(t, []string{"maria"}, c.told(itsm.EventProcessBlocked))
			c.must(c.resuming).isHeld(phase, itsm.HoldSchedule, "there is a freeze")
			freeze(itsm.Checked{})
			c.must(c.resuming)
			assert.Equal(t, itsm.StateOpen, c.State)
			assert.NotEqual(t, phase, c.Phase, "it went on")
		})
	}
}

func TestOverrideWithAReasonLetsItGoOnAndIsRecorded(t *testing.T) {
	t.Parallel()
	c := newChange(t, whole())
	c.found.Schedule = itsm.Checked{Conflicts: []string{"CHG-2 has it"}, Blocks: true}
	c.requested().isHeld(itsm.PhaseAssess, itsm.HoldSchedule, "CHG-2 has it")
	assert.Nil(t, c.slot)
	c.refuses(itsm.CodeCommentRequired, func() (int, error) { return c.Resume(by("maria"), true, c.now) })
	c.must(c.overriding).isIn(itsm.PhaseAuthorize)
	var overridden itsm.ScheduleEvent
	event := c.event(itsm.EventScheduleOverridden, &overridden)
	assert.Equal(t, itsm.Person("maria"), event.Actor)
	assert.Equal(t, "it burns", event.Comment)
	assert.Equal(t, []string{"CHG-2 has it"}, overridden.Problems)
	assert.Equal(t, []string{"CHG-2 has it"}, c.detail().Warnings)
	require.NotNil(t, c.slot)
	assert.False(t, c.slot.Exclusive, "it takes the time beside the other")
}

func TestOverrideAtTheRequestAndWhenRescheduling(t *testing.T) {
	t.Parallel()
	c := newChange(t, whole())
	c.found.Schedule = frozen
	c.Open(because("maria", "it burns"), c.now, itsm.DefinitionRef{}, true)
	require.NoError(t, c.settle())
	c.isIn(itsm.PhaseAuthorize)
	c.refuses(itsm.CodeSchedule, c.rescheduling(3*day, false))
	c.must(c.rescheduling(3*day, true)).isIn(itsm.PhaseAuthorize)
	assert.Equal(t, "the window moved", c.detail().Override.Reason)
	assert.Equal(t, 2, c.count(itsm.EventScheduleOverridden))
	c.found.Schedule = itsm.Checked{}
	c.must(c.rescheduling(4*day, false))
	assert.Nil(t, c.detail().Override, "it is gone with the time that it was for")
	assert.True(t, c.slot.Exclusive)
}

func TestConflictThatOnlyWarnsIsTold(t *testing.T) {
	t.Parallel()
	c := newChange(t, whole())
	c.found.Schedule = itsm.Checked{Conflicts: []string{"CHG-2 has it"}}
	c.requested().isIn(itsm.PhaseAuthorize)
	assert.Equal(t, []string{"CHG-2 has it"}, c.detail().Warnings)
	assert.Equal(t, 1, c.count(itsm.EventScheduleWarned))
}

func TestPlaceInTheScheduleIsHeldFromThePlanToTheEndOfTheImplementation(t *testing.T) {
	t.Parallel()
	want := &itsm.Slot{
		Process: "CHG-1", Title: "Payments 4.2", Service: "payments", Needs: []string{"ledger"},
		Start: planned.Start, End: planned.End, Exclusive: true,
	}
	for phase, held := range map[itsm.Phase]bool{
		itsm.PhaseNew: false, itsm.PhaseAssess: false, itsm.PhaseAuthorize: true, itsm.PhaseScheduled: true, itsm.PhaseImplement: true,
		itsm.PhaseEarlyLife: false, itsm.PhaseReview: false, itsm.PhaseClosed: false, itsm.PhaseCancelled: false, itsm.PhaseFailed: false,
	} {
		c := inPhase(t, phase)
		if held {
			assert.Equal(t, want, c.slot, phase)
			continue
		}
		assert.Nil(t, c.slot, phase)
	}
}

func TestTransitionThatLostARaceForItsTimeWaitsToBeRescheduled(t *testing.T) {
	t.Parallel()
	c := newChange(t, whole())
	c.OpenUnplaced(itsm.Command{Actor: itsm.Integration("ci"), Key: "start"}, c.now, itsm.DefinitionRef{}, "CHG-2 was first")
	require.NoError(t, c.settle())
	c.isHeld(itsm.PhaseAssess, itsm.HoldSchedule, "CHG-2 was first")
	assert.Nil(t, c.slot)
	c.must(c.rescheduling(3*day, false)).isIn(itsm.PhaseAuthorize)
	assert.Equal(t, monday.Add(3*day), c.slot.Start)
}

// unprepared is a model whose steps all wait for the planned start.
func unprepared(steps ...itsm.StepRule) itsm.TransitionRules {
	rules := standard(inStage("s", steps...))
	rules.NeedsTimes = true
	return rules
}

func TestNothingBeginsBeforeThePlannedStartWhereTheModelDoesNotWaitForIt(t *testing.T) {
	t.Parallel()
	c := requested(t, unprepared(aTask())).at(48*time.Hour - time.Second).isIn(itsm.PhaseScheduled).stand("")
	assert.Equal(t, "its planned start", c.detail().WaitingFor[0].For)
	assert.Equal(t, planned.Start, c.detail().Next[0].At)
	c.at(48 * time.Hour).isIn(itsm.PhaseImplement).stand("s.1 running")
	assert.Equal(t, 1, c.count(itsm.EventScheduleChecked))
}

func TestWhatPreparesAChangeRunsBeforeItsPlannedStart(t *testing.T) {
	t.Parallel()
	c := inPhase(t, itsm.PhaseScheduled).stand("validation.1 running").does("bob", "validation.1")
	c.at(48*time.Hour - time.Second).isIn(itsm.PhaseScheduled).stand("validation.1 done, migration.1 running")
	c.at(48 * time.Hour).isIn(itsm.PhaseImplement).stand("validation.1 done, migration.1 done, migration.2 running")
}

func TestPreparationThatIsLateStartsWhenItIsDone(t *testing.T) {
	t.Parallel()
	c := inPhase(t, itsm.PhaseScheduled).at(50 * time.Hour).isIn(itsm.PhaseScheduled)
	c.does("bob", "validation.1").isIn(itsm.PhaseImplement).stand("validation.1 done, migration.1 done, migration.2 running")
	assert.Equal(t, 1, c.count(itsm.EventScheduleChecked))
}

func TestRescheduledWhileItWaitsForItsStart(t *testing.T) {
	t.Parallel()
	c := inPhase(t, itsm.PhaseScheduled).does("bob", "validation.1")
	c.must(c.rescheduling(3*day, false)).stand("validation.1 done, migration.1 running")
	c.at(3*day - time.Second).isIn(itsm.PhaseScheduled).at(3 * day).isIn(itsm.PhaseImplement)
	c = requested(t, unprepared(aTask()))
	c.must(c.rescheduling(3*day, false)).at(3*day - time.Second).isIn(itsm.PhaseScheduled).at(3 * day).isIn(itsm.PhaseImplement)
}

func TestHeldAtItsStartItCanBeRescheduled(t *testing.T) {
	t.Parallel()
	for name, rules := range map[string]itsm.TransitionRules{"prepared": whole(), "not prepared": unprepared(aTask())} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newChange(t, rules)
			c.checks[itsm.GateStart] = frozen
			if c.requested(); c.Phase == itsm.PhaseAuthorize {
				c.decided("APR-1", itsm.OutcomeApproved).does("bob", "validation.1")
			}
			c.at(48*time.Hour).isHeld(itsm.PhaseScheduled, itsm.HoldSchedule, "there is a freeze")
			c.checks[itsm.GateStart] = itsm.Checked{}
			c.must(c.rescheduling(3*day, false)).isIn(itsm.PhaseScheduled).at(3 * day).isIn(itsm.PhaseImplement)
		})
	}
}

func TestWaitForTheStartThatIsJumpedDoesNotJumpTheSchedule(t *testing.T) {
	t.Parallel()
	trouble := "its time can't be evaluated"
	for name, pass := range map[string]func(*change){
		"skipped by its condition": func(c *change) { c.plan("migration.1", skipped) },
		"skipped with its stage":   func(c *change) { c.plan("migration", skipped) },
		"skipped by hand":          func(c *change) { c.plan("migration.1", troubled(&trouble)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := inPhase(t, itsm.PhaseScheduled)
			pass(c)
			c.does("bob", "validation.1")
			if c.State == itsm.StateBlocked {
				c.must(c.byHand("migration.1", itsm.HandSkip))
			}
			c.at(48*time.Hour - time.Second).isIn(itsm.PhaseScheduled)
			assert.Empty(t, c.calls())
			c.at(48 * time.Hour).isIn(itsm.PhaseImplement)
			assert.Equal(t, 1, c.count(itsm.EventScheduleChecked))
		})
	}
}

func TestWaitForATimeAfterTheStartIsNotEndedByTheStart(t *testing.T) {
	t.Parallel()
	rules := unprepared(sideBySide(list(theStart(), aTask()), list(theStart(), aTask())))
	rules.Prepares = true
	c := newChange(t, rules).plan("s.1.2.1", func(plan *itsm.StepPlan) {
		later := planned.Start.Add(2 * time.Hour)
		plan.Until = &later
	})
	c.requested().at(48 * time.Hour).isIn(itsm.PhaseImplement).stand("s.1.1.1 done, s.1.2.1 running, s.1.1.2 running")
	c.at(50 * time.Hour).stand("s.1.1.1 done, s.1.2.1 done, s.1.1.2 running, s.1.2.2 running")
}
