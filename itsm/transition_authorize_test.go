package itsm_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/steward-itsm/steward/itsm"
)

// authorised is a model that asks for an approval and then begins at once.
func authorised(stages ...itsm.StepRule) itsm.TransitionRules {
	return itsm.TransitionRules{Type: itsm.TypeNormal, Model: "model", Authorize: "flow", Stages: stages}
}

// afterwards is an emergency that is authorised while it goes on.
func afterwards(stages ...itsm.StepRule) itsm.TransitionRules {
	return itsm.TransitionRules{Type: itsm.TypeEmergency, Model: "model", Authorize: "flow", Afterwards: true, Stages: stages}
}

func TestRiskIsRecordedWithWhatItWasMadeOfOnceAndWhenItChanges(t *testing.T) {
	t.Parallel()
	c := inPhase(t, itsm.PhaseAuthorize)
	assert.Equal(t, "high", c.detail().Risk.Level)
	assert.JSONEq(t, `{"score":70,"level":"high","inputs":{"tier":1}}`, string(c.event(itsm.EventRiskAssessed, &itsm.Risk{}).Data))
	c.must(c.amending("4.3"))
	assert.Equal(t, 1, c.count(itsm.EventRiskAssessed))
	c.found.Risk = &itsm.Risk{Score: 95, Level: "very-high"}
	c.must(c.amending("4.4"))
	assert.Equal(t, 2, c.count(itsm.EventRiskAssessed))
	var subject map[string]any
	assert.NoError(t, json.Unmarshal(c.Subject(), &subject))
	assert.Equal(t, "very-high", subject["risk"])
}

func TestAuthorisationThatTheModelDoesNotNeedHereIsNotAskedFor(t *testing.T) {
	t.Parallel()
	c := newChange(t, authorised(inStage("s", aTask())))
	c.found.Authorize = false
	c.requested().isIn(itsm.PhaseImplement)
	assert.Equal(t, "assess scheduled implement", c.phases())
	assert.Equal(t, 1, c.count(itsm.EventAuthorizationSkipped))
	assert.Equal(t, itsm.AuthorizationNeedless, c.detail().Authorization.Status)
}

func TestAmendmentThatMakesAnAuthorisationNeededHasItAskedFor(t *testing.T) {
	t.Parallel()
	c := newChange(t, whole())
	c.found.Authorize = false
	c.requested().isIn(itsm.PhaseScheduled)
	c.found.Authorize = true
	c.must(c.amending("5")).isIn(itsm.PhaseAuthorize)
	c.decided("APR-1", itsm.OutcomeApproved).isIn(itsm.PhaseScheduled)
}

func TestRefusedAuthorisationEndsTheTransition(t *testing.T) {
	t.Parallel()
	for _, outcome := range []string{itsm.OutcomeRejected, itsm.OutcomeWithdrawn} {
		c := inPhase(t, itsm.PhaseAuthorize).decided("APR-1", outcome).ended(itsm.PhaseClosed, itsm.OutcomeNotApproved)
		assert.Empty(t, c.orders, "an approval that is over is told nothing")
		c.decided("APR-1", itsm.OutcomeApproved).ended(itsm.PhaseClosed, itsm.OutcomeNotApproved)
	}
}

func TestApprovalThatCannotBeStartedHoldsTheTransition(t *testing.T) {
	t.Parallel()
	c := newChange(t, whole())
	c.mute = "the group cab has nobody"
	c.requested().isHeld(itsm.PhaseAuthorize, itsm.HoldAssessment, "the group cab has nobody")
	c.mute = ""
	c.must(c.resuming).isIn(itsm.PhaseAuthorize)
	assert.Equal(t, "APR-1", c.Authorization.Approval)
}

func TestApprovalThatNobodyAskedForIsNotMinded(t *testing.T) {
	t.Parallel()
	c := inPhase(t, itsm.PhaseAuthorize).decided("APR-9", itsm.OutcomeRejected).isIn(itsm.PhaseAuthorize)
	c.decided("APR-1", itsm.OutcomeApproved).decided("APR-1", itsm.OutcomeRejected).isIn(itsm.PhaseScheduled)
}

