package itsm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/steward-itsm/steward/itsm"
)

// incidentIn is an incident that was led to a phase.
func incidentIn(t *testing.T, phase itsm.IncidentPhase) *outage {
	o := reported(t, classed("medium", "medium"))
	switch phase {
	case itsm.IncidentNew:
	case itsm.IncidentInProgress:
		o.must(o.acknowledging("bob"))
	case itsm.IncidentWaitingUser, itsm.IncidentWaitingSupplier:
		o.must(o.holding("bob", phase))
	case itsm.IncidentResolved:
		o.must(o.solving)
	case itsm.IncidentClosed:
		o.must(o.solving).at(5 * day)
	}
	return o.isIn(phase)
}

func TestEachPhaseOfAnIncidentTakesItsCommandsAndRefusesTheOthers(t *testing.T) {
	t.Parallel()
	const fine, phase, same = itsm.Code(""), itsm.CodePhase, itsm.CodeNothingChanged
	commands := map[string]struct {
		do    func(*outage) func() (int, error)
		codes [5]itsm.Code // new, in progress, waiting for the user, for a supplier, resolved
	}{
		"acknowledge":       {func(o *outage) func() (int, error) { return o.acknowledging("chen") }, [5]itsm.Code{fine, fine, fine, fine, phase}},
		"assign":            {func(o *outage) func() (int, error) { return o.assigning("tom", "chen") }, [5]itsm.Code{fine, fine, fine, fine, phase}},
		"note":              {func(o *outage) func() (int, error) { return o.noting("chen", "hm") }, [5]itsm.Code{fine, fine, fine, fine, fine}},
		"hold for the user": {func(o *outage) func() (int, error) { return o.holding("bob", itsm.IncidentWaitingUser) }, [5]itsm.Code{fine, fine, same, fine, phase}},
		"hold for supplier": {func(o *outage) func() (int, error) { return o.holding("bob", itsm.IncidentWaitingSupplier) }, [5]itsm.Code{fine, fine, fine, same, phase}},
		"resume":            {func(o *outage) func() (int, error) { return o.resuming("bob") }, [5]itsm.Code{phase, phase, fine, fine, phase}},
		"classify":          {func(o *outage) func() (int, error) { return o.classifying(worst, "I looked") }, [5]itsm.Code{fine, fine, fine, fine, phase}},
		"escalate":          {func(o *outage) func() (int, error) { return o.escalating(2) }, [5]itsm.Code{fine, fine, fine, fine, phase}},
		"declare":           {func(o *outage) func() (int, error) { return o.declaring("tom") }, [5]itsm.Code{fine, fine, fine, fine, phase}},
		"resolve":           {func(o *outage) func() (int, error) { return o.solving }, [5]itsm.Code{fine, fine, fine, fine, phase}},
		"reopen":            {func(o *outage) func() (int, error) { return o.reopening("still slow") }, [5]itsm.Code{phase, phase, phase, phase, fine}},
		"merge":             {func(o *outage) func() (int, error) { return o.merging("INC-2") }, [5]itsm.Code{fine, fine, fine, fine, fine}},
		"absorb":            {func(o *outage) func() (int, error) { return o.absorbing("INC-2") }, [5]itsm.Code{fine, fine, fine, fine, fine}},
		"attach":            {func(o *outage) func() (int, error) { return o.attaching("CHG-1") }, [5]itsm.Code{fine, fine, fine, fine, fine}},
		"alert": {func(o *outage) func() (int, error) {
			return o.changing(itsm.Alert{Key: "k", Status: itsm.AlertFiring, Severity: itsm.SeverityInfo})
		}, [5]itsm.Code{fine, fine, fine, fine, fine}},
	}
	phases := []itsm.IncidentPhase{itsm.IncidentNew, itsm.IncidentInProgress, itsm.IncidentWaitingUser, itsm.IncidentWaitingSupplier, itsm.IncidentResolved}
	for name, c := range commands {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n, in := range phases {
				o := incidentIn(t, in)
				if c.codes[n] == fine {
					before := o.LastEvent
					o.must(c.do(o))
					assert.Greater(t, o.LastEvent, before, "in %s", in)
				} else {
					o.refuses(c.codes[n], c.do(o))
				}
			}
			o := incidentIn(t, itsm.IncidentClosed)
			o.refuses(itsm.CodeProcessClosed, c.do(o), "INC-1 is closed: it was resolved")
			o = incidentIn(t, itsm.IncidentInProgress)
			o.must(o.merging("INC-2")).refuses(itsm.CodeProcessClosed, c.do(o), "merged into INC-2; go on there")
		})
	}
}

