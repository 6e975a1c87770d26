package itsm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/itsm"
)

func slotOf(process, service string, from, to int, needs ...string) itsm.Slot {
	hours := func(n int) time.Time { return monday.Add(time.Duration(n) * time.Hour) }
	return itsm.Slot{Process: process, Service: service, Start: hours(from), End: hours(to), Needs: needs}
}

func TestSlotsConflictWhereTheyTouchTheSameServiceAtTheSameTime(t *testing.T) {
	t.Parallel()
	payments := slotOf("CHG-1", "payments", 10, 12, "ledger", "network")
	for name, test := range map[string]struct {
		other itsm.Slot
		want  bool
	}{
		"the same time":             {slotOf("CHG-2", "payments", 10, 12), true},
		"within":                    {slotOf("CHG-2", "payments", 11, 12), true},
		"around":                    {slotOf("CHG-2", "payments", 9, 13), true},
		"into its start":            {slotOf("CHG-2", "payments", 9, 11), true},
		"right before":              {slotOf("CHG-2", "payments", 8, 10), false},
		"right after":               {slotOf("CHG-2", "payments", 12, 14), false},
		"what it needs":             {slotOf("CHG-2", "network", 10, 12), true},
		"what needs it":             {slotOf("CHG-2", "shop", 10, 12, "payments"), true},
		"another that needs a same": {slotOf("CHG-2", "reports", 10, 12, "ledger"), false},
		"another":                   {slotOf("CHG-2", "mail", 10, 12), false},
		"itself, moved":             {slotOf("CHG-1", "payments", 11, 13), false},
	} {
		assert.Equal(t, test.want, payments.Conflicts(test.other), name)
		assert.Equal(t, test.want, test.other.Conflicts(payments), name)
	}
}

func TestConflictsAreMutual(t *testing.T) {
	t.Parallel()
	services := []string{"payments", "ledger", "network", "mail"}
	draw := func(t *rapid.T, process string) itsm.Slot {
		from := rapid.IntRange(0, 6).Draw(t, "from")
		return slotOf(process, rapid.SampledFrom(services).Draw(t, "service"), from, from+rapid.IntRange(1, 4).Draw(t, "for"),
			rapid.SliceOfDistinct(rapid.SampledFrom(services), rapid.ID[string]).Draw(t, "needs")...)
	}
	rapid.Check(t, func(t *rapid.T) {
		one, other := draw(t, "CHG-1"), draw(t, rapid.SampledFrom([]string{"CHG-1", "CHG-2"}).Draw(t, "process"))
		require.Equal(t, one.Conflicts(other), other.Conflicts(one))
	})
}