func TestEmergencyGoesOnWhileItIsAuthorised(t *testing.T) {
	t.Parallel()
	c := requested(t, afterwards(inStage("s", aTask()))).isIn(itsm.PhaseImplement)
	assert.Equal(t, itsm.AuthorizationAsked, c.Authorization.Status)
	c.does("bob", "s.1").isIn(itsm.PhaseImplement)
	assert.Equal(t, "the decision of APR-1", c.detail().WaitingFor[0].For)
	c.decided("APR-1", itsm.OutcomeApproved).ended(itsm.PhaseClosed, itsm.OutcomeSuccessful)
}

func TestAuthorisationThatIsRefusedAfterwardsIsToldAndJudged(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]bool{"while it goes on": false, "when its steps are done": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := requested(t, afterwards(inStage("s", aTask())))
			if late {
				c.does("bob", "s.1")
			}
			c.decided("APR-1", itsm.OutcomeRejected)
			assert.Equal(t, []string{"maria", "raj"}, c.told(itsm.EventAuthorizationDecided))
			if !late {
				c.isIn(itsm.PhaseImplement).does("bob", "s.1")
			}
			c.ended(itsm.PhaseClosed, itsm.OutcomeUnsuccessful)
		})
	}
}

func TestEmergencyIsReviewedAlsoWhereItsAuthorisationWasRefused(t *testing.T) {
	t.Parallel()
	rules := afterwards(inStage("s", aTask()))
	rules.Review = true
	c := requested(t, rules).does("bob", "s.1").decided("APR-1", itsm.OutcomeRejected).isIn(itsm.PhaseReview)
	c.must(c.reviewing(itsm.OutcomeUnsuccessful)).ended(itsm.PhaseClosed, itsm.OutcomeUnsuccessful)
}

func TestEmergencyThatIsRolledBackNeedsNoAuthorisationAnyMore(t *testing.T) {
	t.Parallel()
	c := requested(t, afterwards(inStage("s", aTask())))
	c.must(c.rollingBack).ended(itsm.PhaseRolledBack, itsm.OutcomeRolledBack)
	assert.Len(t, c.orders, 1)
	assert.True(t, c.orders[0].Withdraw)
	assert.Equal(t, "APR-1", c.orders[0].Approval)
}

func TestEmergencyGoesOnWhereItsApprovalWasOfAnEarlierSubject(t *testing.T) {
	t.Parallel()
	rules := afterwards(inStage("s", aTask()))
	rules.NeedsTimes = true
	c := requested(t, rules).isIn(itsm.PhaseScheduled)
	c.found.Bound = "second"
	c.must(c.amending("4.3")).at(48 * time.Hour).isIn(itsm.PhaseImplement)
	c.decidedAbout("APR-1", itsm.OutcomeApproved, "first").isIn(itsm.PhaseImplement)
	assert.Equal(t, "APR-2", c.Authorization.Approval)
	assert.Equal(t, "scheduled implement", c.phases(), "it never goes back")
	c.does("bob", "s.1").decided("APR-2", itsm.OutcomeApproved).ended(itsm.PhaseClosed, itsm.OutcomeSuccessful)
}

func TestEmergencyThatIsHeldGoesOnWhenResumedThoughItsApprovalIsAskedAnew(t *testing.T) {
	t.Parallel()
	c := newChange(t, afterwards(inStage("s", aTask())))
	c.checks[itsm.GateStart] = itsm.Checked{Problems: []string{"there is a freeze"}}
	c.requested().isHeld(itsm.PhaseScheduled, itsm.HoldSchedule, "there is a freeze")
	c.found.Bound = "second"
	c.must(c.amending("4.3")).isHeld(itsm.PhaseScheduled, itsm.HoldSchedule, "there is a freeze")
	c.decidedAbout("APR-1", itsm.OutcomeApproved, "first")
	c.checks[itsm.GateStart] = itsm.Checked{}
	c.must(c.resuming).isIn(itsm.PhaseImplement)
	assert.Equal(t, itsm.AuthorizationAsked, c.Authorization.Status)
}
