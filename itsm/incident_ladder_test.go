package itsm_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

// onLadder has the ladder of a policy and no clocks.
func onLadder(t require.TestingT, adapt ...func(*outage)) *outage {
	rules := standardIncidents()
	rules.Targets = nil
	o := newOutage(t, rules, worst, nil)
	for _, change := range adapt {
		change(o)
	}
	return o.opened()
}

func rota(rungs ...[]string) func(*outage) { return func(o *outage) { o.rota = rungs } }

func TestRungsAreToldInTimeAndAgainAsOftenAsThePolicySays(t *testing.T) {
	t.Parallel()
	o := onLadder(t).at(100 * time.Hour)
	assert.Equal(t, []string{
		"0m page 1.1 alice", "5m page 1.2 bob tom", "15m page 1.3 maria tom",
		"30m page 2.1 alice", "35m page 2.2 bob tom", "45m page 2.3 maria tom",
		"60m page 3.1 alice", "65m page 3.2 bob tom", "75m page 3.3 maria tom",
		"90m exhausted",
	}, o.climbed())
	assert.Equal(t, []string{"maria"}, o.told(itsm.EventLadderExhausted), "the owner is told")
	assert.Len(t, o.detail().Pages, 9)
	o.isIn(itsm.IncidentNew)
}

func TestNobodyIsToldASecondTooEarly(t *testing.T) {
	t.Parallel()
	o := onLadder(t).at(5*time.Minute - time.Second)
	assert.Len(t, o.climbed(), 1)
	assert.Equal(t, itsm.Coming{At: monday.Add(5 * time.Minute), What: "rung 2 of the ladder is told"}, o.detail().Next[0])
	assert.Len(t, o.at(5*time.Minute).climbed(), 2)
}

func TestRungAfterAnOutageGetsItsWholeTime(t *testing.T) {
	t.Parallel()
	o := onLadder(t).late(2 * time.Hour)
	assert.Equal(t, []string{"0m page 1.1 alice", "120m page 1.2 bob tom"}, o.climbed(), "nothing is skipped, nothing comes twice")
	o.at(130 * time.Minute)
	assert.Equal(t, "130m page 1.3 maria tom", o.climbed()[2])
}

func TestEmptyRungIsPassedAtOnceAndRecorded(t *testing.T) {
	t.Parallel()
	o := onLadder(t, rota(nil, []string{"bob"}, nil)).at(25 * time.Minute)
	assert.Equal(t, []string{
		"0m passed 1.1", "0m page 1.2 bob", "10m passed 1.3", "10m passed 2.1", "10m page 2.2 bob",
		"20m passed 2.3", "20m passed 3.1", "20m page 3.2 bob",
	}, o.climbed())
	var passed itsm.PageSent
	o.event(itsm.EventRungPassed, &passed)
	assert.Equal(t, "nobody is there to be told", passed.Why)
	assert.Equal(t, []string{"30m passed 3.3", "30m exhausted"}, o.at(time.Hour).climbed()[8:])
}

func TestLadderOfNobodyIsExhaustedAtOnceAndLooksAgainWhetherSomebodyIsThere(t *testing.T) {
	t.Parallel()
	o := onLadder(t, rota(nil, nil, nil))
	assert.Len(t, o.climbed(), 10)
	assert.Equal(t, "0m exhausted", o.climbed()[9])
	assert.Equal(t, 1, o.at(14*time.Minute).count(itsm.EventLadderExhausted))
	assert.Equal(t, 2, o.at(16*time.Minute).count(itsm.EventLadderExhausted))
	assert.Equal(t, 2, o.at(44*time.Minute).count(itsm.EventLadderExhausted), "ever less often")
	assert.Equal(t, 3, o.at(46*time.Minute).count(itsm.EventLadderExhausted))
}

func TestLadderRestsWhileItIsAcknowledged(t *testing.T) {
	t.Parallel()
	o := onLadder(t).at(6 * time.Minute)
	o.must(o.acknowledging("bob")).isIn(itsm.IncidentInProgress)
	assert.Equal(t, "bob", o.Assignee, "who takes it on has it")
	o.at(66*time.Minute - time.Second)
	assert.Equal(t, []string{"0m page 1.1 alice", "5m page 1.2 bob tom"}, o.climbed())
}

