package itsm_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

func TestChangeOfABoundPartVoidsEverything(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("peers", "1", approvers("alice")...), stage("board", "2", approvers("maria", "tom", "alice")...).excluding(false, true))
	r.vote(itsm.Approve, "alice", "maria").at(time.Hour)
	r.amend(`{"amount":2}`, "second").waits("peers", "alice")
	assert.Equal(t, []string{"alice", "maria", "tom"}, r.told(itsm.EventApprovalsVoided), "who decided, and who was asked")
	assert.Equal(t, []itsm.Result{itsm.ResultVoided, itsm.ResultVoided, ""}, []itsm.Result{r.Stages[0].Result, r.Stages[1].Result, r.Stages[2].Result})
	assert.Equal(t, []time.Time{monday, monday.Add(time.Hour)}, []time.Time{*r.Stages[0].Ended, *r.Stages[1].Ended})
	assert.Equal(t, "peers/2", r.Inbox(r.now)[0].Task)
	assert.Equal(t, itsm.CodeStageChanged, itsm.ErrorCode(r.CheckDecision(by("alice"), itsm.Approve, "peers/1", r.now)),
		"nobody approves what they have not seen")
	r.vote(itsm.Approve, "alice").waits("board", "maria", "tom")
	r.vote(itsm.Approve, "maria", "tom").closed(itsm.OutcomeApproved, "board")
}

func TestChangeOfAnotherPartKeepsTheVotes(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "2", approvers("maria", "tom")...)).vote(itsm.Approve, "maria")
	r.amend(`{"amount":1,"note":"x"}`, "first").waits("board", "tom")
	assert.JSONEq(t, `{"amount":1,"note":"x"}`, string(r.Subject))
	assert.JSONEq(t, `{"subject":{"amount":1,"note":"x"},"summary":"amended","voids":false}`, string(r.event(itsm.EventSubjectAmended).Data))
	subject := json.RawMessage(`{"amount":1,"note":"x"}`)
	checked := r.CheckAmendment(by("raj"), subject)
	_, err := r.Amend(by("raj"), itsm.Amendment{Subject: subject, Bound: "first"}, r.now)
	assert.Equal(t, itsm.CodeNothingChanged, itsm.ErrorCode(err))
	assert.Equal(t, checked, err)
}

func TestChangeOfABoundPartFreesABlockedApproval(t *testing.T) {
	t.Parallel()
	board := stage("board", "1", approvers("tom")...)
	board.problem = "it can't be planned"
	r := begin(t, raj, board)
	require.Equal(t, itsm.StateBlocked, r.State)
	r.steps[0].problem = ""
	r.amend(`{"amount":2}`, "second").waits("board", "tom")
}

func TestSkippedStageIsAskedAgainInTheNextRound(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("finance", "1", approvers("tom")...).skipped(), stage("board", "1", approvers("maria")...))
	r.steps[0].skip = false
	r.amend(`{"amount":9000}`, "second").waits("finance", "tom")
	assert.Equal(t, itsm.ResultSkipped, r.Stages[0].Result)
	assert.JSONEq(t, `{"stages":["board"],"round":2}`, string(r.event(itsm.EventApprovalsVoided).Data))
}

func TestOnlyTheRequesterWithdrawsOrAmends(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "1", approvers("maria")...))
	for _, actor := range []itsm.Actor{itsm.Person("maria"), itsm.Integration("raj"), itsm.System()} {
		c := itsm.Command{Actor: actor}
		_, withdraw := r.Withdraw(c, r.now)
		_, amend := r.Amend(c, itsm.Amendment{Subject: json.RawMessage(`{}`), Bound: "x"}, r.now)
		assert.Equal(t, itsm.CodeNotRequester, itsm.ErrorCode(withdraw))
		assert.Equal(t, itsm.CodeNotRequester, itsm.ErrorCode(amend))
		assert.Equal(t, r.CheckRequester(c), withdraw)
	}
	r.waits("board", "maria")
}

func TestWithdrawingTellsWhoWasAsked(t *testing.T) {
	t.Parallel()
	ci := itsm.Integration("ci")
	r := begin(t, ci, stage("board", "2", approvers("maria", "tom")...)).vote(itsm.Approve, "maria")
	_, err := r.Withdraw(itsm.Command{Actor: ci}, r.now)
	require.NoError(t, err)
	r.settle()
	r.closed(itsm.OutcomeWithdrawn, "board")
	assert.Equal(t, itsm.ResultEnded, r.Stages[0].Result)
	assert.Equal(t, []string{"tom"}, r.told(itsm.EventApprovalClosed))
	assert.Equal(t, ci, r.event(itsm.EventApprovalClosed).Actor)
}

func TestBlockedApprovalCanBeWithdrawn(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "1"))
	_, err := r.Withdraw(by("raj"), r.now)
	require.NoError(t, err)
	r.settle()
	r.closed(itsm.OutcomeWithdrawn, "")
	assert.Empty(t, r.Blocked)
	assert.Equal(t, itsm.CodeProcessNotBlocked, itsm.ErrorCode(r.CheckResume()))
}
