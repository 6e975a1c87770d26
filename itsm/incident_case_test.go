package itsm_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

// outage runs an incident as its workflow does: before each step it looks up
// what the rules want to know, and a command comes after what is due.
type outage struct {
	*itsm.Incident
	t   require.TestingT
	now time.Time

	rota        [][]string             // who is there, rung by rung
	suppressed  *itsm.PagingSuppressed // whether anybody may be paged
	major       bool                   // what the policy says of it
	transitions []string               // in early life
	owner       []string               // of the service
	team        []string               // its support group
	calendars   map[string]*itsm.Calendar
	problems    []string

	events  []itsm.Event
	notices []itsm.Notice
	found   []itsm.IncidentWants // what was looked up
}

// standardIncidents are the policies of examples/acme.
func standardIncidents() itsm.IncidentRules {
	const high, medium, low = itsm.LevelHigh, itsm.LevelMedium, itsm.LevelLow
	hours := func(n int64) itsm.Duration { return itsm.Duration{Clock: n * 3600} }
	minutes := func(n int64) itsm.Duration { return itsm.Duration{Clock: n * 60} }
	days := func(n int) itsm.Duration { return itsm.Duration{Days: n} }
	return itsm.IncidentRules{
		Priority: map[itsm.Level]map[itsm.Level]string{
			high:   {high: "P1", medium: "P2", low: "P3"},
			medium: {high: "P2", medium: "P3", low: "P4"},
			low:    {high: "P3", medium: "P4", low: "P5"},
		},
		Targets: map[string]itsm.IncidentTarget{
			"P1": {Respond: minutes(15), Resolve: hours(4)},
			"P2": {Respond: minutes(30), Resolve: hours(8)},
			"P3": {Respond: hours(4), Resolve: days(3), Calendar: "office-hours"},
			"P4": {Respond: hours(8), Resolve: days(5), Calendar: "office-hours"},
			"P5": {Respond: days(2), Resolve: days(10), Calendar: "office-hours"},
		},
		Pauses: []itsm.IncidentPhase{itsm.IncidentWaitingUser, itsm.IncidentWaitingSupplier},
		Major:  true, AutoClose: days(5),
		Rungs: []itsm.Duration{minutes(5), minutes(10), minutes(15)}, Repeat: 2, Silence: hours(1),
	}
}

// classed is how bad an incident is that somebody reports: "high/low".
func classed(impact, urgency itsm.Level) itsm.Classification {
	return itsm.Classification{Impact: impact, Urgency: urgency}
}

var worst = classed(itsm.LevelHigh, itsm.LevelHigh)

func newOutage(t require.TestingT, rules itsm.IncidentRules, class itsm.Classification, alert *itsm.Alert) *outage {
	o := &outage{
		t: t, now: monday, rota: [][]string{{"alice"}, {"bob", "tom"}, {"maria", "tom"}}, owner: []string{"maria"},
		team: []string{"alice", "bob", "chen"}, calendars: map[string]*itsm.Calendar{"": nil, "office-hours": officeHours(t)},
	}
	reporter := itsm.Person("ines")
	if alert != nil {
		reporter = itsm.Integration("prometheus")
	}
	o.Incident = itsm.NewIncident(itsm.IncidentStart{
		ID: "INC-1", Reporter: reporter, Title: "Payments are slow", Service: "payments", Class: class, Alert: alert, Rules: rules,
	})
	return o
}

// opened has somebody, or an alert, report an incident.
func (o *outage) opened() *outage {
	o.Open(itsm.Command{Actor: o.Reporter, Key: "start"}, o.now, nil)
	o.settle()
	return o
}

// reported is an incident under acme's policies that ines reports, without
// anything that makes it a major one.
func reported(t require.TestingT, class itsm.Classification) *outage {
	return newOutage(t, standardIncidents(), class, nil).opened()
}

// settle finds whatever is wanted, and records what happened.
func (o *outage) settle() {
	for range 500 {
		if o.Wanted.IsZero() {
			events, notices := o.Drain()
			o.events, o.notices = append(o.events, events...), append(o.notices, notices...)
			return
		}
		o.found = append(o.found, o.Wanted)
		o.Find(o.findings(), o.now)
	}
	require.FailNow(o.t, "it wants something for ever", "%+v", o.Wanted)
}

