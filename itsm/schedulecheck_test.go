package itsm_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/itsm"
)

// normalChange is the schedule of the model of that name in examples/acme.
func normalChange(t require.TestingT) itsm.ScheduleRules {
	freeze := calendar(t, berlin, nil, itsm.Exception{From: civil(t, "2026-12-18"), To: civil(t, "2027-01-04"), Title: "Year-end freeze"})
	return itsm.ScheduleRules{
		Windows:  []itsm.NamedCalendar{{Name: "change-window", Calendar: changeWindow(t)}},
		Freezes:  []itsm.NamedCalendar{{Name: "year-end-freeze", Calendar: freeze}},
		LeadTime: duration(t, "1d"),
	}
}

func period(t require.TestingT, from, to string) *itsm.Period {
	return &itsm.Period{Start: instant(t, from), End: instant(t, to)}
}

func TestScheduleIsCheckedAtEachGate(t *testing.T) {
	t.Parallel()
	// Saturday night in Berlin: open from 21:00 to 05:00 UTC.
	night := period(t, "2026-12-05T21:00:00Z", "2026-12-06T05:00:00Z")
	frozen := "the freeze year-end-freeze, which lasts until 2027-01-04T23:00:00Z; plan it before that or after it"
	cases := []struct {
		name    string
		planned *itsm.Period
		now     string
		gate    itsm.Gate
		want    []string
	}{
		{"the whole window", night, "2026-12-01T12:00:00Z", itsm.GatePlanned, nil},
		{"exactly the lead time", night, "2026-12-04T21:00:00Z", itsm.GatePlanned, nil},
		{"a second less", night, "2026-12-04T21:00:01Z", itsm.GatePlanned, []string{"it must be planned 1d ahead; plan its start for 2026-12-05T21:00:01Z or later"}},
		{"before the window opens", period(t, "2026-12-05T20:59:59Z", "2026-12-06T01:00:00Z"), "2026-12-01T12:00:00Z", itsm.GatePlanned, []string{
			"it is planned outside of every window (change-window); the next that has room for it begins 2026-12-05T21:00:00Z",
		}},
		{"a second too long", period(t, "2026-12-06T01:00:00Z", "2026-12-06T05:00:01Z"), "2026-12-01T12:00:00Z", itsm.GatePlanned, []string{
			"it is planned beyond the window (change-window), which closes 2026-12-06T05:00:00Z; the next that has room for it begins 2026-12-12T21:00:00Z",
		}},
		{"longer than any window", period(t, "2026-12-05T21:00:00Z", "2026-12-06T08:00:00Z"), "2026-12-01T12:00:00Z", itsm.GatePlanned, []string{
			"it is planned beyond the window (change-window), which closes 2026-12-06T05:00:00Z; no window has room for 11h0m0s in the year after it: plan a shorter time",
		}},
		{"in the freeze", period(t, "2026-12-19T21:00:00Z", "2026-12-19T22:00:00Z"), "2026-12-01T12:00:00Z", itsm.GatePlanned, []string{"it is planned into " + frozen}},
		{
			"out of the window and in the freeze", period(t, "2026-12-17T22:30:00Z", "2026-12-17T23:00:01Z"), "2026-12-01T12:00:00Z", itsm.GatePlanned,
			[]string{"it is planned outside of every window (change-window); the next that has room for it begins 2027-01-05T05:00:00Z", "it is planned into " + frozen},
		},
		{"it ends before it begins", period(t, "2026-12-06T05:00:00Z", "2026-12-06T05:00:00Z"), "2026-12-01T12:00:00Z", itsm.GatePlanned, []string{"its planned end is not after its planned start; plan a later end"}},
		{"for ever", period(t, "2026-12-06T05:00:00Z", "2027-12-06T05:00:00Z"), "2026-12-01T12:00:00Z", itsm.GatePlanned, []string{"it is planned for more than 90 days; plan a shorter time"}},

		{"authorised in time", night, "2026-12-05T21:00:00Z", itsm.GateAuthorized, nil},
		{"authorised too late", night, "2026-12-05T21:00:01Z", itsm.GateAuthorized, []string{"its planned start has passed; reschedule it"}},

		{"it begins on time", night, "2026-12-05T21:00:00Z", itsm.GateStart, nil},
		{"it begins late", night, "2026-12-06T04:59:59Z", itsm.GateStart, nil},
		{"it begins too late", night, "2026-12-06T05:00:00Z", itsm.GateStart, []string{"its planned time is over; reschedule it"}},
		{"what was outside is past", period(t, "2026-12-05T18:00:00Z", "2026-12-06T05:00:00Z"), "2026-12-05T21:00:00Z", itsm.GateStart, nil},

		{"nothing is planned", nil, "2026-12-20T12:00:00Z", itsm.GatePlanned, nil},
		{"and it would be a freeze", nil, "2026-12-20T12:00:00Z", itsm.GateStart, []string{"it would begin in " + frozen}},
		{"and it is none", nil, "2026-12-17T22:59:59Z", itsm.GateStart, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, itsm.CheckSchedule(normalChange(t), c.planned, instant(t, c.now), c.gate))
		})
	}
}

func TestWithoutLeadTimeOnlyWhatIsOverCannotBePlanned(t *testing.T) {
	t.Parallel()
	now := instant(t, "2026-12-01T12:00:00Z")
	assert.Empty(t, itsm.CheckSchedule(itsm.ScheduleRules{}, period(t, "2026-12-01T11:59:00Z", "2026-12-01T13:00:00Z"), now, itsm.GatePlanned))
	assert.Equal(t, []string{"its planned time is over; plan a later one"},
		itsm.CheckSchedule(itsm.ScheduleRules{}, period(t, "2026-12-01T11:00:00Z", "2026-12-01T12:00:00Z"), now, itsm.GatePlanned))
}

