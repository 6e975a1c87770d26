package definition_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
)

func acmeIncidents(t *testing.T) (*definition.IncidentPolicy, *definition.EscalationPolicy) {
	t.Helper()
	docs := acme(t)
	policy, ok := docs["IncidentPolicy/standard-incidents"].Spec.(*definition.IncidentPolicy)
	require.True(t, ok)
	escalation, ok := docs["EscalationPolicy/payments-escalation"].Spec.(*definition.EscalationPolicy)
	require.True(t, ok)
	return policy, escalation
}

func TestPoliciesBecomeTheRulesOfAnIncident(t *testing.T) {
	t.Parallel()
	minutes := func(n int64) itsm.Duration { return itsm.Duration{Clock: n * 60} }
	hours := func(n int64) itsm.Duration { return minutes(60 * n) }
	days := func(n int) itsm.Duration { return itsm.Duration{Days: n} }
	want := itsm.IncidentRules{
		Priority: map[itsm.Level]map[itsm.Level]string{
			itsm.LevelHigh:   {itsm.LevelHigh: "P1", itsm.LevelMedium: "P2", itsm.LevelLow: "P3"},
			itsm.LevelMedium: {itsm.LevelHigh: "P2", itsm.LevelMedium: "P3", itsm.LevelLow: "P4"},
			itsm.LevelLow:    {itsm.LevelHigh: "P3", itsm.LevelMedium: "P4", itsm.LevelLow: "P5"},
		},
		Targets: map[string]itsm.IncidentTarget{
			"P1": {Respond: minutes(15), Resolve: hours(4)},
			"P2": {Respond: minutes(30), Resolve: hours(8)},
			"P3": {Respond: hours(4), Resolve: days(3), Calendar: "office-hours"},
			"P4": {Respond: hours(8), Resolve: days(5), Calendar: "office-hours"},
			"P5": {Respond: days(2), Resolve: days(10), Calendar: "office-hours"},
		},
		Pauses:    []itsm.IncidentPhase{itsm.IncidentWaitingUser, itsm.IncidentWaitingSupplier},
		Major:     true,
		AutoClose: days(5),
		Rungs:     []itsm.Duration{minutes(5), minutes(10), minutes(15)},
		Repeat:    2,
		Silence:   hours(1),
	}
	policy, escalation := acmeIncidents(t)
	assert.Equal(t, want, definition.IncidentRulesOf(policy, escalation))
	assert.Equal(t, []string{"office-hours"}, policy.Needs())

	assert.Equal(t, itsm.IncidentRules{Rungs: want.Rungs, Repeat: 2, Silence: hours(1)}, definition.IncidentRulesOf(nil, escalation), "no priority, no clocks")
	want.Rungs, want.Repeat, want.Silence = nil, 0, itsm.Duration{}
	assert.Equal(t, want, definition.IncidentRulesOf(policy, nil), "nobody is told")
	assert.Equal(t, itsm.IncidentRules{}, definition.IncidentRulesOf(nil, nil))
}

func TestShareAtWhichSomebodyIsWarned(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]float64{"75%": 0.75, "1%": 0.01, "99%": 0.99, "": 0} {
		assert.InDelta(t, want, (&definition.IncidentPolicy{WarnAt: written}).WarnShare(), 1e-9, written)
	}
}

func TestClocksOfAPriorityRunByItsCalendar(t *testing.T) {
	t.Parallel()
	policy, _ := acmeIncidents(t)
	calendar := acme(t)["Calendar/office-hours"]
	friday := time.Date(2026, 3, 6, 16, 0, 0, 0, time.UTC) // 17:00 in Berlin
	due := func(priority string, name itsm.ClockName) string {
		rules, err := policy.ClockRules(priority, []definition.Document{calendar})
		require.NoError(t, err)
		reading := rules[name].Read(itsm.Clock{Started: friday}, friday)
		require.NotNil(t, reading.Due)
		require.NotNil(t, reading.WarnAt, "at 75 %")
		return reading.Due.Format("Mon 15:04")
	}
	assert.Equal(t, "Fri 16:15", due("P1", itsm.ClockRespond))
	assert.Equal(t, "Fri 20:00", due("P1", itsm.ClockResolve))
	assert.Equal(t, "Mon 10:00", due("P3", itsm.ClockRespond), "one hour on Friday, three on Monday from eight in Berlin")

	rules, err := policy.ClockRules("P9", nil)
	require.NoError(t, err)
	assert.Empty(t, rules, "nothing is promised")
	_, err = policy.ClockRules("P3", nil)
	assert.Equal(t, itsm.CodeDefinitionUnknown, itsm.ErrorCode(err))
}