func TestChecksSayTheSameAsCommands(t *testing.T) {
	t.Parallel()
	o := incidentIn(t, itsm.IncidentResolved)
	assert.Equal(t, itsm.CodePhase, itsm.ErrorCode(o.CheckAcknowledge()))
	assert.ErrorContains(t, o.CheckAcknowledge(), "it is resolved, resolved by bob")
	assert.Equal(t, itsm.CodePhase, itsm.ErrorCode(o.CheckResolve("deployment", "none")))
	assert.NoError(t, o.CheckReopen(because("ines", "still slow")))
	assert.NoError(t, o.CheckMerge("INC-2"))
	assert.NoError(t, o.CheckOpen())
}

func TestResolvingNeedsACauseAndAFix(t *testing.T) {
	t.Parallel()
	o := incidentIn(t, itsm.IncidentInProgress)
	o.refuses(itsm.CodeInvalid, o.resolving("", "none"), "code for the cause")
	o.refuses(itsm.CodeInvalid, o.resolving("deployment", ""), "code for the fix")
	o.must(o.solving)
	assert.Equal(t, &itsm.Resolution{By: "bob", At: o.now, Cause: "deployment", Fix: "rolled-back"}, o.detail().Resolution)
	var resolved itsm.IncidentEvent
	o.event(itsm.EventIncidentResolved, &resolved)
	assert.Equal(t, itsm.IncidentEvent{Cause: "deployment", Fix: "rolled-back"}, resolved)
	assert.Equal(t, []string{"ines"}, o.told(itsm.EventIncidentResolved), "the reporter may say that it is not")
}

func TestResolvedIncidentClosesByItselfUnlessItIsReopened(t *testing.T) {
	t.Parallel()
	o := incidentIn(t, itsm.IncidentResolved)
	assert.Equal(t, []itsm.Coming{{At: monday.Add(5 * day), What: "it closes by itself"}}, o.detail().Next)
	o.at(5*day - time.Second).isIn(itsm.IncidentResolved)
	o.at(5 * day).ended(itsm.OutcomeResolved)
	var closed itsm.IncidentEvent
	o.event(itsm.EventIncidentClosed, &closed)
	assert.Equal(t, "it was resolved, and nobody reopened it", closed.Why)

	again := incidentIn(t, itsm.IncidentResolved).at(5*day - time.Second)
	again.refuses(itsm.CodeCommentRequired, again.reopening(""), "what is still wrong")
	again.must(again.reopening("still slow")).at(50 * day).isIn(itsm.IncidentInProgress)
	assert.Nil(t, again.Resolution)
	assert.Empty(t, again.told(itsm.EventIncidentReopened), "nobody had it")
	again.must(again.solving).at(55*day - time.Second).isIn(itsm.IncidentResolved)
	again.at(55 * day).ended(itsm.OutcomeResolved)
}

func TestPolicyWithoutATimeClosesAtOnce(t *testing.T) {
	t.Parallel()
	rules := standardIncidents()
	rules.AutoClose = itsm.Duration{}
	o := newOutage(t, rules, worst, nil).opened()
	o.must(o.solving).ended(itsm.OutcomeResolved)
	assert.Equal(t, itsm.EventIncidentClosed, o.events[len(o.events)-1].Type)
}