func TestAdjoiningWindowsAreOne(t *testing.T) {
	t.Parallel()
	rules := itsm.ScheduleRules{Windows: []itsm.NamedCalendar{
		{Name: "late", Calendar: calendar(t, "UTC", on(t, "20:00-24:00", time.Saturday))},
		{Name: "early", Calendar: calendar(t, "UTC", on(t, "00:00-04:00", time.Sunday))},
		{Name: "overlapping", Calendar: calendar(t, "UTC", on(t, "03:00-06:00", time.Sunday))},
	}}
	now := instant(t, "2026-12-01T12:00:00Z")
	assert.Empty(t, itsm.CheckSchedule(rules, period(t, "2026-12-05T20:00:00Z", "2026-12-06T06:00:00Z"), now, itsm.GatePlanned))
	assert.Len(t, itsm.CheckSchedule(rules, period(t, "2026-12-05T20:00:00Z", "2026-12-06T06:00:01Z"), now, itsm.GatePlanned), 1)
}

func TestConflictIsSaidWithTheServiceThatIsShared(t *testing.T) {
	t.Parallel()
	p := period(t, "2026-12-05T21:00:00Z", "2026-12-05T23:00:00Z")
	slot := func(process, service string, needs ...string) itsm.Slot {
		return itsm.Slot{Process: process, Service: service, Needs: needs, Start: p.Start, End: p.End}
	}
	payments, ledger := slot("CHG-1", "payments", "ledger"), slot("CHG-2", "ledger")
	at := "2026-12-05T21:00:00Z to 2026-12-05T23:00:00Z"
	assert.Equal(t, []string{"CHG-2 (ledger) has " + at + " on ledger"}, payments.DescribeConflicts([]itsm.Slot{ledger}))
	assert.Equal(t, []string{"CHG-1 (payments) has " + at + " on ledger"}, ledger.DescribeConflicts([]itsm.Slot{payments}))
	assert.Equal(t, []string{"CHG-3 (payments) has " + at + " on payments"}, payments.DescribeConflicts([]itsm.Slot{slot("CHG-3", "payments")}))

	var many []itsm.Slot
	for i := range 12 {
		many = append(many, slot("CHG-"+strconv.Itoa(10+i), "ledger"))
	}
	words := payments.DescribeConflicts(many)
	assert.Len(t, words, 11)
	assert.Equal(t, "and 2 more", words[10])
}

func drawRules(t *rapid.T) itsm.ScheduleRules {
	named := func(label string) (all []itsm.NamedCalendar) {
		for i := range rapid.IntRange(0, 2).Draw(t, label) {
			all = append(all, itsm.NamedCalendar{Name: label + strconv.Itoa(i), Calendar: drawCalendar(t)})
		}
		return all
	}
	return itsm.ScheduleRules{Windows: named("windows"), Freezes: named("freezes")}
}

func TestPartOfAPeriodThatMayBeMayBeToo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t)
		start := drawInstant(t, "start")
		whole := itsm.Period{Start: start, End: start.Add(time.Duration(rapid.IntRange(2, 100_000).Draw(t, "length")) * time.Second)}
		length := int(whole.End.Sub(whole.Start) / time.Second)
		from := rapid.IntRange(0, length-1).Draw(t, "from")
		to := rapid.IntRange(from+1, length).Draw(t, "to")
		part := itsm.Period{Start: start.Add(time.Duration(from) * time.Second), End: start.Add(time.Duration(to) * time.Second)}
		if len(itsm.CheckSchedule(rules, &whole, start, itsm.GatePlanned)) == 0 {
			assert.Empty(t, itsm.CheckSchedule(rules, &part, start, itsm.GatePlanned))
		}
	})
}

func TestEveryInstantOfAPeriodThatMayBeIsOpenAndNotFrozen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t)
		start := drawInstant(t, "start")
		p := itsm.Period{Start: start, End: start.Add(time.Duration(rapid.IntRange(1, 100_000).Draw(t, "length")) * time.Second)}
		at := start.Add(time.Duration(rapid.Int64Range(0, int64(p.End.Sub(start))-1).Draw(t, "at")))
		if len(itsm.CheckSchedule(rules, &p, start, itsm.GatePlanned)) > 0 {
			return
		}
		open := len(rules.Windows) == 0
		for _, window := range rules.Windows {
			open = open || window.Open(at)
		}
		assert.True(t, open, at)
		for _, freeze := range rules.Freezes {
			assert.False(t, freeze.Open(at), at)
		}
	})
}

func TestNextSlotMayBe(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t)
		from := drawInstant(t, "from")
		length := time.Duration(rapid.IntRange(1, 40_000).Draw(t, "length")) * time.Second
		next, ok := rules.NextSlot(from, length)
		if !ok {
			return
		}
		assert.False(t, next.Before(from))
		assert.Empty(t, itsm.CheckSchedule(rules, &itsm.Period{Start: next, End: next.Add(length)}, from, itsm.GatePlanned))
		earlier := from.Add(time.Duration(rapid.Int64Range(0, int64(next.Sub(from))).Draw(t, "earlier")))
		if earlier.Before(next) {
			assert.NotEmpty(t, itsm.CheckSchedule(rules, &itsm.Period{Start: earlier, End: earlier.Add(length)}, from, itsm.GatePlanned), "there is none before it")
		}
	})
}
