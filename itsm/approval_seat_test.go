package itsm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

func TestApproverCannotApproveOwnChange(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("peers", "all", approvers("raj", "tom", "ines")...).excluding(true, false))
	assert.Equal(t, 2, r.Current().Need, "all of those who are left")
	assert.Equal(t, []string{"raj"}, r.Current().Excluded)
	r.refuses(itsm.CodeOwnRequest, "raj", itsm.Approve)
	_, err := r.Delegate(by("raj"), "bob", r.now)
	assert.Equal(t, itsm.CodeOwnRequest, itsm.ErrorCode(err), "nor hand on a vote that is not theirs")
}

func TestRequesterGetsNoVoteByDelegationOrAbsence(t *testing.T) {
	t.Parallel()
	for name, excluded := range map[string]bool{"the flow excludes them": true, "the flow names somebody else": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := begin(t, raj, stage("manager", "1", away("maria", "raj", 0, time.Hour)).excluding(excluded, false))
			r.waits("manager", "maria")
			_, err := r.Delegate(by("maria"), "raj", r.now)
			assert.Equal(t, itsm.CodeDelegateUnfit, itsm.ErrorCode(err))
			r.NoteAbsence(by("maria"), absence("maria", "raj", 0, time.Hour), r.now)
			r.waits("manager", "maria")
			assert.Error(t, r.CheckDecision(by("raj"), itsm.Approve, "", r.now))
		})
	}
}

func TestRequesterDecidesWhereTheFlowNamesThem(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("owner", "1", approvers("raj")...))
	r.vote(itsm.Approve, "raj").closed(itsm.OutcomeApproved, "owner")
}

func TestWhoDecidedBeforeIsExcludedAlsoAsAStandIn(t *testing.T) {
	t.Parallel()
	peers := stage("peers", "2", away("alice", "chen", 0, time.Hour), away("bob", "chen", 2*time.Hour, 3*time.Hour))
	board := stage("board", "2", away("tom", "chen", 0, time.Hour)).excluding(false, true)
	board.approvers = append(board.approvers, approvers("alice", "bob", "chen")...)
	r := begin(t, raj, peers, board)
	r.vote(itsm.Approve, "chen", "bob")
	r.waits("board", "tom", "alice")
	assert.Equal(t, []string{"bob", "chen"}, r.Current().Excluded)
	r.refuses(itsm.CodeDecidedBefore, "chen", itsm.Approve)
	_, err := r.Delegate(by("alice"), "bob", r.now)
	assert.Equal(t, itsm.CodeDelegateUnfit, itsm.ErrorCode(err))
	r.vote(itsm.Approve, "alice", "tom").closed(itsm.OutcomeApproved, "board")
}

func TestVoteCanBeHandedOverAndTakenBack(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "2", approvers("maria", "tom", "ines")...))
	r.delegate("maria", "bob").waits("board", "bob", "tom", "ines")
	assert.Equal(t, []string{"bob"}, r.told(itsm.EventSeatDelegated))
	r.refuses(itsm.CodeNotApprover, "maria", itsm.Approve)
	r.vote(itsm.Approve, "bob").waits("board", "tom", "ines")
	assert.JSONEq(t, `{"stage":"board","round":1,"verdict":"approve","for":"maria"}`, string(r.event(itsm.EventDecisionMade).Data))
	r.delegate("maria", "maria").refuses(itsm.CodeNotApprover, "bob", itsm.Reject)
	r.vote(itsm.Reject, "maria")
	assert.Equal(t, itsm.Tally{Approvers: 3, Rejected: 1}, r.Current().Tally())
}

