package itsm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

var raj = itsm.Person("raj")

func TestStagesOpenOneAfterTheOther(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("manager", "1", approvers("maria")...), stage("finance", "2", approvers("maria", "tom", "ines")...))
	r.waits("manager", "maria")
	r.vote(itsm.Approve, "maria").waits("finance", "maria", "tom", "ines")
	assert.Equal(t, "finance/1", r.Inbox(r.now)[0].Task)
	r.vote(itsm.Approve, "tom").waits("finance", "maria", "ines")
	r.vote(itsm.Approve, "ines").closed(itsm.OutcomeApproved, "finance")
}

func TestStageIsDecidedAsSoonAsItIsCertainAndNotBefore(t *testing.T) {
	t.Parallel()
	const yes, no, none = itsm.Approve, itsm.Reject, itsm.Abstain
	cases := []struct {
		name, need string
		votes      []itsm.Verdict // of alice, bob, chen and tom, in this order
		want       itsm.Result
	}{
		{"one yes of one", "1", []itsm.Verdict{yes}, itsm.ResultWon},
		{"three noes leave one who can say yes", "1", []itsm.Verdict{no, no, no}, ""},
		{"four noes", "1", []itsm.Verdict{no, no, no, no}, itsm.ResultLost},
		{"nobody", "2", nil, ""},
		{"one of two", "2", []itsm.Verdict{yes}, ""},
		{"two of two", "2", []itsm.Verdict{yes, yes}, itsm.ResultWon},
		{"two of four can still be reached", "2", []itsm.Verdict{no, no}, ""},
		{"two of four can't be reached", "2", []itsm.Verdict{no, no, no}, itsm.ResultLost},
		{"abstaining is no yes", "2", []itsm.Verdict{yes, none, none, none}, itsm.ResultLost},
		{"abstaining and no", "2", []itsm.Verdict{none, no, yes}, ""},
		{"all but one", "all", []itsm.Verdict{yes, yes, yes}, ""},
		{"all", "all", []itsm.Verdict{yes, yes, yes, yes}, itsm.ResultWon},
		{"all and one no", "all", []itsm.Verdict{no}, itsm.ResultLost},
		{"all and one abstains", "all", []itsm.Verdict{none}, itsm.ResultLost},
		{"half is no majority", "majority", []itsm.Verdict{yes, yes}, ""},
		{"majority", "majority", []itsm.Verdict{yes, yes, yes}, itsm.ResultWon},
		{"half against a majority", "majority", []itsm.Verdict{no, no}, itsm.ResultLost},
		{"share is rounded up", "51%", []itsm.Verdict{yes, yes}, ""},
		{"share is reached", "51%", []itsm.Verdict{yes, yes, no, yes}, itsm.ResultWon},
		{"half as a share", "50%", []itsm.Verdict{yes, yes}, itsm.ResultWon},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			names := []string{"alice", "bob", "chen", "tom"}
			r := begin(t, raj, stage("board", c.need, approvers(names...)...))
			for i, verdict := range c.votes {
				require.Equal(t, itsm.StateOpen, r.State, "decided too early, before vote %d", i)
				r.vote(verdict, names[i])
			}
			assert.Equal(t, c.want, r.Stages[0].Result)
		})
	}
}

func TestVetoEndsTheApprovalWhateverTheCount(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "1", append(approvers("maria", "tom"), vetoOnly("ines"))...), stage("next", "1", approvers("bob")...))
	r.waits("board", "maria", "tom", "ines")
	r.vote(itsm.Reject, "ines").closed(itsm.OutcomeRejected, "board")
	assert.Contains(t, string(r.event(itsm.EventApprovalClosed).Data), "ines vetoed it")
	assert.Equal(t, []string{"maria", "raj", "tom"}, r.told(itsm.EventApprovalClosed), "not who decided, and each once")
}

func TestSeatThatOnlyHoldsAVetoHasNoWeightOtherwise(t *testing.T) {
	t.Parallel()
	board := stage("board", "all", append(approvers("maria", "tom"), vetoOnly("ines"))...)
	r := begin(t, raj, board)
	assert.Equal(t, 2, r.Current().Need)
	r.vote(itsm.Approve, "ines", "maria").waits("board", "tom")
	r.vote(itsm.Approve, "tom").closed(itsm.OutcomeApproved, "board")

	abstains := begin(t, raj, board)
	abstains.vote(itsm.Abstain, "ines").waits("board", "maria", "tom")
	abstains.vote(itsm.Reject, "ines").closed(itsm.OutcomeRejected, "board")
}