func TestSilenceLetsTheLadderGoOnWhereItStopped(t *testing.T) {
	t.Parallel()
	o := onLadder(t).at(6 * time.Minute)
	o.must(o.acknowledging("bob")).at(2 * time.Hour)
	assert.Equal(t, []string{"66m resumed", "66m page 1.3 maria tom", "81m page 2.1 alice"}, o.climbed()[2:5])
	var why itsm.IncidentEvent
	o.event(itsm.EventLadderResumed, &why)
	assert.Equal(t, "there was no sign of life for 1h after bob acknowledged it", why.Why)
	assert.Nil(t, o.Acknowledged)

	o.must(o.acknowledging("alice")).at(181 * time.Minute)
	assert.Equal(t, "180m resumed", o.climbed()[len(o.climbed())-2], "an hour after the second")
}

func TestSilenceAfterTheLadderWasOverBeginsItAnew(t *testing.T) {
	t.Parallel()
	o := onLadder(t).at(2 * time.Hour)
	o.must(o.acknowledging("bob")).at(3*time.Hour + 5*time.Minute)
	assert.Equal(t, []string{"180m resumed", "180m page 1.1 alice", "185m page 1.2 bob tom"}, o.climbed()[10:])
	assert.Equal(t, 2, o.at(10*time.Hour).count(itsm.EventLadderExhausted))
}

func TestSignOfLifePutsTheLadderOff(t *testing.T) {
	t.Parallel()
	for name, sign := range map[string]func(*outage) func() (int, error){
		"note":        func(o *outage) func() (int, error) { return o.noting("chen", "I look at the logs") },
		"assign":      func(o *outage) func() (int, error) { return o.assigning("bob", "chen") },
		"classify":    func(o *outage) func() (int, error) { return o.classifying(classed("low", ""), "I looked") },
		"declare":     func(o *outage) func() (int, error) { return o.declaring("tom") },
		"attach":      func(o *outage) func() (int, error) { return o.attaching("CHG-1") },
		"acknowledge": func(o *outage) func() (int, error) { return o.acknowledging("chen") },
		"hold and go on": func(o *outage) func() (int, error) {
			o.must(o.holding("bob", itsm.IncidentWaitingUser))
			return o.resuming("bob")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := onLadder(t)
			o.must(o.acknowledging("bob")).at(50 * time.Minute).must(sign(o))
			assert.Equal(t, 0, o.at(110*time.Minute-time.Second).count(itsm.EventLadderResumed))
			assert.Equal(t, 1, o.at(110*time.Minute).count(itsm.EventLadderResumed))
		})
	}
}

func TestMachinesAndAlertsAreNoSignOfLife(t *testing.T) {
	t.Parallel()
	o := onLadder(t)
	o.must(o.acknowledging("bob")).at(50 * time.Minute).must(func() (int, error) {
		return o.Note(itsm.Command{Actor: itsm.Integration("ci"), Comment: "build 7"}, o.now)
	})
	o.must(o.changing(itsm.Alert{Service: "payments", Key: "k", Status: itsm.AlertFiring, Severity: itsm.SeverityError, Change: 1}))
	assert.Equal(t, 1, o.at(time.Hour).count(itsm.EventLadderResumed))
}

func TestAcknowledgementHoldsForEverWhereThePolicySaysNothing(t *testing.T) {
	t.Parallel()
	o := onLadder(t, func(o *outage) { o.Rules.Silence = itsm.Duration{} })
	o.must(o.acknowledging("bob")).at(1000 * time.Hour)
	assert.Len(t, o.climbed(), 1)
}

func TestEscalatingByHandTellsTheNextRungAtOnce(t *testing.T) {
	t.Parallel()
	o := onLadder(t).at(2 * time.Minute)
	o.must(o.escalating(0)).at(13 * time.Minute)
	assert.Equal(t, []string{"0m page 1.1 alice", "2m escalated 1.2", "2m page 1.2 bob tom", "12m page 1.3 maria tom"}, o.climbed())
}

