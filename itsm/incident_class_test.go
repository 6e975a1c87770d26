package itsm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/steward-itsm/steward/itsm"
)

func TestPriorityFollowsFromImpactAndUrgencyCellByCell(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		impact, urgency itsm.Level
		priority        string
	}{
		{"high", "high", "P1"}, {"high", "medium", "P2"}, {"high", "low", "P3"},
		{"medium", "high", "P2"}, {"medium", "medium", "P3"}, {"medium", "low", "P4"},
		{"low", "high", "P3"}, {"low", "medium", "P4"}, {"low", "low", "P5"},
	} {
		o := reported(t, classed(c.impact, c.urgency))
		assert.Equal(t, c.priority, o.Class.Priority, "%s/%s", c.impact, c.urgency)
		assert.Equal(t, c.priority+": Payments are slow", o.view().Summary)

		o = reported(t, itsm.Classification{Category: "network", Impact: c.impact, Urgency: c.urgency})
		other := classed("low", "low")
		if c.priority == "P5" {
			other = worst
		}
		o.must(o.classifying(other, "I looked")).must(o.classifying(classed(c.impact, c.urgency), "I looked again"))
		assert.Equal(t, itsm.Classification{Category: "network", Impact: c.impact, Urgency: c.urgency, Priority: c.priority}, o.Class)
	}
}

func TestWithoutPoliciesThereIsNoPriorityAndNoClockAndNobodyIsPaged(t *testing.T) {
	t.Parallel()
	o := newOutage(t, itsm.IncidentRules{}, worst, nil).opened()
	assert.Empty(t, o.Class.Priority)
	assert.Equal(t, "Payments are slow", o.Line())
	assert.Nil(t, o.view().Due)
	_, waits := o.NextDue()
	assert.False(t, waits)
	assert.Empty(t, o.climbed())
	o.refuses(itsm.CodeInvalid, o.escalating(0), "service payments has no escalation policy")
	o.must(o.acknowledging("alice")).at(1000 * time.Hour).isIn(itsm.IncidentInProgress)
	o.must(o.solving).ended(itsm.OutcomeResolved)
}

// berlinAt is a time of day on a day of March 2026. Cases open at ten on the second.
func berlinAt(t *testing.T, text string) time.Time { return instant(t, "2026-03-"+text+":00+01:00") }

func TestClocksMeasureWhatThePolicyPromises(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		class                itsm.Classification
		calendar             string
		respond, resolve     string
		respondBy, resolveBy string
	}{
		{worst, "", "15m", "4h", "02T10:15", "02T14:00"},
		{classed("high", "medium"), "", "30m", "8h", "02T10:30", "02T18:00"},
		{classed("medium", "medium"), "office-hours", "4h", "3d", "02T14:00", "05T10:00"},
		{classed("medium", "low"), "office-hours", "8h", "5d", "02T18:00", "09T10:00"},
		{classed("low", "low"), "office-hours", "2d", "10d", "04T10:00", "16T10:00"},
	} {
		o := reported(t, c.class)
		clocks := o.detail().Clocks
		respond, resolve := clocks[itsm.ClockRespond], clocks[itsm.ClockResolve]
		assert.Equal(t, []string{c.respond, c.resolve}, []string{respond.Target, resolve.Target})
		assert.Equal(t, []string{c.calendar, c.calendar}, []string{respond.Calendar, resolve.Calendar})
		assert.Equal(t, berlinAt(t, c.respondBy), *respond.Due)
		assert.Equal(t, berlinAt(t, c.resolveBy), *resolve.Due)
		assert.Equal(t, berlinAt(t, c.respondBy), *o.view().Due)
		o.must(o.acknowledging("alice"))
		assert.Equal(t, berlinAt(t, c.resolveBy), *o.view().Due, "the other is kept")
	}
}

