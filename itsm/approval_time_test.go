package itsm_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

func TestDeadlineDoesWhatTheFlowSays(t *testing.T) {
	t.Parallel()
	for action, check := range map[itsm.OnTimeout]func(*trial){
		itsm.TimeoutApprove: func(r *trial) { r.waits("next", "bob") },
		itsm.TimeoutReject:  func(r *trial) { r.closed(itsm.OutcomeRejected, "board") },
		itsm.TimeoutSkip:    func(r *trial) { r.waits("next", "bob") },
		itsm.TimeoutHold:    func(r *trial) { r.waits("board", "tom") },
		"":                  func(r *trial) { r.waits("board", "tom") },
	} {
		t.Run(string(action), func(t *testing.T) {
			t.Parallel()
			board := stage("board", "2", approvers("maria", "tom")...).acts(time.Hour, itsm.DueDeadline).onTimeout(action)
			r := begin(t, raj, board, stage("next", "1", approvers("bob")...)).vote(itsm.Approve, "maria")
			r.at(time.Hour-1).waits("board", "tom")
			r.at(time.Hour)
			check(r)
			assert.Equal(t, 1, r.count(itsm.EventStageTimedOut))
		})
	}
}

func TestTimeAloneNeverSaysYes(t *testing.T) {
	t.Parallel()
	skip := func(name, who string) step {
		return stage(name, "1", approvers(who)...).acts(time.Hour, itsm.DueDeadline).onTimeout(itsm.TimeoutSkip)
	}
	r := begin(t, raj, skip("first", "alice"), skip("second", "bob"), stage("third", "1", approvers("chen")...).skipped())
	opened := r.at(time.Hour).Current().Opened
	r.at(2*time.Hour).waits("second", "bob")
	assert.True(t, r.Current().Held)
	assert.Equal(t, opened, r.Current().Opened)
	assert.Equal(t, []string{"maria"}, r.told(itsm.EventStageTimedOut))
	r.at(200*time.Hour).waits("second", "bob")
	r.refuses(itsm.CodeNotApprover, "alice", itsm.Approve)
	r.vote(itsm.Approve, "bob").closed(itsm.OutcomeApproved, "second")
	assert.Equal(t, 1, r.count(itsm.EventStageSkipped))
}

func TestStageThatWasWonCarriesOneThatTimePassedOver(t *testing.T) {
	t.Parallel()
	second := stage("second", "1", approvers("bob")...).acts(time.Hour, itsm.DueDeadline).onTimeout(itsm.TimeoutSkip)
	r := begin(t, raj, stage("first", "1", approvers("alice")...), second).vote(itsm.Approve, "alice")
	r.at(time.Hour).closed(itsm.OutcomeApproved, "first")
}

func TestVotesStandWhileAStageHolds(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "2", approvers("maria", "tom")...).acts(time.Hour, itsm.DueDeadline).acts(2*time.Hour, itsm.DueReminder))
	r.vote(itsm.Approve, "maria").at(2 * time.Hour)
	assert.Equal(t, []string{"tom"}, r.told(itsm.EventStageReminded), "a stage that holds goes on reminding")
	r.vote(itsm.Approve, "tom").closed(itsm.OutcomeApproved, "board")
}

func TestOnlyThoseWhoHaveNotDecidedAreReminded(t *testing.T) {
	t.Parallel()
	board := stage("board", "3", append(approvers("maria", "tom", "bob"), away("alice", "chen", 0, 3*time.Hour), vetoOnly("ines"))...)
	r := begin(t, raj, board.acts(time.Hour, itsm.DueReminder).acts(2*time.Hour, itsm.DueReminder))
	r.vote(itsm.Approve, "maria").vote(itsm.Abstain, "tom").at(time.Hour)
	assert.Equal(t, []string{"bob", "chen", "ines"}, r.told(itsm.EventStageReminded))
	r.vote(itsm.Approve, "bob", "chen").closed(itsm.OutcomeApproved, "board")
	r.at(2 * time.Hour)
	assert.Equal(t, 1, r.count(itsm.EventStageReminded))
}