func TestEscalatingByHandMayJump(t *testing.T) {
	t.Parallel()
	o := onLadder(t).at(2 * time.Minute)
	o.must(o.escalating(3)).at(18 * time.Minute)
	assert.Equal(t, []string{"2m escalated 1.3", "2m page 1.3 maria tom", "17m page 2.1 alice"}, o.climbed()[1:])
	o.refuses(itsm.CodeInvalid, o.escalating(4), "the ladder has 3 rungs")
	o.refuses(itsm.CodeInvalid, o.escalating(-1))
}

func TestEscalatingAfterTheEndBeginsAnew(t *testing.T) {
	t.Parallel()
	o := onLadder(t).at(2 * time.Hour)
	o.must(o.escalating(0))
	assert.Equal(t, []string{"120m escalated 1.1", "120m page 1.1 alice"}, o.climbed()[10:])
	jump := onLadder(t).at(2 * time.Hour)
	jump.must(jump.escalating(2)).at(131 * time.Minute)
	assert.Equal(t, []string{"120m escalated 1.2", "120m page 1.2 bob tom", "130m page 1.3 maria tom"}, jump.climbed()[10:])
}

func TestEscalatingTakesAnAcknowledgementBackAndEndsAWait(t *testing.T) {
	t.Parallel()
	o := onLadder(t)
	o.must(o.holding("bob", itsm.IncidentWaitingSupplier)).at(time.Minute).must(o.escalating(0)).isIn(itsm.IncidentInProgress)
	assert.Nil(t, o.Acknowledged)
	assert.Equal(t, "1m page 1.2 bob tom", o.climbed()[2])
	assert.Equal(t, monday.Add(time.Minute), *o.Resolve.Pauses[0].To)
}

func TestLadderRestsWhileTheIncidentWaits(t *testing.T) {
	t.Parallel()
	o := onLadder(t)
	o.must(o.holding("bob", itsm.IncidentWaitingUser)).at(500 * time.Hour)
	assert.Len(t, o.climbed(), 1, "neither the next rung, nor silence")
	o.must(o.resuming("bob")).at(501*time.Hour - time.Second)
	assert.Len(t, o.climbed(), 1)
	assert.Equal(t, 1, o.at(501*time.Hour).count(itsm.EventLadderResumed))
}

func TestResolvedStopsTheLadderAndReopenedBeginsItAgain(t *testing.T) {
	t.Parallel()
	o := onLadder(t).at(6 * time.Minute)
	o.must(o.solving).at(time.Hour)
	assert.Len(t, o.climbed(), 2)
	o.must(o.reopening("still slow")).isIn(itsm.IncidentInProgress).at(66 * time.Minute)
	assert.Equal(t, []string{"60m page 1.1 alice", "65m page 1.2 bob tom"}, o.climbed()[2:])
}

func maintenance(until time.Duration) *itsm.PagingSuppressed {
	end := monday.Add(until)
	return &itsm.PagingSuppressed{Why: "maintenance MNT-1", Until: &end}
}

func TestSuppressedPagingWaitsVisiblyAndLooksAgain(t *testing.T) {
	t.Parallel()
	o := onLadder(t, func(o *outage) { o.suppressed = maintenance(40 * time.Minute) })
	assert.Equal(t, "maintenance MNT-1", o.detail().Ladder.Suppressed)
	for _, after := range []int{15, 30, 40} {
		assert.Equal(t, monday.Add(time.Duration(after)*time.Minute), *o.Ladder.Next)
		if after == 40 {
			o.suppressed = nil
		}
		o.at(time.Duration(after) * time.Minute)
	}
	assert.Equal(t, []string{"0m suppressed", "40m allowed", "40m page 1.1 alice"}, o.climbed(), "told once, and no rung is lost")
	assert.Empty(t, o.detail().Ladder.Suppressed)
}