// findings answers what is wanted, and nothing else.
func (o *outage) findings() (f itsm.IncidentFindings) {
	f.Problems = o.problems
	if o.Wanted.People {
		f.Owner, f.Support = o.owner, o.team
	}
	if o.Wanted.Clocks {
		f.Respond, f.Resolve = o.read(itsm.ClockRespond), o.read(itsm.ClockResolve)
	}
	if o.Wanted.Major {
		f.Major = o.major
	}
	if o.Wanted.Transitions {
		f.Transitions = o.transitions
	}
	if o.Wanted.Rung {
		f.Rung, f.Suppressed = o.rota[o.Ladder.Rung], o.suppressed
	}
	return f
}

// read reads a clock, on the calendar that the policy names.
func (o *outage) read(name itsm.ClockName) *itsm.Reading {
	target, ok := o.Rules.Targets[o.Class.Priority]
	if !ok {
		return nil
	}
	rule := itsm.ClockRule{Target: target.Respond, Calendar: o.calendars[target.Calendar], WarnAt: 0.75}
	clock := o.Respond.Clock
	if name == itsm.ClockResolve {
		rule.Target, clock = target.Resolve, o.Resolve.Clock
	}
	reading := rule.Read(clock, o.now)
	return &reading
}

// late lets so much time pass in which nobody acted, and catches up.
func (o *outage) late(d time.Duration) *outage {
	o.now = o.now.Add(d)
	for again := true; again; {
		o.Pass(o.now)
		o.settle()
		due, ok := o.NextDue()
		again = ok && !due.After(o.now)
		require.False(o.t, again && o.stuck(), "due in the past: %s", due)
	}
	return o
}

// stuck reports whether passing again would change nothing.
func (o *outage) stuck() bool {
	before := string(o.snapshot())
	o.Pass(o.now)
	return before == string(o.snapshot()) && o.Wanted.IsZero()
}

// at moves the time to so long after the opening, moment by moment.
func (o *outage) at(after time.Duration) *outage {
	to := monday.Add(after)
	for {
		due, ok := o.NextDue()
		if !ok || due.After(to) {
			return o.late(to.Sub(o.now))
		}
		o.late(due.Sub(o.now))
	}
}

// try carries a command out in its turn.
func (o *outage) try(do func() (int, error)) error {
	o.late(0)
	number, err := do()
	if err == nil {
		assert.LessOrEqual(o.t, number, o.LastEvent)
		assert.Positive(o.t, number)
	}
	o.settle()
	return err
}

func (o *outage) must(do func() (int, error)) *outage {
	require.NoError(o.t, o.try(do))
	return o
}

// refuses asserts that a command is refused, for a reason, and changes nothing.
func (o *outage) refuses(code itsm.Code, do func() (int, error), words ...string) *outage {
	o.late(0)
	before := o.snapshot()
	err := o.try(do)
	assert.Equal(o.t, code, itsm.ErrorCode(err), "%v", err)
	for _, word := range words {
		assert.ErrorContains(o.t, err, word)
	}
	assert.JSONEq(o.t, string(before), string(o.snapshot()))
	return o
}

func (o *outage) acknowledging(name string) func() (int, error) {
	return func() (int, error) { return o.Acknowledge(by(name), o.now) }
}

func (o *outage) assigning(name, to string) func() (int, error) {
	return func() (int, error) { return o.Assign(by(name), to, o.now) }
}

func (o *outage) noting(name, what string) func() (int, error) {
	return func() (int, error) { return o.Note(because(name, what), o.now) }
}

func (o *outage) holding(name string, phase itsm.IncidentPhase) func() (int, error) {
	return func() (int, error) { return o.Hold(by(name), phase, o.now) }
}

func (o *outage) resuming(name string) func() (int, error) {
	return func() (int, error) { return o.Incident.Resume(by(name), o.now) }
}

func (o *outage) classifying(to itsm.Classification, why string) func() (int, error) {
	return func() (int, error) { return o.Classify(because("bob", why), to, o.now) }
}

func (o *outage) escalating(rung int) func() (int, error) {
	return func() (int, error) { return o.Escalate(by("bob"), rung, o.now) }
}

func (o *outage) declaring(commander string) func() (int, error) {
	return func() (int, error) { return o.Declare(by("tom"), commander, o.now) }
}

func (o *outage) resolving(cause, fix string) func() (int, error) {
	return func() (int, error) { return o.Resolved(by("bob"), cause, fix, o.now) }
}