func TestEscalationTellsAndAsksNobodyNew(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("board", "1", approvers("tom")...).acts(time.Hour, itsm.DueEscalation, "maria", "ines"))
	r.at(time.Hour).waits("board", "tom")
	assert.Equal(t, []string{"ines", "maria"}, r.told(itsm.EventStageEscalated))
	r.refuses(itsm.CodeNotApprover, "maria", itsm.Approve)
}

func TestAfterAnOutagePeopleAreAskedOnce(t *testing.T) {
	t.Parallel()
	reminded := func(action itsm.OnTimeout) *trial {
		board := stage("board", "1", approvers("tom")...).onTimeout(action)
		for i := range 3 {
			board = board.acts(time.Duration(i+1)*time.Hour, itsm.DueReminder)
		}
		return begin(t, raj, board.acts(90*time.Minute, itsm.DueEscalation, "ines").acts(4*time.Hour, itsm.DueDeadline)).at(5 * time.Hour)
	}
	held := reminded(itsm.TimeoutHold)
	assert.Equal(t, []string{"tom"}, held.told(itsm.EventStageReminded))
	assert.Equal(t, []string{"ines"}, held.told(itsm.EventStageEscalated))
	over := reminded(itsm.TimeoutReject)
	assert.Empty(t, over.told(itsm.EventStageReminded))
	over.closed(itsm.OutcomeRejected, "board")
}

func TestMomentsPassInTheirOrder(t *testing.T) {
	t.Parallel()
	board := stage("board", "1", approvers("tom")...).acts(time.Hour, itsm.DueReminder).
		acts(2*time.Hour, itsm.DueEscalation, "ines").acts(3*time.Hour, itsm.DueDeadline).onTimeout(itsm.TimeoutReject)
	r := begin(t, raj, board)
	want := []itsm.EventType{itsm.EventStageReminded, itsm.EventStageEscalated, itsm.EventStageTimedOut}
	for i, typ := range want {
		due, ok := r.NextDue()
		require.True(t, ok)
		assert.Equal(t, monday.Add(time.Duration(i+1)*time.Hour), due)
		r.at(due.Sub(monday))
		assert.Equal(t, due, r.event(typ).Time)
	}
	_, ok := r.NextDue()
	assert.False(t, ok)
}

func TestViewShowsWhoIsAskedAndWhatComes(t *testing.T) {
	t.Parallel()
	board := stage("board", "1", approvers("tom", "ines")...)
	for i := range 7 {
		board = board.acts(time.Duration(i+1)*time.Hour, itsm.DueReminder)
	}
	r := begin(t, raj, board.acts(8*time.Hour, itsm.DueDeadline))
	detail := func() itsm.ApprovalDetail {
		var d itsm.ApprovalDetail
		base := itsm.View{Definitions: []itsm.DefinitionRef{{Kind: "ApprovalFlow", Name: "purchase"}}}
		v := r.View(base, r.now)
		assert.Equal(t, []any{r.ID, itsm.KindApproval, r.State, r.LastEvent}, []any{v.ID, v.Kind, v.State, v.LastEvent})
		require.NoError(t, json.Unmarshal(v.Detail, &d))
		return d
	}
	d := detail()
	assert.Equal(t, []string{"tom", "ines"}, d.WaitingFor)
	assert.Equal(t, "purchase", d.Flow)
	assert.Len(t, d.Next, 5)
	assert.Equal(t, monday.Add(8*time.Hour), *r.View(itsm.View{}, r.now).Due)
	receipt := itsm.Receipt{Process: "APR-1", Event: 2, State: itsm.StateOpen, Stage: "board", Fingerprint: "f"}
	assert.Equal(t, receipt, r.Receipt(itsm.Command{Fingerprint: "f"}, 2))
	r.vote(itsm.Approve, "tom")
	d = detail()
	assert.Empty(t, d.WaitingFor)
	assert.Nil(t, r.View(itsm.View{}, r.now).Due)
	assert.Equal(t, itsm.ResultWon, d.Stages[0].Result)
}