func TestMaintenanceThatEndsEarlyIsNoticedInAQuarter(t *testing.T) {
	t.Parallel()
	o := onLadder(t, func(o *outage) { o.suppressed = maintenance(40 * time.Hour) }).at(16 * time.Minute)
	o.suppressed = nil
	assert.Equal(t, "30m page 1.1 alice", o.at(time.Hour).climbed()[2])
}

func TestSuppressionWithoutAnEndOrWithOneThatIsPastLooksAgainToo(t *testing.T) {
	t.Parallel()
	for _, s := range []*itsm.PagingSuppressed{{Why: "CHG-3 is being implemented"}, maintenance(0), maintenance(-time.Hour)} {
		o := onLadder(t, func(o *outage) { o.suppressed = s })
		assert.Equal(t, monday.Add(15*time.Minute), *o.Ladder.Next)
	}
}

func TestAnotherReasonToSuppressIsToldToo(t *testing.T) {
	t.Parallel()
	o := onLadder(t, func(o *outage) { o.suppressed = maintenance(40 * time.Hour) })
	o.suppressed = &itsm.PagingSuppressed{Why: "CHG-3 is being implemented"}
	assert.Equal(t, []string{"0m suppressed", "15m suppressed"}, o.at(20*time.Minute).climbed())
	o.must(o.solving)
	assert.Empty(t, o.detail().Ladder.Suppressed, "nobody would be paged anyway")
}

func TestSuppressionIsToldAgainAfterAnAcknowledgement(t *testing.T) {
	t.Parallel()
	o := onLadder(t, func(o *outage) { o.suppressed = maintenance(40 * time.Hour) })
	o.must(o.acknowledging("bob"))
	assert.Empty(t, o.detail().Ladder.Suppressed, "nobody would be paged anyway")
	assert.Equal(t, []string{"0m suppressed", "60m resumed", "60m suppressed"}, o.at(2*time.Hour).climbed())
}

func TestWhoAsksForHelpByHandGetsItAlsoInAMaintenance(t *testing.T) {
	t.Parallel()
	o := onLadder(t, rota(nil, []string{"bob"}, []string{"tom"}), func(o *outage) { o.suppressed = maintenance(40 * time.Hour) }).at(time.Minute)
	o.must(o.escalating(0)).at(time.Hour)
	assert.Equal(t, []string{"0m suppressed", "1m escalated 1.1", "1m passed 1.1", "1m page 1.2 bob"}, o.climbed(), "somebody is told, and then nobody any more")
	assert.NotEmpty(t, o.detail().Ladder.Suppressed)
}

func TestWhatCameOfAPageIsInTheView(t *testing.T) {
	t.Parallel()
	o := onLadder(t).at(6 * time.Minute)
	first, second := o.Pages[0], o.Pages[1]
	assert.Equal(t, itsm.Page{Event: 2, At: monday, Round: 1, Rung: 1, To: []string{"alice"}}, first)
	outcomes := json.RawMessage(`[{"to":"bob","channel":"mail","result":"sent"}]`)
	o.NoteSent(itsm.Command{Actor: itsm.System()}, []itsm.Sent{
		{About: second.Event, Type: itsm.EventPageSent, Outcomes: outcomes},
		{About: first.Event, Type: itsm.EventClockWarned, Outcomes: json.RawMessage(`["another message"]`)},
	}, o.now)
	pages := o.detail().Pages
	assert.JSONEq(t, string(outcomes), string(pages[1].Outcomes))
	assert.Empty(t, pages[0].Outcomes)
	assert.Equal(t, []string{"bob", "tom"}, pages[1].To)
}

func TestStateKeepsTheNewestHundredPages(t *testing.T) {
	t.Parallel()
	o := onLadder(t)
	for range 120 {
		o.must(o.escalating(1))
	}
	assert.Len(t, o.Pages, 100)
	var newest itsm.PageSent
	assert.Equal(t, o.event(itsm.EventPageSent, &newest).Number, o.Pages[99].Event)
	assert.Equal(t, 121, o.count(itsm.EventPageSent))
}
