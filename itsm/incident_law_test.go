package itsm_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/itsm"
)

func TestLawsOfIncidentsHoldWhateverHappens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		punctual := rapid.Bool().Draw(t, "punctual")
		o := drawOutage(t)
		o.checkLaws(punctual)
		for range rapid.IntRange(1, 25).Draw(t, "acts") {
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				o.drawTime(t, punctual)
			case 1:
				o.drawWeather(t)
			default:
				o.suffer(drawAct(t))
			}
			o.checkLaws(punctual)
		}
		o.diligently()
		o.checkLaws(punctual)
	})
}

// suffer has something done to the incident, and to its twin: the same incident
// as the next run of its workflow gets it.
func (o *outage) suffer(do act) {
	o.late(0)
	twin := o.twin()
	o.take(do)
	twin.take(do)
	require.Equal(o.t, string(o.snapshot()), string(twin.snapshot()), "another run would have gone another way")
	require.Equal(o.t, o.events, twin.events)
	require.Equal(o.t, o.notices, twin.notices)
	require.Equal(o.t, o.view(), twin.view())
	require.Equal(o.t, o.inbox(), twin.inbox())
}

func (o *outage) twin() *outage {
	twin := *o
	twin.Incident = itsm.NewIncident(itsm.IncidentStart{ID: "INC-1", Rules: o.Rules})
	require.NoError(o.t, twin.Restore(o.snapshot()))
	require.Equal(o.t, string(o.snapshot()), string(twin.snapshot()))
	twin.events, twin.notices, twin.found = slices.Clone(o.events), slices.Clone(o.notices), slices.Clone(o.found)
	return &twin
}

func (o *outage) take(do act) {
	before, wasClosed := string(o.snapshot()), o.IsClosed()
	act, check := do(o)
	var says error
	if check != nil {
		says = check()
	}
	err := o.try(act)
	if check != nil {
		require.Equal(o.t, says, err, "what a check refuses is not done")
	}
	if err != nil || wasClosed {
		require.Equal(o.t, before, string(o.snapshot()), "what is refused, or over, changes nothing")
		require.Error(o.t, err)
	}
}

// diligently does whatever is waited for: every incident comes to an end.
func (o *outage) diligently() {
	for range 100 {
		if o.IsClosed() {
			return
		}
		items := o.Inbox(o.now)
		switch {
		case o.Phase != itsm.IncidentResolved:
			o.must(o.solving)
		case len(items) > 0:
			o.must(o.completing(items[0].Person, items[0].Task, itsm.TaskWork{}))
		default:
			due, ok := o.NextDue()
			require.True(o.t, ok, "it waits for nothing: %s", o.snapshot())
			o.late(due.Sub(o.now))
		}
	}
	require.FailNow(o.t, "it never ends", "%s", o.snapshot())
}

func (o *outage) checkLaws(punctual bool) {
	require.Len(o.t, o.events, o.LastEvent)
	for n, e := range o.events {
		require.Equal(o.t, n+1, e.Number, "events are numbered without a gap")
		require.False(o.t, n > 0 && e.Time.Before(o.events[n-1].Time))
		require.False(o.t, n > 0 && e.Type == itsm.EventIncidentClosed && n < len(o.events)-1, "nothing comes after the end")
	}
	require.True(o.t, o.Wanted.IsZero())
	o.checkWaiting()
	o.checkClocks()
	o.checkLadder(punctual)
}

// checkWaiting: what is due is done; what is over waits for nothing, and what is
// not is somebody's, or the ladder's, or will end by itself.
func (o *outage) checkWaiting() {
	due, ok := o.NextDue()
	require.True(o.t, !ok || due.After(o.now), "due in the past: %s", due)
	if !o.IsClosed() {
		require.Empty(o.t, o.Outcome)
		for _, coming := range o.detail().Next {
			require.True(o.t, coming.At.After(o.now), "%s", coming.What)
		}
		return
	}
	require.False(o.t, ok)
	require.NotEmpty(o.t, o.Outcome)
	require.Empty(o.t, o.Inbox(o.now))
	require.Empty(o.t, o.detail().Next)
	require.Nil(o.t, o.view().Due)
	require.Nil(o.t, o.CloseAt)
	for _, run := range o.Steps.Runs {
		require.True(o.t, run.Status.IsOver())
	}
}

