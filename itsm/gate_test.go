package itsm

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestGoalsAreReachedOnTheWayOfATransition(t *testing.T) {
	t.Parallel()
	open := func(p Phase) View { return View{State: StateOpen, Phase: p} }
	closed := func(p Phase, outcome string) View { return View{State: StateClosed, Phase: p, Outcome: outcome} }
	undone := func(s State) View {
		return View{State: s, Phase: PhaseEarlyLife, Detail: json.RawMessage(`{"steps": [], "rollback": {}}`)}
	}
	for name, test := range map[string]struct {
		view    View
		reached string // goals
		over    bool   // of the others
	}{
		"new":           {open(PhaseNew), "", false},
		"assess":        {open(PhaseAssess), "", false},
		"authorize":     {open(PhaseAuthorize), "", false},
		"scheduled":     {open(PhaseScheduled), "as", false},
		"slot taken":    {View{State: StateBlocked, Phase: PhaseScheduled}, "a", false},
		"implement":     {open(PhaseImplement), "as", false},
		"step blocked":  {View{State: StateBlocked, Phase: PhaseImplement}, "as", false},
		"early life":    {open(PhaseEarlyLife), "asi", false},
		"review":        {open(PhaseReview), "asi", false},
		"successful":    {closed(PhaseClosed, OutcomeSuccessful), "asic", true},
		"with issues":   {closed(PhaseClosed, OutcomeWithIssues), "asic", true},
		"unsuccessful":  {closed(PhaseClosed, OutcomeUnsuccessful), "", true},
		"rejected":      {closed(PhaseClosed, OutcomeNotApproved), "", true},
		"cancelled":     {closed(PhaseCancelled, OutcomeCancelled), "", true},
		"rolled back":   {closed(PhaseRolledBack, OutcomeRolledBack), "", true},
		"failed":        {closed(PhaseFailed, OutcomeFailed), "", true},
		"failing":       {open(PhaseFailed), "", true},
		"being undone":  {undone(StateOpen), "", true},
		"undo is stuck": {undone(StateBlocked), "", true},
	} {
		for letter, goal := range map[rune]Goal{'a': GoalAuthorized, 's': GoalScheduled, 'i': GoalImplemented, 'c': GoalClosed} {
			reached, over := goal.ReachedBy(test.view)
			want := false
			for _, l := range test.reached {
				want = want || l == letter
			}
			assert.Equal(t, want, reached, "%s: %s", name, goal)
			assert.Equal(t, test.over && !want, over, "%s: %s", name, goal)
		}
	}
}

// Whoever waits for a later goal must not go on before one who waits for an
// earlier goal.
func TestLaterGoalsImplyEarlierOnes(t *testing.T) {
	t.Parallel()
	goals := []Goal{GoalAuthorized, GoalScheduled, GoalImplemented, GoalClosed}
	rapid.Check(t, func(t *rapid.T) {
		view := View{
			State: rapid.SampledFrom([]State{StateOpen, StateBlocked, StateClosed}).Draw(t, "state"),
			Phase: rapid.SampledFrom(append([]Phase{PhaseCancelled, PhaseRolledBack, PhaseFailed}, progress...)).Draw(t, "phase"),
			Outcome: rapid.SampledFrom([]string{
				"", OutcomeSuccessful, OutcomeWithIssues, OutcomeUnsuccessful, OutcomeNotApproved, OutcomeCancelled, OutcomeRolledBack, OutcomeFailed,
			}).Draw(t, "outcome"),
		}
		before := true
		for _, goal := range goals {
			reached, over := goal.ReachedBy(view)
			assert.False(t, reached && over, goal)
			assert.True(t, before || !reached, goal)
			before = reached
		}
	})
}