func TestVoteMayChangeUntilItsStageCloses(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "2", approvers("maria", "tom", "ines")...))
	r.vote(itsm.Reject, "maria").vote(itsm.Approve, "maria").vote(itsm.Abstain, "maria").vote(itsm.Approve, "maria")
	r.refuses(itsm.CodeAlreadyDecided, "maria", itsm.Approve)
	assert.Equal(t, 3, r.count(itsm.EventDecisionChanged))
	assert.JSONEq(t, `{"stage":"board","round":1,"verdict":"approve","before":"abstain"}`, string(r.event(itsm.EventDecisionChanged).Data))
	r.vote(itsm.Reject, "tom").waits("board", "ines")
	r.vote(itsm.Approve, "ines").closed(itsm.OutcomeApproved, "board")
	r.refuses(itsm.CodeProcessClosed, "tom", itsm.Approve)
}

func TestFlowMayAskForAComment(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "2", approvers("maria", "tom")...))
	r.Rules.CommentOn = []itsm.Verdict{itsm.Reject}
	r.refuses(itsm.CodeCommentRequired, "maria", itsm.Reject)
	blank := by("maria")
	blank.Comment = " \n"
	assert.Equal(t, itsm.CodeCommentRequired, itsm.ErrorCode(r.CheckDecision(blank, itsm.Reject, "", r.now)))
	r.vote(itsm.Approve, "maria")
	blank.Comment = "too dear"
	_, err := r.Decide(blank, itsm.Reject, "", r.now)
	require.NoError(t, err)
	r.settle()
	assert.Equal(t, "too dear", r.event(itsm.EventDecisionChanged).Comment)
}

func TestDecisionOfNobodyAskedIsRefused(t *testing.T) {
	t.Parallel()
	r := begin(t, itsm.Integration("maria"), stage("board", "2", approvers("maria", "tom")...))
	r.refuses(itsm.CodeNotApprover, "bob", itsm.Approve)
	r.refuses(itsm.CodeDecisionUnknown, "maria", "maybe")
	for _, actor := range []itsm.Actor{itsm.Integration("maria"), itsm.System()} {
		_, err := r.Decide(itsm.Command{Actor: actor}, itsm.Approve, "", r.now)
		assert.Equal(t, itsm.CodeNotApprover, itsm.ErrorCode(err), actor)
	}
	r.vote(itsm.Approve, "maria") // no other than the integration of that name asked
}

func TestDecisionForAStageThatIsOverIsRefused(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("manager", "1", approvers("maria")...), stage("finance", "2", approvers("maria", "tom")...))
	r.vote(itsm.Approve, "maria")
	for name, want := range map[string]itsm.Code{"manager": itsm.CodeStageChanged, "manager/1": itsm.CodeStageChanged,
		"finance/2": itsm.CodeStageChanged, "finance": "", "finance/1": "", "": ""} {
		assert.Equal(t, want, itsm.ErrorCode(r.CheckDecision(by("maria"), itsm.Approve, name, r.now)), name)
	}
}

func TestStageThatNobodyMayDecideBlocks(t *testing.T) {
	t.Parallel()
	cases := map[string]step{
		"nobody":             stage("board", "1"),
		"only the requester": stage("board", "1", approvers("raj")...).excluding(true, false),
		"only a veto":        stage("board", "1", vetoOnly("ines")),
		"fewer than needed":  stage("board", "2", approvers("tom", "raj")...).excluding(true, false),
		"one person twice":   stage("board", "2", approvers("tom", "tom")...),
	}
	for name, board := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := begin(t, raj, board, stage("next", "1", approvers("bob")...))
			assert.Equal(t, itsm.StateBlocked, r.State)
			assert.Contains(t, r.Blocked, "then resume")
			assert.Empty(t, r.Outcome)
			assert.Empty(t, r.inbox())
			assert.Equal(t, []string{"maria"}, r.told(itsm.EventProcessBlocked))
			r.refuses(itsm.CodeProcessBlocked, "tom", itsm.Approve)
			_, due := r.NextDue()
			assert.False(t, due)
		})
	}
}