// checkClocks: a clock runs or stands as the phase says, and is breached if and
// only if it shows so.
func (o *outage) checkClocks() {
	stands := slices.Contains(o.Rules.Pauses, o.Phase) && o.Resolve.Breached == nil
	over := o.Phase == itsm.IncidentResolved || o.Phase == itsm.IncidentClosed
	require.Equal(o.t, over, o.Resolve.Stopped != nil)
	require.Equal(o.t, !stands && !over, o.Resolve.Due != nil)
	require.True(o.t, o.Acknowledged == nil || o.Respond.Stopped != nil)
	for name, clock := range map[itsm.ClockName]itsm.IncidentClock{itsm.ClockRespond: o.Respond, itsm.ClockResolve: o.Resolve} {
		if reading := o.read(name); clock.Stopped == nil {
			require.Equal(o.t, reading.Breached, clock.Breached != nil, name)
			require.Equal(o.t, reading.Due, clock.Due)
		}
	}
}

// climber follows the events of a ladder, by what a policy says in words.
type climber struct {
	o           *outage
	round, rung int // that is to be told next, from 1
	over        bool
	rests       bool
	due         time.Time // not before it
	suppressed  bool      // which puts it off
}

// checkLadder: each rung of each round is told once or passed, in order, never
// too early, and in time where nothing is in the way; nobody is told while
// somebody has it.
func (o *outage) checkLadder(punctual bool) {
	c := climber{o: o, round: 1, rung: 1, due: monday, over: len(o.Rules.Rungs) == 0}
	for _, e := range o.events {
		c.follow(e, punctual)
	}
	waits := !c.over && !c.rests
	require.Equal(o.t, waits, o.Ladder.Next != nil && !c.rests, "the ladder stands still")
}

func (c *climber) follow(e itsm.Event, punctual bool) {
	switch e.Type {
	case itsm.EventIncidentAcknowledged, itsm.EventIncidentHeld:
		c.rests, c.suppressed = true, false
	case itsm.EventIncidentResolved, itsm.EventIncidentMerged, itsm.EventIncidentClosed:
		c.rests, c.over = true, true
	case itsm.EventIncidentReopened:
		*c = climber{o: c.o, round: 1, rung: 1, due: e.Time, over: len(c.o.Rules.Rungs) == 0}
	case itsm.EventIncidentResumed:
		var data itsm.IncidentEvent
		require.NoError(c.o.t, json.Unmarshal(e.Data, &data))
		if data.Why != "" { // an alert that became worse can't wait
			c.again(e.Time)
		}
	case itsm.EventLadderResumed:
		c.again(e.Time)
	case itsm.EventIncidentEscalated:
		c.again(e.Time)
		c.rung = c.page(e).Rung
	case itsm.EventPagingSuppressed:
		c.suppressed = true
	case itsm.EventPagingAllowed:
		require.True(c.o.t, c.suppressed)
		c.due, c.suppressed = e.Time, false
	case itsm.EventPageSent, itsm.EventRungPassed:
		c.told(e, punctual)
	case itsm.EventLadderExhausted:
		require.True(c.o.t, !c.over && !c.rests && c.round > c.o.Rules.Repeat+1, "it is not at its end")
		require.False(c.o.t, e.Time.Before(c.due))
		c.over = true
	}
}

// again goes on where it stopped, or from the first rung if that was the last.
func (c *climber) again(at time.Time) {
	if c.over || c.round > c.o.Rules.Repeat+1 {
		c.round, c.rung, c.suppressed = 1, 1, false
	}
	c.rests, c.due = false, at
	c.over = len(c.o.Rules.Rungs) == 0
}

func (c *climber) told(e itsm.Event, punctual bool) {
	page, t := c.page(e), c.o.t
	require.False(t, c.over || c.rests, "nobody should be told")
	require.Equal(t, []int{c.round, c.rung}, []int{page.Round, page.Rung}, "a rung is skipped, or told twice")
	require.Equal(t, e.Type == itsm.EventPageSent, len(page.To) > 0)
	require.False(t, e.Time.Before(c.due), "too early")
	require.True(t, !punctual || c.suppressed || e.Time.Equal(c.due), "too late: %s, not %s", e.Time, c.due)
	c.due = e.Time
	if e.Type == itsm.EventPageSent {
		c.due = e.Time.Add(c.o.Rules.Rungs[c.rung-1].Elapsed())
	}
	if c.rung++; c.rung > len(c.o.Rules.Rungs) {
		c.round, c.rung = c.round+1, 1
	}
}

func (c *climber) page(e itsm.Event) (page itsm.PageSent) {
	require.NoError(c.o.t, json.Unmarshal(e.Data, &page))
	return page
}