func TestClocksOfAReopenedIncidentGoOnWhereTheyStopped(t *testing.T) {
	t.Parallel()
	o := reported(t, classed("high", "medium")).at(10 * time.Minute)
	o.must(o.acknowledging("bob")).at(2 * time.Hour).must(o.solving).at(30 * time.Hour).must(o.reopening("still slow"))
	assert.Equal(t, monday.Add(36*time.Hour), *o.Resolve.Due, "six hours are left")
	assert.Equal(t, monday.Add(10*time.Minute), *o.Respond.Stopped, "somebody did respond")
	assert.Nil(t, o.Acknowledged)
	assert.Zero(t, o.at(36*time.Hour-time.Second).count(itsm.EventClockBreached))
	assert.Equal(t, 1, o.at(36*time.Hour).count(itsm.EventClockBreached))
}

func TestAssigneeIsToldAndHasItInTheInbox(t *testing.T) {
	t.Parallel()
	o := reported(t, classed("medium", "medium"))
	o.must(o.assigning("tom", "chen"))
	assert.Equal(t, []string{"chen"}, o.told(itsm.EventIncidentAssigned))
	assert.Equal(t, []string{"chen: resolve"}, o.inbox(), "also before anybody acknowledged it")
	o.refuses(itsm.CodeNothingChanged, o.assigning("tom", "chen"), "assigned to chen already")
	o.must(o.acknowledging("chen"))
	item := o.Inbox(o.now)[0]
	assert.Equal(t, "P3: Payments are slow", item.Title)
	assert.Equal(t, itsm.ActionResolve, item.Action)
	assert.Equal(t, o.Resolve.Due, item.Due)
	o.must(o.holding("chen", itsm.IncidentWaitingUser))
	assert.Empty(t, o.inbox(), "it waits for somebody else")
	o.must(o.resuming("chen"))
	assert.Equal(t, []string{"chen: resolve"}, o.inbox())
	o.must(o.solving)
	assert.Empty(t, o.inbox())
	o.must(o.reopening("still slow"))
	assert.Equal(t, []string{"chen"}, o.told(itsm.EventIncidentReopened))
	assert.Equal(t, []string{"chen: resolve"}, o.inbox())
}

func TestFirstToAcknowledgeBecomesAssigneeUnlessThereIsOne(t *testing.T) {
	t.Parallel()
	o := incidentIn(t, itsm.IncidentNew)
	o.must(o.assigning("tom", "chen")).must(o.acknowledging("bob"))
	assert.Equal(t, "chen", o.Assignee)
	machine := incidentIn(t, itsm.IncidentNew)
	machine.must(func() (int, error) {
		return machine.Acknowledge(itsm.Command{Actor: itsm.Integration("chat")}, machine.now)
	})
	assert.Empty(t, machine.Assignee, "a machine has no hands")
	assert.Equal(t, "chat", machine.Acknowledged.By)
}

func TestNoteNeedsWordsAndHoldNeedsSomebodyToWaitFor(t *testing.T) {
	t.Parallel()
	o := incidentIn(t, itsm.IncidentNew)
	o.refuses(itsm.CodeCommentRequired, o.noting("bob", ""))
	o.refuses(itsm.CodeInvalid, o.holding("bob", itsm.IncidentResolved), "waiting-for-user or waiting-for-supplier")
	o.refuses(itsm.CodeInvalid, o.holding("bob", ""))
}

func TestMergedIncidentEndsAndSaysWhereItGoesOn(t *testing.T) {
	t.Parallel()
	o := incidentIn(t, itsm.IncidentResolved)
	o.refuses(itsm.CodeInvalid, o.merging("INC-1"), "can't be merged into itself")
	o.must(o.merging("INC-2")).ended(itsm.OutcomeMerged)
	detail := o.detail()
	assert.Equal(t, "INC-2", detail.MergedInto)
	assert.Nil(t, detail.CloseAt, "it does not close again")
	assert.Empty(t, detail.Next)
	assert.Equal(t, itsm.EventIncidentMerged, o.events[len(o.events)-2].Type)
}