func TestOwnerIsWarnedBeforeABreachAndToldOfItOnTheSecond(t *testing.T) {
	t.Parallel()
	o := reported(t, classed("high", "medium"))
	warned := 22*time.Minute + 30*time.Second
	o.at(warned - time.Second)
	assert.Zero(t, o.count(itsm.EventClockWarned))
	o.at(warned)
	assert.Equal(t, []string{"maria"}, o.told(itsm.EventClockWarned))
	o.at(30*time.Minute - time.Second)
	assert.Zero(t, o.count(itsm.EventClockBreached))
	o.at(30 * time.Minute)
	var breach itsm.ClockEvent
	e := o.event(itsm.EventClockBreached, &breach)
	assert.Equal(t, itsm.ClockEvent{Clock: itsm.ClockRespond, Due: monday.Add(30 * time.Minute)}, breach)
	assert.Equal(t, monday.Add(30*time.Minute), e.Time)

	o.must(o.acknowledging("alice")).at(8 * time.Hour)
	assert.Equal(t, 2, o.count(itsm.EventClockWarned), "each clock warns once")
	assert.Equal(t, 2, o.count(itsm.EventClockBreached), "and is breached once")
	assert.Equal(t, []string{"maria", "alice", "maria"}, o.told(itsm.EventClockBreached), "the assignee is told too")
	assert.Equal(t, monday.Add(8*time.Hour), *o.detail().Clocks[itsm.ClockResolve].Breached)
}

func TestAfterAnOutageABreachIsToldWithoutTheWarning(t *testing.T) {
	t.Parallel()
	o := reported(t, worst).late(5 * time.Hour)
	assert.Zero(t, o.count(itsm.EventClockWarned))
	assert.Equal(t, 2, o.count(itsm.EventClockBreached))
	assert.Equal(t, monday.Add(15*time.Minute), *o.Respond.Breached, "it was when it was")
}

func TestWhoAnswersInTimeBreaksNoPromise(t *testing.T) {
	t.Parallel()
	o := reported(t, worst).at(15*time.Minute - time.Second)
	o.must(o.acknowledging("alice")).at(4*time.Hour - time.Second).must(o.solving).at(100 * time.Hour)
	assert.Zero(t, o.count(itsm.EventClockBreached))
	late := reported(t, worst).at(15*time.Minute + time.Second)
	late.must(late.acknowledging("alice"))
	assert.Equal(t, 1, late.count(itsm.EventClockBreached))
}

func TestClassificationByHandNeedsAReasonAndAChange(t *testing.T) {
	t.Parallel()
	o := reported(t, classed("medium", "medium"))
	o.refuses(itsm.CodeCommentRequired, o.classifying(worst, ""), "why the classification changes")
	o.refuses(itsm.CodeNothingChanged, o.classifying(classed("medium", "medium"), "I looked"))
	o.refuses(itsm.CodeNothingChanged, o.classifying(itsm.Classification{}, "I looked"))
	o.refuses(itsm.CodeInvalid, o.classifying(classed("huge", ""), "I looked"), `"huge" is no level; give high, medium or low`)
	o.refuses(itsm.CodeInvalid, o.classifying(classed("", "now"), "I looked"), `"now"`)
	o.must(o.classifying(itsm.Classification{Priority: "P9", Urgency: "high"}, "I looked"))
	assert.Equal(t, itsm.Classification{Impact: "medium", Urgency: "high", Priority: "P2"}, o.Class, "the matrix has the last word")
	var changed itsm.IncidentClassified
	assert.Equal(t, "I looked", o.event(itsm.EventIncidentClassified, &changed).Comment)
	assert.Equal(t, "P3", changed.From.Priority)
	assert.Equal(t, "P2", changed.To.Priority)
}

func TestClocksFollowThePriorityAndDoNotBeginAgain(t *testing.T) {
	t.Parallel()
	o := reported(t, worst).at(time.Hour) // the clock to respond is breached
	o.must(o.classifying(classed("medium", "medium"), "only one customer"))
	clocks := o.detail().Clocks
	assert.Equal(t, berlinAt(t, "02T14:00"), *clocks[itsm.ClockRespond].Due, "counted from the opening")
	assert.Nil(t, clocks[itsm.ClockRespond].Breached, "by the new target it is not")
	assert.Equal(t, berlinAt(t, "05T10:00"), *clocks[itsm.ClockResolve].Due)
	assert.Equal(t, "office-hours", clocks[itsm.ClockResolve].Calendar)

	o.must(o.acknowledging("alice")).at(6 * time.Hour).must(o.classifying(worst, "all of them after all"))
	clocks = o.detail().Clocks
	assert.Equal(t, "4h", clocks[itsm.ClockRespond].Target, "what is over was measured by what held then")
	assert.Equal(t, monday.Add(4*time.Hour), *clocks[itsm.ClockResolve].Breached, "it should have been resolved by now")
	assert.Equal(t, monday.Add(6*time.Hour), o.event(itsm.EventClockBreached, &itsm.ClockEvent{}).Time)
}