func TestVoteIsHandedOverOnlyToWhoHasNone(t *testing.T) {
	t.Parallel()
	cases := map[string]string{"with a seat": "tom", "with a veto": "ines", "standing in for another": "chen", "who has it already": "bob"}
	for name, to := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			board := append(approvers("maria", "tom"), away("alice", "chen", 0, time.Hour), vetoOnly("ines"))
			r := begin(t, raj, stage("board", "3", board...)).delegate("maria", "bob")
			checked := r.CheckDelegation(by("maria"), to, r.now)
			_, err := r.Delegate(by("maria"), to, r.now)
			assert.Equal(t, itsm.CodeDelegateUnfit, itsm.ErrorCode(err))
			assert.Equal(t, checked, err)
			r.waits("board", "bob", "tom", "chen", "ines")
		})
	}
}

func TestWhoHoldsAVoteMayHandItOnAndItsPersonMayHaveItBack(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "1", approvers("maria")...))
	r.delegate("maria", "bob").delegate("bob", "chen").waits("board", "chen")
	_, err := r.Delegate(by("bob"), "tom", r.now)
	assert.Equal(t, itsm.CodeNotApprover, itsm.ErrorCode(err), "bob has nothing to hand over any more")
	r.delegate("maria", "maria").waits("board", "maria")
}

func TestWhoVotedForOneIsNotCountedForAnother(t *testing.T) {
	t.Parallel()
	first := away("alice", "chen", 0, time.Hour)
	r := begin(t, raj, stage("board", "2", first, away("bob", "chen", time.Hour, 3*time.Hour)))
	r.vote(itsm.Approve, "chen")
	r.at(2*time.Hour).waits("board", "bob")
	r.refuses(itsm.CodeNotApprover, "chen", itsm.Reject) // alice is back and bob's stand-in has voted
	_, err := r.Delegate(by("bob"), "chen", r.now)
	assert.Equal(t, itsm.CodeDelegateUnfit, itsm.ErrorCode(err))
	r.vote(itsm.Reject, "alice").closed(itsm.OutcomeRejected, "board")
}

func TestOnePersonStandsInForOneAbsenteeOnly(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "2", away("alice", "chen", 0, time.Hour), away("bob", "chen", 0, time.Hour)))
	r.waits("board", "chen", "bob")
	r.vote(itsm.Approve, "chen").refuses(itsm.CodeAlreadyDecided, "chen", itsm.Approve)
	r.vote(itsm.Approve, "bob").closed(itsm.OutcomeApproved, "board")
}

func TestAbsenceHoldsFromItsFirstInstantToItsLast(t *testing.T) {
	t.Parallel()
	for after, holder := range map[time.Duration]string{
		time.Hour - 1: "maria", time.Hour: "bob", 2*time.Hour - 1: "bob", 2 * time.Hour: "maria",
	} {
		r := begin(t, raj, stage("board", "1", away("maria", "bob", time.Hour, 2*time.Hour)))
		r.at(after).waits("board", holder)
		r.vote(itsm.Approve, holder).closed(itsm.OutcomeApproved, "board")
	}
}

func TestVotePassesOnByItselfWhenAnAbsenceBeginsAndEnds(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "1", away("maria", "bob", time.Hour, 2*time.Hour)))
	for _, c := range []struct {
		after time.Duration
		told  string
	}{{time.Hour, "bob"}, {2 * time.Hour, "maria"}} {
		due, ok := r.NextDue()
		require.True(t, ok)
		assert.Equal(t, monday.Add(c.after), due)
		r.notices = nil
		r.at(c.after)
		assert.Equal(t, itsm.System(), r.event(itsm.EventSeatPassed).Actor)
		assert.Equal(t, []string{c.told}, r.told(itsm.EventStageOpened))
	}
	_, ok := r.NextDue()
	assert.False(t, ok)
}

func TestAbsenceThatAnOutageSleptThroughAsksNobodyInVain(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "1", away("maria", "bob", time.Hour, 2*time.Hour)))
	r.notices = nil
	r.at(3 * time.Hour)
	assert.Equal(t, 2, r.count(itsm.EventSeatPassed))
	assert.Equal(t, []string{"maria"}, r.told(itsm.EventStageOpened))
}

