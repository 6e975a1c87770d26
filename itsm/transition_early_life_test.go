package itsm_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/steward-itsm/steward/itsm"
)

func TestEarlyLifeEndsByTimeInAReview(t *testing.T) {
	t.Parallel()
	c := inPhase(t, itsm.PhaseEarlyLife).isIn(itsm.PhaseEarlyLife)
	assert.Equal(t, "the end of early life", c.detail().WaitingFor[0].For)
	assert.Equal(t, []itsm.Coming{{At: planned.Start.Add(earlyLife), What: "early life ends"}}, c.detail().Next)
	c.at(48*time.Hour + earlyLife - time.Second).isIn(itsm.PhaseEarlyLife)
	assert.Empty(t, c.inbox())
	c.at(48*time.Hour + earlyLife).isIn(itsm.PhaseReview)
	assert.Equal(t, []string{"alice: review", "bob: review"}, c.inbox())
}

func TestIncidentOfEarlyLifeIsAttachedAndJudged(t *testing.T) {
	t.Parallel()
	c := inPhase(t, itsm.PhaseEarlyLife)
	c.must(c.incident("INC-1")).must(c.incident("INC-2")).isIn(itsm.PhaseEarlyLife)
	assert.Len(t, c.EarlyLife.Incidents, 2)
	c.rollBack = true
	c.must(func() (int, error) {
		return c.Incident(itsm.Command{Actor: itsm.System()}, json.RawMessage(`{"id":"INC-1","priority":"P1"}`), c.now)
	})
	assert.Len(t, c.EarlyLife.Incidents, 2, "what has become of one is no other")
	assert.JSONEq(t, `{"id":"INC-1","priority":"P1"}`, string(c.EarlyLife.Incidents[0]))
	assert.Equal(t, []string{"CHG-1/migration.2.undo/1"}, c.calls())
	assert.Equal(t, 1, c.count(itsm.EventRollbackBegun))
	c.refuses(itsm.CodePhase, c.incident("INC-3"))
	c.at(48*time.Hour+earlyLife).answered("migration.2.undo", wentWell).ended(itsm.PhaseRolledBack, itsm.OutcomeRolledBack)
	assert.Contains(t, c.Why, "rollBackWhen")
}

func TestModelWithoutARuleJudgesNoIncidents(t *testing.T) {
	t.Parallel()
	rules := standard(inStage("s", aNotice()))
	rules.EarlyLife = itsm.Duration{Days: 1}
	c := requested(t, rules)
	c.rollBack = true
	c.must(c.incident("INC-1")).isIn(itsm.PhaseEarlyLife).at(day).ended(itsm.PhaseClosed, itsm.OutcomeSuccessful)
}

func TestIncidentsThatCannotBeJudgedHoldTheEndOfEarlyLife(t *testing.T) {
	t.Parallel()
	for name, mend := range map[string]func(*change) func() (int, error){
		"resumed":          func(c *change) func() (int, error) { return c.resuming },
		"another incident": func(c *change) func() (int, error) { return c.incident("INC-1") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := inPhase(t, itsm.PhaseEarlyLife)
			c.unjudged = "the rule fails"
			c.must(c.incident("INC-1")).isHeld(itsm.PhaseEarlyLife, itsm.HoldEarlyLife, "the rule fails; resume it when that is mended")
			c.at(48*time.Hour+earlyLife+day).isHeld(itsm.PhaseEarlyLife, itsm.HoldEarlyLife, "the rule fails")
			c.must(mend(c)).isHeld(itsm.PhaseEarlyLife, itsm.HoldEarlyLife, "the rule fails")
			c.unjudged = ""
			c.must(mend(c)).late(0).isIn(itsm.PhaseReview)
		})
	}
}

func TestHeldEarlyLifeCanBeRolledBack(t *testing.T) {
	t.Parallel()
	c := inPhase(t, itsm.PhaseEarlyLife)
	c.unjudged = "the rule fails"
	c.must(c.incident("INC-1")).must(c.rollingBack).answered("migration.2.undo", wentWell).ended(itsm.PhaseRolledBack, itsm.OutcomeRolledBack)
}

func TestReviewNeedsAResultOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, result := range []string{itsm.OutcomeSuccessful, itsm.OutcomeWithIssues, itsm.OutcomeUnsuccessful} {
		c := inPhase(t, itsm.PhaseReview)
		for _, wrong := range []string{"", itsm.TaskDone, itsm.TaskFailed} {
			c.refuses(itsm.CodeTaskResult, c.reviewing(wrong), "successful, successful-with-issues, unsuccessful")
		}
		c.must(c.reviewing(result)).ended(itsm.PhaseClosed, result)
		assert.Equal(t, "reviewed by alice", c.Why)
		assert.Equal(t, "test more", c.detail().Review.Lessons)
		var completed itsm.ReviewCompleted
		c.event(itsm.EventReviewCompleted, &completed)
		assert.Equal(t, itsm.ReviewCompleted{Result: result, Lessons: "test more"}, completed)
	}
}

func TestReviewThatNobodyCanMakeIsSkippedByHandAndNotInvented(t *testing.T) {
	t.Parallel()
	trouble := "nobody may do it"
	c := inPhase(t, itsm.PhaseEarlyLife).plan(itsm.ReviewStep, troubled(&trouble)).at(48*time.Hour + earlyLife)
	c.refuses(itsm.CodeStepNotBlocked, c.byHand(itsm.ReviewStep, itsm.HandComplete), "a review ends by its result")
	c.must(c.byHand(itsm.ReviewStep, itsm.HandSkip)).ended(itsm.PhaseClosed, itsm.OutcomeSuccessful)
	assert.Nil(t, c.Result)
}

func TestChangeCanBeRolledBackWhileItIsReviewed(t *testing.T) {
	t.Parallel()
	c := inPhase(t, itsm.PhaseReview)
	c.must(c.rollingBack)
	assert.Empty(t, c.inbox())
	c.refuses(itsm.CodeTaskClosed, c.reviewing(itsm.OutcomeSuccessful))
	c.answered("migration.2.undo", wentWell).ended(itsm.PhaseRolledBack, itsm.OutcomeRolledBack)
}