func TestCategoryAloneLeavesTheClocksAndStillAsksThePolicy(t *testing.T) {
	t.Parallel()
	o := reported(t, classed("medium", "medium")).at(time.Hour)
	before := o.detail().Clocks
	o.found, o.major = nil, true
	o.must(o.classifying(itsm.Classification{Category: "security"}, "somebody was in"))
	assert.Equal(t, before, o.detail().Clocks)
	assert.Equal(t, []itsm.IncidentWants{{Major: true}}, o.found)
	assert.Equal(t, "the policy", o.Major.By)
}

func TestPausesStopTheClockToResolveAndNoOther(t *testing.T) {
	t.Parallel()
	o := reported(t, classed("high", "medium")).at(10 * time.Minute)
	o.must(o.holding("bob", itsm.IncidentWaitingUser)).isIn(itsm.IncidentWaitingUser)
	assert.NotNil(t, o.Respond.Stopped, "who has it wait has taken it on")
	assert.Nil(t, o.Resolve.Due)
	assert.Nil(t, o.view().Due)
	o.at(100 * time.Hour)
	assert.Zero(t, o.count(itsm.EventClockBreached))
	assert.Zero(t, o.count(itsm.EventClockWarned))

	o.must(o.holding("bob", itsm.IncidentWaitingSupplier)).at(200 * time.Hour).must(o.resuming("bob")).isIn(itsm.IncidentInProgress)
	assert.Equal(t, monday.Add(207*time.Hour+50*time.Minute), *o.Resolve.Due)
	assert.Len(t, o.Resolve.Pauses, 2)
	assert.Equal(t, []string{"waiting-for-user", "waiting-for-supplier"}, []string{o.Resolve.Pauses[0].Why, o.Resolve.Pauses[1].Why})
}

func TestPhaseThatThePolicyDoesNotPauseInRunsOn(t *testing.T) {
	t.Parallel()
	rules := standardIncidents()
	rules.Pauses = []itsm.IncidentPhase{itsm.IncidentWaitingSupplier}
	o := newOutage(t, rules, classed("high", "medium"), nil).opened()
	o.must(o.holding("bob", itsm.IncidentWaitingUser))
	assert.Equal(t, monday.Add(8*time.Hour), *o.Resolve.Due)
	o.at(time.Hour).must(o.holding("bob", itsm.IncidentWaitingSupplier))
	assert.Nil(t, o.Resolve.Due)
	o.at(2 * time.Hour).must(o.holding("bob", itsm.IncidentWaitingUser))
	assert.Equal(t, monday.Add(9*time.Hour), *o.Resolve.Due)
	o.at(9 * time.Hour)
	assert.Equal(t, 1, o.count(itsm.EventClockBreached), "it runs while it waits for the user")
}

func TestPriorityThatChangesInAPauseLeavesTheClockStanding(t *testing.T) {
	t.Parallel()
	o := reported(t, classed("high", "medium"))
	o.must(o.holding("bob", itsm.IncidentWaitingUser)).at(3 * time.Hour).must(o.classifying(worst, "it is worse")).at(50 * time.Hour)
	assert.Zero(t, o.count(itsm.EventClockBreached))
	o.must(o.resuming("bob"))
	assert.Equal(t, monday.Add(54*time.Hour), *o.Resolve.Due)
	assert.Equal(t, "4h", o.Resolve.Target)
}

func TestPriorityThatChangesInAPauseMayShowABreachOfBefore(t *testing.T) {
	t.Parallel()
	o := reported(t, classed("high", "medium")).at(5 * time.Hour)
	o.must(o.holding("bob", itsm.IncidentWaitingUser)).at(9 * time.Hour).must(o.classifying(worst, "it is worse"))
	var breach itsm.ClockEvent
	assert.Equal(t, monday.Add(9*time.Hour), o.event(itsm.EventClockBreached, &breach).Time, "it is told when it is known")
	assert.Equal(t, itsm.ClockEvent{Clock: itsm.ClockResolve, Due: monday.Add(4 * time.Hour)}, breach)
}
