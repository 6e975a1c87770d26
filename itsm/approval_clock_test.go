package itsm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

// waiting is an approval whose only stage reminds twice, escalates, and is
// rejected at its deadline, 8 hours after it opened.
func waiting(t *testing.T, opened time.Time) *itsm.Approval {
	t.Helper()
	rules := itsm.ApprovalRules{Stages: []itsm.StageRule{{Name: "only", Need: itsm.NeedOne, OnTimeout: itsm.TimeoutReject}}}
	a := itsm.NewApproval("APR-1", itsm.Person("raj"), "summary", rules, nil)
	a.Open(itsm.Command{Actor: itsm.Person("raj"), Key: "k"}, opened, itsm.ApprovalOpened{})
	a.Proceed(itsm.StagePlan{
		Approvers: []itsm.Candidate{{Person: "maria", Counted: true}},
		Timetable: []itsm.Due{
			{At: opened.Add(2 * time.Hour), Kind: itsm.DueReminder},
			{At: opened.Add(4 * time.Hour), Kind: itsm.DueReminder},
			{At: opened.Add(6 * time.Hour), Kind: itsm.DueEscalation, To: []string{"tom"}},
			{At: opened.Add(8 * time.Hour), Kind: itsm.DueDeadline},
		},
	}, opened)
	a.Drain()
	return a
}

func typesOf(a *itsm.Approval) []itsm.EventType {
	events, _ := a.Drain()
	var types []itsm.EventType
	for _, event := range events {
		types = append(types, event.Type)
	}
	return types
}

func TestClockThatJumpsAheadDoesEachMissedThingOnce(t *testing.T) {
	t.Parallel()
	opened := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	a := waiting(t, opened)
	a.Pass(opened.Add(5 * time.Hour))
	assert.Equal(t, []itsm.EventType{itsm.EventStageReminded}, typesOf(a), "one reminder for all that were missed")
	a.Pass(opened.AddDate(0, 1, 0))
	assert.Equal(t, []itsm.EventType{
		itsm.EventStageEscalated, itsm.EventStageTimedOut, itsm.EventStageClosed, itsm.EventApprovalClosed,
	}, typesOf(a))
	assert.Equal(t, itsm.OutcomeRejected, a.Outcome)
}

func TestClockThatJumpsBackDoesNothingTwiceAndLosesNothing(t *testing.T) {
	t.Parallel()
	opened := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	a := waiting(t, opened)
	a.Pass(opened.Add(3 * time.Hour))
	require.Equal(t, []itsm.EventType{itsm.EventStageReminded}, typesOf(a))
	back := opened.Add(-24 * time.Hour)
	a.Pass(back)
	assert.Empty(t, typesOf(a), "what was done is not done again")
	due, ok := a.NextDue()
	require.True(t, ok)
	assert.Equal(t, opened.Add(4*time.Hour), due, "what is to come is still to come, at its instant")
	_, err := a.Decide(itsm.Command{Actor: itsm.Person("maria"), Key: "d"}, itsm.Approve, "", back)
	require.NoError(t, err, "people can decide meanwhile")
	events, _ := a.Drain()
	for i, event := range events {
		assert.Equal(t, events[0].Number+i, event.Number, "the order of events is that of their numbers, not of a clock")
	}
	assert.True(t, a.WantsPlan(), "the stage is won")
}
