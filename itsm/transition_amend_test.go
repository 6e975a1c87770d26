package itsm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/steward-itsm/steward/itsm"
)

// revisions are the two commands that have a transition assessed anew.
var revisions = map[string]func(*change) func() (int, error){
	"amended":     func(c *change) func() (int, error) { return c.amending("4.3") },
	"rescheduled": func(c *change) func() (int, error) { return c.rescheduling(3*day, false) },
}

// eachRevision runs a test for both, each on a transition of its own.
func eachRevision(t *testing.T, phase itsm.Phase, test func(c *change, revise func() (int, error))) {
	t.Helper()
	for name, revision := range revisions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := inPhase(t, phase)
			test(c, revision(c))
		})
	}
}

func TestChangeOfAnUnboundPartKeepsTheApproval(t *testing.T) {
	t.Parallel()
	eachRevision(t, itsm.PhaseScheduled, func(c *change, revise func() (int, error)) {
		c.must(revise).isIn(itsm.PhaseScheduled)
		assert.Equal(c.t, itsm.AuthorizationGiven, c.Authorization.Status)
		assert.Equal(c.t, 0, c.count(itsm.EventAuthorizationVoided))
		assert.Len(c.t, c.approvals, 1)
		assert.Equal(c.t, itsm.Period{Start: c.slot.Start, End: c.slot.End}, *c.Planned)
	})
}

func TestChangeOfABoundPartVoidsTheApproval(t *testing.T) {
	t.Parallel()
	eachRevision(t, itsm.PhaseScheduled, func(c *change, revise func() (int, error)) {
		c.found.Bound = "second"
		c.must(revise).isIn(itsm.PhaseAuthorize)
		var voided itsm.AuthorizationEvent
		c.event(itsm.EventAuthorizationVoided, &voided)
		assert.Equal(c.t, "APR-1", voided.Approval)
		assert.Equal(c.t, "APR-2", c.Authorization.Approval)
		assert.Empty(c.t, c.orders, "the one that is over is told nothing")
		c.decided("APR-2", itsm.OutcomeApproved).isIn(itsm.PhaseScheduled)
	})
}

func TestApprovalThatRunsIsToldWhatChanged(t *testing.T) {
	t.Parallel()
	eachRevision(t, itsm.PhaseAuthorize, func(c *change, revise func() (int, error)) {
		c.found.Bound = "second"
		c.must(revise).isIn(itsm.PhaseAuthorize)
		assert.Len(c.t, c.orders, 1)
		assert.False(c.t, c.orders[0].Withdraw)
		c.decided("APR-1", itsm.OutcomeApproved).isIn(itsm.PhaseScheduled)
	})
}

func TestApprovalThatEndedAsTheSubjectChangedIsAskedForAnew(t *testing.T) {
	t.Parallel()
	eachRevision(t, itsm.PhaseAuthorize, func(c *change, revise func() (int, error)) {
		c.found.Bound = "second"
		c.must(revise).decidedAbout("APR-1", itsm.OutcomeApproved, "first").isIn(itsm.PhaseAuthorize)
		assert.Equal(c.t, "APR-2", c.Authorization.Approval)
		c.decided("APR-2", itsm.OutcomeApproved).isIn(itsm.PhaseScheduled)
		assert.Equal(c.t, "assess authorize scheduled", c.phases())
	})
}

func TestRevisionThatDoesNotDoIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[itsm.Code]func(*itsm.Assessment){
		itsm.CodeSchedule:       func(a *itsm.Assessment) { a.Schedule.Problems = []string{"there is a freeze"} },
		itsm.CodeSubjectInvalid: func(a *itsm.Assessment) { a.Problem = "subject.plan is missing" },
		itsm.CodeScheduleConflict: func(a *itsm.Assessment) {
			a.Schedule = itsm.Checked{Conflicts: []string{"CHG-2 has it"}, Blocks: true}
		},
	} {
		for _, phase := range beforeTheStart {
			eachRevision(t, phase, func(c *change, revise func() (int, error)) {
				slot := c.slot
				spoil(&c.found)
				c.refuses(name, revise)
				assert.Equal(c.t, slot, c.slot)
				c.isIn(phase)
			})
		}
	}
}

var beforeTheStart = []itsm.Phase{itsm.PhaseAuthorize, itsm.PhaseScheduled}

func TestRevisionThatChangesNothingIsRefused(t *testing.T) {
	t.Parallel()
	c := inPhase(t, itsm.PhaseScheduled)
	c.refuses(itsm.CodeNothingChanged, c.amending("4.2"))
	c.refuses(itsm.CodeNothingChanged, c.rescheduling(48*time.Hour, false))
}

func TestPreparationGoesOnWhereItWasAfterTheApprovalIsGivenAnew(t *testing.T) {
	t.Parallel()
	c := inPhase(t, itsm.PhaseScheduled).does("alice", "validation.1")
	c.found.Bound = "second"
	c.must(c.amending("4.3")).stand("validation.1 done, migration.1 ")
	c.at(49 * time.Hour).isIn(itsm.PhaseAuthorize)
	c.checks[itsm.GateAuthorized] = itsm.Checked{Problems: []string{"its planned start has passed"}}
	c.decided("APR-2", itsm.OutcomeApproved).isHeld(itsm.PhaseAuthorize, itsm.HoldSchedule, "its planned start has passed")
	c.checks[itsm.GateAuthorized] = itsm.Checked{}
	c.must(c.rescheduling(3*day, false)).isIn(itsm.PhaseScheduled).stand("validation.1 done, migration.1 running")
	c.at(3 * day).isIn(itsm.PhaseImplement).stand("validation.1 done, migration.1 done, migration.2 running")
}

func TestPreparationIsTakenBackWhereTheApprovalIsRefusedAfterAChange(t *testing.T) {
	t.Parallel()
	rules := whole()
	rules.Stages[0] = inStage("validation", undone(aTask(), aTask()))
	c := requested(t, rules).decided("APR-1", itsm.OutcomeApproved).does("alice", "validation.1")
	c.found.Bound = "second"
	c.must(c.amending("4.3")).decided("APR-2", itsm.OutcomeRejected)
	c.stand("validation.1 done, migration.1 cancelled, validation.1.undo running")
	c.does("bob", "validation.1.undo").ended(itsm.PhaseClosed, itsm.OutcomeNotApproved)
}

func TestApprovalOfAStepIsAskedForAnewWhereTheSubjectChanged(t *testing.T) {
	t.Parallel()
	rules := whole()
	rules.Stages[0] = inStage("validation", anApproval())
	c := requested(t, rules).decided("APR-1", itsm.OutcomeApproved).stand("validation.1 running")
	c.must(c.amending("4.3"))
	assert.Equal(t, "APR-3", c.run("validation.1").Approval)
	assert.Equal(t, "APR-2", c.orders[0].Approval)
	assert.True(t, c.orders[0].Withdraw)
	c.decided("APR-2", itsm.OutcomeWithdrawn).isIn(itsm.PhaseScheduled)
	c.decided("APR-3", itsm.OutcomeApproved).stand("validation.1 done, migration.1 running")
}
