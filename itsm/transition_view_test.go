package itsm_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

func TestViewSaysWhereItStandsWhatItWaitsForAndWhatComesNext(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) *time.Time { at := monday.Add(d); return &at }
	for phase, want := range map[itsm.Phase][]itsm.Waiting{
		itsm.PhaseNew:       nil, // it is blocked, and says why
		itsm.PhaseAuthorize: {{For: "the decision of APR-1", Since: monday}},
		itsm.PhaseScheduled: {{For: "task: Do validation.1", Step: "validation.1", Who: []string{"alice", "bob"}, Since: monday}},
		itsm.PhaseImplement: {{For: "the callback of Do migration.2", Step: "migration.2", Since: planned.Start, Due: at(49 * time.Hour)}},
		itsm.PhaseEarlyLife: {{For: "the end of early life", Since: planned.Start, Due: at(48*time.Hour + earlyLife)}},
		itsm.PhaseReview:    {{For: "task: Review", Step: "review", Who: []string{"alice", "bob"}, Since: *at(48*time.Hour + earlyLife)}},
		takingBack:          {{For: "the answer of Do migration.2.undo", Step: "migration.2.undo", Since: planned.Start}},
		itsm.PhaseClosed:    nil,
		itsm.PhaseFailed:    nil,
	} {
		c := inPhase(t, phase)
		assert.Equal(t, want, c.detail().WaitingFor, phase)
		view := c.view()
		assert.Equal(t, c.Phase, view.Phase)
		assert.Equal(t, len(c.events), view.LastEvent)
		assert.Equal(t, "Payments 4.2", view.Summary)
		if len(want) > 0 {
			assert.Equal(t, want[0].Due, view.Due, phase)
		}
	}
}

func TestViewListsTheStepsOfTheModelAndWhatBecameOfThem(t *testing.T) {
	t.Parallel()
	statuses := func(c *change) map[string]string {
		shown := map[string]string{}
		for _, step := range c.detail().Steps {
			shown[step.ID] = step.Status
		}
		return shown
	}
	assert.Equal(t, map[string]string{
		"validation": "done", "validation.1": "done", "migration": "running", "migration.1": "done", "migration.2": "running",
		"acceptance": "waiting", "acceptance.1": "waiting", "review": "waiting",
	}, statuses(inPhase(t, itsm.PhaseImplement)))
	assert.Equal(t, map[string]string{
		"validation": "cancelled", "validation.1": "failed", "migration": "not-run", "migration.1": "not-run", "migration.2": "not-run",
		"acceptance": "not-run", "acceptance.1": "not-run", "review": "not-run",
	}, statuses(inPhase(t, itsm.PhaseFailed)))
}

func TestInboxHoldsOpenTasksAndOnlyForThoseWhoMayDoThem(t *testing.T) {
	t.Parallel()
	c := newChange(t, standard(inStage("s", sideBySide(list(aTask()), list(aTask()), list(aCall())))))
	c.plan("s.1.1.1", acts(time.Hour, itsm.DueDeadline)).requested()
	items := c.Inbox(c.now)
	require.Len(t, items, 4)
	deadline := monday.Add(time.Hour)
	assert.Equal(t, itsm.InboxItem{
		Process: "CHG-1", Task: "s.1.1.1", Person: "alice", Seat: "alice", Action: itsm.ActionComplete,
		Title: "Do s.1.1.1 — Payments 4.2", Since: monday, Due: &deadline,
	}, items[0])
	c.must(c.claiming("bob", "s.1.1.1"))
	assert.Equal(t, []string{"bob: s.1.1.1", "alice: s.1.2.1", "bob: s.1.2.1"}, c.inbox())
}

func TestExpressionsSeeTheInputAndWhatEveryTransitionHas(t *testing.T) {
	t.Parallel()
	assert.JSONEq(t, `{
		"version": "4.2", "input": {"version": "4.2"}, "id": "CHG-1", "title": "Payments 4.2", "type": "normal", "model": "model",
		"service": "payments", "requester": "raj", "plannedStart": "2026-03-04T09:00:00Z", "plannedEnd": "2026-03-04T13:00:00Z",
		"risk": "high", "riskScore": 70
	}`, string(inPhase(t, itsm.PhaseAuthorize).Subject()))
	c := itsm.NewTransition(itsm.TransitionStart{ID: "CHG-2", Input: json.RawMessage(`{"id":"mine","title":"mine"}`)})
	var subject map[string]any
	require.NoError(t, json.Unmarshal(c.Subject(), &subject))
	assert.Equal(t, "CHG-2", subject["id"], "an input never hides what the transition is")
	assert.NotContains(t, subject, "risk")
}

func TestReceiptSaysHowFarItIs(t *testing.T) {
	t.Parallel()
	c := inPhase(t, itsm.PhaseScheduled)
	assert.Equal(t, itsm.Receipt{Process: "CHG-1", Event: 3, State: itsm.StateOpen, Stage: "scheduled", Fingerprint: "f"}, c.Receipt(itsm.Command{Fingerprint: "f"}, 3))
}

func TestStateThatCannotBeReadIsAnErrorAndChangesNothing(t *testing.T) {
	t.Parallel()
	c := inPhase(t, itsm.PhaseScheduled)
	before := c.snapshot()
	assert.Error(t, c.Restore(json.RawMessage(`{"phase":1}`)))
	assert.JSONEq(t, string(before), string(c.snapshot()))
}
