package itsm_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/steward-itsm/steward/itsm"
)

const (
	day       = 24 * time.Hour
	earlyLife = 14 * day
)

// whole is a model with all that a model can have: something to prepare, an
// authorisation, the planned start, an undo, early life and a review.
func whole() itsm.TransitionRules {
	return itsm.TransitionRules{
		Type: itsm.TypeNormal, Model: "model", Authorize: "flow", NeedsTimes: true, Prepares: true,
		EarlyLife: itsm.Duration{Weeks: 2}, RollBack: true, Review: true,
		Stages: []itsm.StepRule{
			inStage("validation", aTask()),
			inStage("migration", theStart(), undone(aCallBack(), aCall())),
			inStage("acceptance", anApproval()),
		},
	}
}

func (c *change) reviewing(result string) func() (int, error) {
	return func() (int, error) {
		return c.CompleteTask(by("alice"), itsm.ReviewStep, itsm.TaskWork{Result: result, Lessons: "test more"}, c.now)
	}
}

var calledBack = itsm.CallbackAnswer{Digest: "sha256:1"}

// ways lead a transition of the whole model into each phase, by what leads it
// into an earlier one.
var ways = map[itsm.Phase]struct {
	from itsm.Phase
	lead func(*change)
}{
	itsm.PhaseNew: {"", func(c *change) {
		c.found.Problem = "the catalogue does not know it"
		c.requested()
		c.found.Problem = ""
	}},
	itsm.PhaseAssess: {"", func(c *change) {
		c.found.Schedule.Problems = []string{"there is a freeze"}
		c.requested()
		c.found.Schedule.Problems = nil
	}},
	itsm.PhaseAuthorize: {"", func(c *change) { c.requested() }},
	itsm.PhaseScheduled: {itsm.PhaseAuthorize, func(c *change) { c.decided("APR-1", itsm.OutcomeApproved) }},
	itsm.PhaseImplement: {itsm.PhaseScheduled, func(c *change) {
		c.does("alice", "validation.1").at(48*time.Hour).answered("migration.2", wentWell)
	}},
	itsm.PhaseEarlyLife: {itsm.PhaseImplement, func(c *change) {
		c.must(c.callingBack("migration.2", 1, calledBack)).decided("APR-2", itsm.OutcomeApproved)
	}},
	itsm.PhaseReview:     {itsm.PhaseEarlyLife, func(c *change) { c.at(48*time.Hour + earlyLife) }},
	itsm.PhaseClosed:     {itsm.PhaseReview, func(c *change) { c.must(c.reviewing(itsm.OutcomeWithIssues)) }},
	itsm.PhaseCancelled:  {itsm.PhaseScheduled, func(c *change) { c.must(c.cancelling) }},
	takingBack:           {itsm.PhaseEarlyLife, func(c *change) { c.must(c.rollingBack) }},
	itsm.PhaseRolledBack: {takingBack, func(c *change) { c.answered("migration.2.undo", wentWell) }},
	itsm.PhaseFailed:     {itsm.PhaseScheduled, func(c *change) { c.must(c.failing("alice", "validation.1")) }},
}

// takingBack is no phase: the undo is under way, in whichever phase.
const takingBack itsm.Phase = "taking back"

func (c *change) led(to itsm.Phase) *change {
	way := ways[to]
	if way.from != "" {
		c.led(way.from)
	}
	way.lead(c)
	return c
}

func inPhase(t *testing.T, phase itsm.Phase) *change {
	t.Helper()
	return newChange(t, whole()).led(phase)
}

func TestWholeModelGoesThroughEachPhaseInItsTurn(t *testing.T) {
	t.Parallel()
	c := inPhase(t, itsm.PhaseClosed).ended(itsm.PhaseClosed, itsm.OutcomeWithIssues)
	assert.Equal(t, "assess authorize scheduled implement early-life review closed", c.phases())
	assert.Equal(t, &itsm.ReviewCompleted{Result: itsm.OutcomeWithIssues, Lessons: "test more"}, c.Result)
	assert.Equal(t, []string{"maria", "raj"}, c.told(itsm.EventTransitionClosed))
}