func TestAbsenceNotedMeanwhileCounts(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "2", approvers("maria", "tom")...))
	assert.Zero(t, r.NoteAbsence(by("olga"), absence("olga", "bob", 0, time.Hour), r.now))
	assert.NotZero(t, r.NoteAbsence(by("maria"), absence("maria", "bob", 0, 2*time.Hour), r.now))
	r.settle()
	r.waits("board", "bob", "tom")
	assert.Equal(t, []string{"bob"}, r.told(itsm.EventAbsenceNoted))
	r.NoteAbsence(by("maria"), absence("maria", "chen", 0, time.Hour), r.now)
	r.waits("board", "chen", "tom") // the newest counts
	r.at(time.Hour).waits("board", "bob", "tom")
	r.at(2*time.Hour).waits("board", "maria", "tom")
	assert.Equal(t, 2, r.count(itsm.EventSeatPassed))
}

func TestAbsenceOfWhoHasVotedAsksNobody(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "2", approvers("maria", "tom")...)).vote(itsm.Approve, "maria")
	r.NoteAbsence(by("maria"), absence("maria", "bob", 0, time.Hour), r.now)
	r.settle()
	r.at(time.Hour).waits("board", "tom")
	assert.Empty(t, r.told(itsm.EventAbsenceNoted))
	assert.Equal(t, []string{"maria", "tom"}, r.told(itsm.EventStageOpened), "when it opened, and not again")
}

func TestWhoTakesAVoteBackIsNotAwayFromItAnyMore(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "1", away("maria", "bob", 0, 4*time.Hour)))
	r.waits("board", "bob")
	r.delegate("maria", "maria").waits("board", "maria")
	r.NoteAbsence(by("maria"), absence("maria", "chen", time.Hour, 2*time.Hour), r.now)
	r.at(time.Hour).waits("board", "chen")
	r.at(2*time.Hour).waits("board", "maria")
}

func TestHandingOverByHandOutlastsAnAbsence(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "1", away("maria", "bob", time.Hour, 2*time.Hour))).delegate("maria", "chen")
	r.at(time.Hour).waits("board", "chen")
	r.at(2*time.Hour).waits("board", "chen")
	assert.Zero(t, r.count(itsm.EventSeatPassed))
}

func TestHandingOverByHandGoesBeforeAnAbsence(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "2", away("alice", "chen", time.Hour, 2*time.Hour), approvers("bob")[0]))
	r.delegate("bob", "chen").at(time.Hour).waits("board", "alice", "chen")
	r.refuses(itsm.CodeNotApprover, "bob", itsm.Approve)
}

func TestAbsenceThatBeganBeforeTheStageIsNoNews(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "1", away("maria", "bob", -time.Hour, time.Hour)))
	r.waits("board", "bob")
	assert.Zero(t, r.count(itsm.EventSeatPassed))
	assert.Equal(t, []string{"bob"}, r.told(itsm.EventStageOpened))
}

func TestVotePassesOnAlsoWhileAStageHolds(t *testing.T) {
	t.Parallel()
	board := stage("board", "1", away("maria", "bob", 2*time.Hour, 3*time.Hour))
	r := begin(t, raj, board.acts(time.Hour, itsm.DueDeadline).onTimeout(itsm.TimeoutSkip))
	r.at(time.Hour).waits("board", "maria")
	r.at(2*time.Hour).waits("board", "bob")
	assert.Equal(t, 1, r.count(itsm.EventSeatPassed))
}

func TestStandInsStandInIsNotAsked(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "2", away("alice", "bob", 0, time.Hour), away("bob", "chen", 0, time.Hour)))
	r.waits("board", "alice", "chen") // bob has a seat himself, and can't sit on two
}

func TestPersonNamedTwiceHasOneSeat(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "all", append(approvers("tom", "raj", "tom", "raj"), vetoOnly("tom"))...).excluding(true, false))
	assert.Equal(t, 1, r.Current().Need)
	assert.Equal(t, []string{"raj"}, r.Current().Excluded)
	r.vote(itsm.Reject, "tom")
	assert.Contains(t, string(r.event(itsm.EventApprovalClosed).Data), "tom vetoed it")
}