func (o *outage) solving() (int, error) { return o.resolving("deployment", "rolled-back")() }

func (o *outage) reopening(why string) func() (int, error) {
	return func() (int, error) { return o.Reopen(because("ines", why), o.now) }
}

func (o *outage) merging(into string) func() (int, error) {
	return func() (int, error) { return o.Merge(by("tom"), into, o.now) }
}

func (o *outage) absorbing(other string, alerts ...itsm.Alert) func() (int, error) {
	return func() (int, error) {
		return o.Absorb(itsm.Command{Actor: itsm.System()}, other, o.now, alerts...)
	}
}

func (o *outage) attaching(transition string) func() (int, error) {
	return func() (int, error) { return o.AttachTo(by("tom"), transition, o.now) }
}

func (o *outage) changing(alert itsm.Alert) func() (int, error) {
	return func() (int, error) {
		return o.Changed(itsm.Command{Actor: itsm.Integration("prometheus")}, alert, o.now)
	}
}

func (o *outage) completing(name, task string, work itsm.TaskWork) func() (int, error) {
	return func() (int, error) { return o.CompleteTask(by(name), task, work, o.now) }
}

// isIn asserts the phase.
func (o *outage) isIn(phase itsm.IncidentPhase) *outage {
	assert.Equal(o.t, phase, o.Phase)
	assert.Equal(o.t, phase == itsm.IncidentClosed, o.IsClosed())
	return o
}

// ended asserts how the incident ended, and that nothing is left of it.
func (o *outage) ended(outcome string) *outage {
	o.isIn(itsm.IncidentClosed)
	assert.Equal(o.t, outcome, o.Outcome)
	assert.Empty(o.t, o.Inbox(o.now))
	_, waits := o.NextDue()
	assert.False(o.t, waits)
	return o
}

func (o *outage) snapshot() json.RawMessage {
	raw, err := json.Marshal(o.Incident)
	require.NoError(o.t, err)
	return raw
}

func (o *outage) view() itsm.View { return o.View(itsm.View{}, o.now) }

func (o *outage) detail() (detail itsm.IncidentDetail) {
	require.NoError(o.t, json.Unmarshal(o.view().Detail, &detail))
	return detail
}

// event gives the newest event of a type, and its data.
func (o *outage) event(typ itsm.EventType, data any) itsm.Event {
	for _, e := range slices.Backward(o.events) {
		if e.Type == typ {
			require.NoError(o.t, json.Unmarshal(e.Data, data))
			return e
		}
	}
	require.FailNow(o.t, "no event "+string(typ))
	return itsm.Event{}
}

func (o *outage) count(typ itsm.EventType) (n int) {
	for _, e := range o.events {
		if e.Type == typ {
			n++
		}
	}
	return n
}

// told lists who was told in messages of a type, in order of telling.
func (o *outage) told(typ itsm.EventType) (names []string) {
	for _, n := range o.notices {
		if n.Type == typ {
			names = append(names, n.To...)
		}
	}
	return names
}

// climbed tells what became of the ladder, event by event, as minutes after the
// opening: "5m page 1.2 bob,tom".
func (o *outage) climbed() (lines []string) {
	for _, e := range o.events {
		word, ok := map[itsm.EventType]string{
			itsm.EventPageSent: "page", itsm.EventRungPassed: "passed", itsm.EventLadderResumed: "resumed", itsm.EventLadderExhausted: "exhausted",
			itsm.EventPagingSuppressed: "suppressed", itsm.EventPagingAllowed: "allowed", itsm.EventIncidentEscalated: "escalated",
		}[e.Type]
		if !ok {
			continue
		}
		line := fmt.Sprintf("%dm %s", int(e.Time.Sub(monday).Minutes()), word)
		var page itsm.PageSent
		require.NoError(o.t, json.Unmarshal(e.Data, &page))
		if page.Rung > 0 {
			line += fmt.Sprintf(" %d.%d", page.Round, page.Rung)
		}
		for _, name := range page.To {
			line += " " + name
		}
		lines = append(lines, line)
	}
	return lines
}

// inbox lists what waits for whom: "alice: resolve".
func (o *outage) inbox() (items []string) {
	for _, item := range o.Inbox(o.now) {
		items = append(items, item.Person+": "+item.Task)
	}
	return items
}
