package itsm_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

// change runs a transition as its workflow does: it looks up what the rules
// want to know, records what came of each step, and takes back a command whose
// consequences are refused.
type change struct {
	*itsm.Transition
	t   require.TestingT
	now time.Time

	found     itsm.Assessment            // by whatever is assessed next
	checks    map[itsm.Gate]itsm.Checked // what the later checks of the schedule find
	plans     func(itsm.Want) itsm.StepPlan
	mute      string // why no approval can be started
	rollBack  bool   // what rollBackWhen says
	unjudged  string // why it says nothing
	approvals map[string]string
	bound     map[string]string // the parts that each approval decides about

	events   []itsm.Event
	notices  []itsm.Notice
	orders   []itsm.ParentOrder
	slot     *itsm.Slot // its place in the schedule of change
	recorded json.RawMessage
}

// planned begins two days after the opening, and takes four hours.
var planned = itsm.Period{Start: monday.Add(48 * time.Hour), End: monday.Add(52 * time.Hour)}

func newChange(t require.TestingT, rules itsm.TransitionRules) *change {
	c := &change{
		t: t, now: monday, checks: map[itsm.Gate]itsm.Checked{}, approvals: map[string]string{}, bound: map[string]string{},
		found: itsm.Assessment{
			Risk: &itsm.Risk{Score: 70, Level: "high", Inputs: json.RawMessage(`{"tier":1}`)}, Authorize: true, Bound: "first",
			Needs: []string{"ledger"}, Owner: []string{"maria"}, Exclusive: true,
		},
	}
	c.plans = func(want itsm.Want) itsm.StepPlan { return c.usualPlan(want.Step) }
	start := itsm.TransitionStart{
		ID: "CHG-1", Requester: raj, OpenedBy: itsm.Integration("ci"), Title: "Payments 4.2", Service: "payments",
		Input: json.RawMessage(`{"version":"4.2"}`), Rules: rules,
	}
	if rules.NeedsTimes || rules.Prepares {
		p := planned
		start.Planned = &p
	}
	c.Transition = itsm.NewTransition(start)
	return c
}

// requested is a transition that was asked for, as far as it goes by itself.
func requested(t require.TestingT, rules itsm.TransitionRules) *change {
	return newChange(t, rules).requested()
}

func (c *change) requested() *change {
	c.Open(itsm.Command{Actor: itsm.Integration("ci"), Key: "start"}, c.now, itsm.DefinitionRef{Name: "model"}, false)
	require.NoError(c.t, c.settle())
	return c
}

// settle answers whatever is wanted, and records what happened.
func (c *change) settle() error {
	for range 500 {
		want := c.Next()
		if want.Kind == itsm.WantNothing {
			c.record()
			return nil
		}
		if err := c.answer(want); err != nil {
			require.NoError(c.t, c.Restore(c.recorded))
			return err
		}
	}
	require.FailNow(c.t, "it wants something for ever", "%+v", c.Next())
	return nil
}

func (c *change) answer(want itsm.Want) error {
	switch want.Kind {
	case itsm.WantAssessment:
		return c.Assess(c.found, c.now)
	case itsm.WantApproval:
		if c.mute != "" {
			c.ApprovalProblem(c.mute, c.now)
			return nil
		}
		c.ApprovalPlanned(c.approval(want.Key), c.now)
	case itsm.WantCheck:
		c.Checked(c.checks[want.Gate], c.now)
	case itsm.WantStep:
		plan := c.plans(want)
		plan.Step = want.Step
		if rule, _ := c.Steps.Rule(want.Step); rule.Kind == itsm.StepApprove && plan.Problem == "" && !plan.Skip {
			plan.Approval = c.approval(want.Key)
		}
		c.Begin(plan, c.now)
	case itsm.WantJudgement:
		c.Judged(c.rollBack, c.unjudged, c.now)
	case itsm.WantNothing:
	}
	return nil
}

// approval gives the approval of a key: the same key, the same approval.
func (c *change) approval(key string) string {
	if c.approvals[key] == "" {
		c.approvals[key] = fmt.Sprintf("APR-%d", len(c.approvals)+1)
	}
	c.bound[c.approvals[key]] = c.Bound
	return c.approvals[key]
}

// record takes what a step left behind, as the store and the world do.
func (c *change) record() {
	events, notices := c.Drain()
	c.events, c.notices = append(c.events, events...), append(c.notices, notices...)
	c.recorded = c.snapshot()
	if claim := c.Claim(); claim != nil {
		c.slot = claim.Slot
	}
	for _, effect := range c.Effects() {
		if effect.Kind != itsm.EffectOrder {
			continue
		}
		c.orders = append(c.orders, effect.Order)
		c.OrderGiven(effect.Key)
		if !effect.Order.Withdraw {
			c.bound[effect.Approval] = c.Bound
		}
	}
}

// try carries a command out in its turn: after what is due, and only if its
// consequences may be.
func (c *change) try(do func() (int, error)) error {
	c.late(0)
	if _, err := do(); err != nil {
		return err
	}
	return c.settle()
}

func (c *change) must(do func() (int, error)) *change {
	require.NoError(c.t, c.try(do))
	return c
}

// refuses asserts that a command is refused, for a reason, and changes nothing.
func (c *change) refuses(code itsm.Code, do func() (int, error), words ...string) {
	c.late(0)
	before := c.snapshot()
	err := c.try(do)
	assert.Equal(c.t, code, itsm.ErrorCode(err), "%v", err)
	for _, word := range words {
		assert.ErrorContains(c.t, err, word)
	}
	assert.JSONEq(c.t, string(before), string(c.snapshot()))
}