func TestBlockedApprovalResumesWithTheDirectoryOfThen(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("manager", "1", approvers("maria")...), stage("board", "1"))
	assert.Equal(t, itsm.CodeProcessNotBlocked, itsm.ErrorCode(r.CheckResume()))
	r.vote(itsm.Approve, "maria")
	resume := func() {
		_, err := r.Resume(by("tom"), r.now)
		require.NoError(t, err)
		r.settle()
	}
	resume()
	assert.Equal(t, itsm.StateBlocked, r.State)
	assert.Equal(t, 2, r.count(itsm.EventProcessBlocked))
	r.steps[1].approvers = approvers("tom")
	resume()
	assert.Empty(t, r.Blocked)
	r.waits("board", "tom")
	r.vote(itsm.Approve, "tom").closed(itsm.OutcomeApproved, "board")
}

func TestStageThatCannotBePlannedBlocksAndSomebodyIsTold(t *testing.T) {
	t.Parallel()
	broken := stage("board", "1", approvers("tom")...)
	broken.problem = "its condition can't be evaluated"
	rules := itsm.ApprovalRules{Stages: []itsm.StageRule{broken.StageRule}}
	a := itsm.NewApproval("APR-1", raj, "summary", rules, nil)
	a.Proceed(itsm.StagePlan{Problem: broken.problem}, monday)
	_, notices := a.Drain()
	require.Len(t, notices, 1)
	assert.Equal(t, []string{"raj"}, notices[0].To, "without an owner, whoever asked")
	assert.Equal(t, broken.problem, a.Blocked)
}

func TestOwnerIsToldAlsoWhereThePlanDoesNotNameThem(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("manager", "1", approvers("tom")...), stage("board", "1"))
	r.owner = nil
	r.vote(itsm.Approve, "tom")
	assert.Equal(t, []string{"maria"}, r.told(itsm.EventProcessBlocked))
}

func TestStageWhoseConditionDoesNotHoldIsPassedOver(t *testing.T) {
	t.Parallel()
	last := stage("finance", "1", approvers("tom")...).skipped()
	r := begin(t, raj, stage("first", "1").skipped(), stage("manager", "1", approvers("maria")...), last)
	r.waits("manager", "maria")
	r.vote(itsm.Approve, "maria").closed(itsm.OutcomeApproved, "manager")
	assert.Equal(t, 2, r.count(itsm.EventStageSkipped))
}

func TestFlowThatAsksNobodyApprovesAndSaysSo(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "1").skipped())
	r.closed(itsm.OutcomeApproved, "")
	assert.Contains(t, string(r.event(itsm.EventApprovalClosed).Data), "asks nobody")
}

func TestClosedApprovalNeverChanges(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "1", away("maria", "tom", time.Hour, 2*time.Hour)).acts(time.Hour, itsm.DueReminder).
		acts(2*time.Hour, itsm.DueDeadline).onTimeout(itsm.TimeoutReject))
	r.vote(itsm.Approve, "maria")
	before := r.snapshot()
	for _, err := range r.tryEverything() {
		assert.Error(t, err)
	}
	r.at(3 * time.Hour)
	r.Proceed(r.plan(), r.now)
	assert.Zero(t, r.NoteAbsence(by("tom"), absence("maria", "tom", 0, time.Hour), r.now))
	assert.Equal(t, before, r.snapshot())
	assert.Empty(t, r.inbox())
}

// tryEverything sends each command that can be refused.
func (r *trial) tryEverything() []error {
	_, decide := r.Decide(by("maria"), itsm.Reject, "", r.now)
	_, delegate := r.Delegate(by("maria"), "bob", r.now)
	_, amend := r.Amend(by("raj"), itsm.Amendment{Subject: []byte(`{}`), Bound: "other"}, r.now)
	_, withdraw := r.Withdraw(by("raj"), r.now)
	_, resume := r.Resume(by("raj"), r.now)
	return []error{decide, delegate, amend, withdraw, resume}
}

func TestWhoeverNeedNotAnswerAnyMoreIsTold(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("peers", "1", approvers("alice", "bob", "chen")...), stage("board", "1", approvers("tom")...))
	assert.Equal(t, []string{"alice", "bob", "chen"}, r.told(itsm.EventStageOpened))
	r.vote(itsm.Reject, "chen").vote(itsm.Approve, "bob")
	assert.Equal(t, []string{"alice"}, r.told(itsm.EventStageClosed))
	r.vote(itsm.Approve, "tom")
	assert.Equal(t, []string{"raj"}, r.told(itsm.EventApprovalClosed))
}