func TestOtherIncidentIsAbsorbedOnce(t *testing.T) {
	t.Parallel()
	o := incidentIn(t, itsm.IncidentInProgress)
	o.must(o.absorbing("INC-2")).must(o.absorbing("INC-3")).must(o.absorbing("INC-2"))
	assert.Equal(t, []string{"INC-2", "INC-3"}, o.detail().Absorbed)
	assert.Equal(t, 2, o.count(itsm.EventIncidentAbsorbed))
}

// hear takes whom the incident has to tell of a change, as its process does.
func (o *outage) hear() []string {
	told := o.Told
	o.Told = nil
	return told
}

func TestTransitionsInEarlyLifeAreToldOfWhatTheirRulesMayAskFor(t *testing.T) {
	t.Parallel()
	o := newOutage(t, standardIncidents(), classed("medium", "medium"), nil)
	o.transitions = []string{"CHG-1", "CHG-2"}
	o.opened()
	assert.Equal(t, []string{"CHG-1", "CHG-2"}, o.detail().Transitions)
	assert.Equal(t, 2, o.count(itsm.EventTransitionAttached))
	assert.Equal(t, []string{"CHG-1", "CHG-2"}, o.hear())
	o.must(o.noting("bob", "hm"))
	assert.Empty(t, o.hear(), "of no interest to them")
	o.must(o.attaching("CHG-3"))
	assert.Equal(t, []string{"CHG-3"}, o.hear())
	o.refuses(itsm.CodeNothingChanged, o.attaching("CHG-1"), "attached to CHG-1 already")
	all := []string{"CHG-1", "CHG-2", "CHG-3"}
	for _, do := range []func() (int, error){
		o.classifying(itsm.Classification{Category: "network"}, "I looked"), o.classifying(worst, "I looked"), o.acknowledging("bob"),
		o.holding("bob", itsm.IncidentWaitingUser), o.resuming("bob"), o.solving, o.reopening("no"), o.merging("INC-2"),
	} {
		o.must(do)
		assert.Equal(t, all, o.hear())
	}
}

func TestProblemsOfLookingUpAreNotedAndHoldNothingUp(t *testing.T) {
	t.Parallel()
	o := newOutage(t, standardIncidents(), worst, nil)
	o.problems = []string{"the group ghosts has no members"}
	o.opened()
	var note itsm.IncidentEvent
	o.event(itsm.EventIncidentNoted, &note)
	assert.Equal(t, "the group ghosts has no members", note.Note)
	assert.Equal(t, []string{"0m page 1.1 alice"}, o.climbed())
}

func TestReceiptOfAnIncidentSaysHowFarItIs(t *testing.T) {
	t.Parallel()
	o := incidentIn(t, itsm.IncidentResolved)
	assert.Equal(t, itsm.Receipt{Process: "INC-1", Event: 4, State: itsm.StateOpen, Stage: "resolved", Fingerprint: "f"},
		o.Receipt(itsm.Command{Fingerprint: "f"}, 4))
	assert.Equal(t, itsm.IncidentFacts{
		ID: "INC-1", Title: "Payments are slow", Service: "payments", Impact: "medium", Urgency: "medium", Priority: "P3",
		State: "resolved", Reporter: "ines", Opened: monday,
	}, o.Facts())
}

func TestIncidentThatCannotBeReadIsAnErrorAndChangesNothing(t *testing.T) {
	t.Parallel()
	o := incidentIn(t, itsm.IncidentInProgress)
	before := o.snapshot()
	assert.ErrorContains(t, o.Restore([]byte(`{"phase":7}`)), "reading the state of an incident")
	assert.JSONEq(t, string(before), string(o.snapshot()))
}