// late lets so much time pass in which nobody acted, and catches up.
func (c *change) late(d time.Duration) *change {
	c.now = c.now.Add(d)
	for again := true; again; {
		c.Pass(c.now)
		due, ok := c.NextDue()
		require.True(c.t, !ok || due.After(c.now), "due in the past: %s", due)
		require.NoError(c.t, c.settle())
		due, ok = c.NextDue()
		again = ok && !due.After(c.now)
	}
	return c
}

// at moves the time to so long after the opening, moment by moment.
func (c *change) at(after time.Duration) *change {
	to := monday.Add(after)
	for {
		due, ok := c.NextDue()
		if !ok || due.After(to) {
			return c.late(to.Sub(c.now))
		}
		c.late(due.Sub(c.now))
	}
}

func because(name, comment string) itsm.Command {
	return itsm.Command{Actor: itsm.Person(name), Key: name, Comment: comment}
}

// decided tells that an approval ended.
func (c *change) decided(approval, outcome string) *change {
	return c.decidedAbout(approval, outcome, c.bound[approval])
}

func (c *change) decidedAbout(approval, outcome, bound string) *change {
	return c.must(func() (int, error) {
		c.ApprovalClosed(itsm.ApprovalEnd{Approval: approval, Outcome: outcome, Stage: "board", Bound: bound, Why: "tom: too risky"}, c.now)
		return 0, nil
	})
}

func (c *change) amending(version string) func() (int, error) {
	return func() (int, error) {
		return c.Amend(by("raj"), json.RawMessage(fmt.Sprintf(`{"version":%q}`, version)), c.now)
	}
}

func (c *change) rescheduling(after time.Duration, override bool) func() (int, error) {
	start := monday.Add(after)
	return func() (int, error) {
		return c.Reschedule(because("raj", "the window moved"), itsm.Period{Start: start, End: start.Add(4 * time.Hour)}, override, c.now)
	}
}

func (c *change) cancelling() (int, error) { return c.Cancel(because("raj", "not now"), c.now) }

func (c *change) rollingBack() (int, error) { return c.RollBack(because("bob", "it is slow"), c.now) }

func (c *change) resuming() (int, error) { return c.Resume(because("maria", ""), false, c.now) }

func (c *change) overriding() (int, error) {
	return c.Resume(because("maria", "it burns"), true, c.now)
}

func (c *change) incident(id string) func() (int, error) {
	return func() (int, error) {
		return c.Incident(itsm.Command{Actor: itsm.System()}, json.RawMessage(fmt.Sprintf(`{"id":%q}`, id)), c.now)
	}
}

// isIn asserts the phase, and that nothing is in its way.
func (c *change) isIn(phase itsm.Phase) *change {
	assert.Equal(c.t, phase, c.Phase)
	assert.Equal(c.t, itsm.StateOpen, c.State)
	return c
}

// isHeld asserts what the whole of it is held by, and why.
func (c *change) isHeld(phase itsm.Phase, by, why string) *change {
	assert.Equal(c.t, phase, c.Phase)
	assert.Equal(c.t, itsm.StateBlocked, c.State)
	assert.Equal(c.t, by, c.Held.By)
	assert.Contains(c.t, c.view().Blocked, why)
	return c
}

// ended asserts how the transition ended, and that nothing is left of it.
func (c *change) ended(phase itsm.Phase, outcome string) *change {
	assert.Equal(c.t, phase, c.Phase)
	assert.Equal(c.t, itsm.StateClosed, c.State)
	assert.Equal(c.t, outcome, c.Outcome)
	assert.Nil(c.t, c.slot, "its place in the schedule is free")
	assert.Empty(c.t, c.Inbox(c.now))
	return c
}

func (c *change) view() itsm.View { return c.View(itsm.View{}, c.now) }

func (c *change) detail() (detail itsm.TransitionDetail) {
	require.NoError(c.t, json.Unmarshal(c.view().Detail, &detail))
	return detail
}

func (c *change) snapshot() json.RawMessage {
	raw, err := json.Marshal(c.Transition)
	require.NoError(c.t, err)
	return raw
}

// event gives the newest event of a type, and its data.
func (c *change) event(typ itsm.EventType, data any) itsm.Event {
	for _, e := range slices.Backward(c.events) {
		if e.Type == typ {
			require.NoError(c.t, json.Unmarshal(e.Data, data))
			return e
		}
	}
	require.FailNow(c.t, "no event "+string(typ))
	return itsm.Event{}
}

func (c *change) count(typ itsm.EventType) (n int) {
	for _, e := range c.events {
		if e.Type == typ {
			n++
		}
	}
	return n
}

// told lists who was told in messages of a type, in order of telling.
func (c *change) told(typ itsm.EventType) (names []string) {
	for _, n := range c.notices {
		if n.Type == typ {
			names = append(names, n.To...)
		}
	}
	return names
}

// phases lists the phases that were gone through.
func (c *change) phases() string {
	var names []string
	for _, e := range c.events {
		if e.Type == itsm.EventPhaseEntered {
			var entered itsm.PhaseEntered
			require.NoError(c.t, json.Unmarshal(e.Data, &entered))
			names = append(names, string(entered.Phase))
		}
	}
	return strings.Join(names, " ")
}