func TestEachPhaseTakesItsCommandsAndRefusesTheOthers(t *testing.T) {
	t.Parallel()
	const (
		phase, closed, free     = itsm.CodePhase, itsm.CodeProcessClosed, itsm.CodeProcessNotBlocked
		noStep, noTask, over    = itsm.CodeStepUnknown, itsm.CodeTaskUnknown, itsm.CodeTaskClosed
		unblocked, nobody, used = itsm.CodeStepNotBlocked, itsm.CodeCallbackUnknown, itsm.CodeCallbackUsed
	)
	for at, want := range map[itsm.Phase][9]itsm.Code{
		//                     amend, reschedule, cancel, roll back, resume, by hand, complete, callback, incident
		itsm.PhaseNew:        {"", "", "", phase, "", noStep, noTask, nobody, phase},
		itsm.PhaseAssess:     {"", "", "", phase, "", noStep, noTask, nobody, phase},
		itsm.PhaseAuthorize:  {"", "", "", phase, free, noStep, noTask, nobody, phase},
		itsm.PhaseScheduled:  {"", "", "", phase, free, unblocked, "", nobody, phase},
		itsm.PhaseImplement:  {phase, phase, phase, "", free, unblocked, over, "", phase},
		itsm.PhaseEarlyLife:  {phase, phase, phase, "", free, unblocked, over, used, ""},
		itsm.PhaseReview:     {phase, phase, phase, "", free, unblocked, over, used, phase},
		takingBack:           {phase, phase, phase, phase, free, unblocked, over, used, phase},
		itsm.PhaseClosed:     {closed, closed, closed, closed, free, closed, over, used, phase},
		itsm.PhaseCancelled:  {closed, closed, closed, closed, free, closed, over, nobody, phase},
		itsm.PhaseRolledBack: {closed, closed, closed, closed, free, closed, over, used, phase},
		itsm.PhaseFailed:     {closed, closed, closed, closed, free, closed, over, nobody, phase},
	} {
		for i, code := range want {
			t.Run(fmt.Sprint(at, " ", i), func(t *testing.T) {
				t.Parallel()
				c := inPhase(t, at)
				do := []func() (int, error){
					c.amending("4.3"), c.rescheduling(3*day, false), c.cancelling, c.rollingBack, c.resuming,
					c.byHand("validation.1", itsm.HandSkip), c.doing("alice", "validation.1"), c.callingBack("migration.2", 1, calledBack), c.incident("INC-1"),
				}[i]
				if code == "" {
					c.must(do)
					return
				}
				c.refuses(code, do)
			})
		}
	}
}

func TestRefusalSaysAtWhichStageByWhomAndWhy(t *testing.T) {
	t.Parallel()
	for at, want := range map[itsm.Phase][]string{
		itsm.PhaseImplement: {"can't be cancelled in phase implement", "authorised by APR-1 at 2026-03-02T09:00:00Z", "roll it back instead"},
		takingBack:          {"since 2026-03-04T09:00:00Z it is being taken back", "bob ordered it: it is slow"},
		itsm.PhaseCancelled: {"CHG-1 is closed", "cancelled (raj cancelled it: not now)"},
		itsm.PhaseFailed:    {"failed (step validation.1 (Do validation.1) failed: alice says that it failed: it does not work)"},
	} {
		c := inPhase(t, at)
		assert.ErrorContains(t, c.CheckCancel(by("raj")), want[0], at)
		for _, word := range want {
			assert.ErrorContains(t, c.CheckCancel(by("raj")), word, at)
		}
	}
	c := inPhase(t, itsm.PhaseAuthorize).decided("APR-1", itsm.OutcomeRejected)
	assert.ErrorContains(t, c.CheckRollback(because("bob", "why")), `it was rejected (APR-1 was rejected in stage "board" (tom: too risky))`)
}

func TestOnlyWhoAskedForItOrManagesItChangesIt(t *testing.T) {
	t.Parallel()
	c := inPhase(t, itsm.PhaseScheduled)
	bob := by("bob")
	for _, err := range []error{c.CheckCancel(bob), c.CheckRevision(bob, nil, &itsm.Period{})} {
		assert.Equal(t, itsm.CodeForbidden, itsm.ErrorCode(err))
	}
	bob.Manages = true
	assert.NoError(t, c.CheckCancel(bob))
	assert.NoError(t, c.CheckCancel(itsm.Command{Actor: itsm.Integration("ci")}), "who sent it for them")
}

func TestRollbackNeedsAReason(t *testing.T) {
	t.Parallel()
	c := inPhase(t, itsm.PhaseImplement)
	c.refuses(itsm.CodeCommentRequired, func() (int, error) { return c.RollBack(by("bob"), c.now) })
}

func TestStandardChangeIsNeitherAssessedNorAuthorised(t *testing.T) {
	t.Parallel()
	c := doing(t, aTask()).isIn(itsm.PhaseImplement)
	c.does("alice", "s.1").ended(itsm.PhaseClosed, itsm.OutcomeSuccessful)
	assert.Equal(t, "scheduled implement closed", c.phases())
	assert.Empty(t, c.approvals)
}

func TestEmergencyIsNotAssessed(t *testing.T) {
	t.Parallel()
	rules := standard(inStage("s", aTask()))
	rules.Type, rules.Authorize = itsm.TypeEmergency, "flow"
	c := requested(t, rules).isIn(itsm.PhaseAuthorize)
	c.decided("APR-1", itsm.OutcomeApproved).isIn(itsm.PhaseImplement)
	assert.Equal(t, "authorize scheduled implement", c.phases())
}

func TestTransitionThatCannotBeAssessedWaitsForSomebodyToMendThat(t *testing.T) {
	t.Parallel()
	c := newChange(t, whole())
	c.found.Problem = "subject.version is missing"
	c.requested().isHeld(itsm.PhaseNew, itsm.HoldAssessment, "subject.version is missing")
	assert.Equal(t, []string{"maria"}, c.told(itsm.EventProcessBlocked))
	c.must(c.resuming).isHeld(itsm.PhaseNew, itsm.HoldAssessment, "subject.version is missing")
	assert.Len(t, c.told(itsm.EventProcessBlocked), 2, "told again that it did not help")
	c.found.Problem = ""
	c.must(c.resuming).isIn(itsm.PhaseAuthorize)
}

func TestRequesterIsToldWhereNobodyOwnsWhatIsStuck(t *testing.T) {
	t.Parallel()
	c := newChange(t, whole())
	c.found.Problem, c.found.Owner = "the model is broken", nil
	c.requested()
	assert.Equal(t, []string{"raj"}, c.told(itsm.EventProcessBlocked))
}
