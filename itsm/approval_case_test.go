package itsm_test

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

// monday is when every case opens.
var monday = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// step is a stage of a case: its rule, whom it asks, and when it acts.
type step struct {
	itsm.StageRule
	approvers []itsm.Candidate
	due       []itsm.Due // only Kind and To; the instants are in after
	after     []time.Duration
	skip      bool   // its condition does not hold
	problem   string // why it can't be planned
}

func stage(name, need string, approvers ...itsm.Candidate) step {
	n, err := itsm.ParseNeed(need)
	if err != nil {
		panic(err)
	}
	return step{StageRule: itsm.StageRule{Name: name, Need: n}, approvers: approvers}
}

func (s step) excluding(requester, previous bool) step {
	s.ExcludeRequester, s.ExcludePrevious = requester, previous
	return s
}

func (s step) onTimeout(action itsm.OnTimeout) step {
	s.OnTimeout = action
	return s
}

func (s step) acts(after time.Duration, kind itsm.DueKind, to ...string) step {
	s.due, s.after = append(slices.Clone(s.due), itsm.Due{Kind: kind, To: to}), append(slices.Clone(s.after), after)
	return s
}

func (s step) skipped() step {
	s.skip = true
	return s
}

func approvers(names ...string) []itsm.Candidate {
	all := make([]itsm.Candidate, 0, len(names))
	for _, name := range names {
		all = append(all, itsm.Candidate{Person: name, Counted: true})
	}
	return all
}

func vetoOnly(name string) itsm.Candidate { return itsm.Candidate{Person: name, Veto: true} }

// away is an approver who is absent from and to so long after the opening.
func away(name, standIn string, from, to time.Duration) itsm.Candidate {
	return itsm.Candidate{Person: name, Counted: true, Absences: []itsm.Absence{absence(name, standIn, from, to)}}
}

func absence(name, standIn string, from, to time.Duration) itsm.Absence {
	return itsm.Absence{Person: name, Delegate: standIn, From: monday.Add(from), To: monday.Add(to)}
}

// trial runs an approval as its workflow does.
type trial struct {
	*itsm.Approval
	t       require.TestingT
	now     time.Time
	steps   []step
	owner   []string
	bound   string
	events  []itsm.Event
	notices []itsm.Notice
	stored  []string // whose inbox held it when something was recorded last
}

func begin(t require.TestingT, requester itsm.Actor, steps ...step) *trial {
	r := &trial{t: t, now: monday, steps: steps, owner: []string{"maria"}, bound: "first"}
	rules := itsm.ApprovalRules{}
	for _, s := range steps {
		rules.Stages = append(rules.Stages, s.StageRule)
	}
	r.Approval = itsm.NewApproval("APR-1", requester, "summary", rules, json.RawMessage(`{"amount":1}`))
	r.Open(itsm.Command{Actor: requester, Key: "start"}, r.now, itsm.ApprovalOpened{})
	r.settle()
	return r
}

func (r *trial) settle() {
	for r.WantsPlan() {
		r.Proceed(r.plan(), r.now)
		r.Pass(r.now)
	}
	events, notices := r.Drain()
	if len(events) > 0 {
		r.stored = r.inbox()
	}
	r.events, r.notices = append(r.events, events...), append(r.notices, notices...)
}

func (r *trial) plan() itsm.StagePlan {
	plan := itsm.StagePlan{Stage: r.Next, Owner: r.owner, Bound: r.bound}
	for ; plan.Stage < len(r.steps) && r.steps[plan.Stage].skip; plan.Stage++ {
		plan.Skipped = append(plan.Skipped, plan.Stage)
	}
	if plan.Stage == len(r.steps) {
		return plan
	}
	s := r.steps[plan.Stage]
	plan.Approvers, plan.Problem = s.approvers, s.problem
	for i, due := range s.due {
		due.At = r.now.Add(s.after[i])
		plan.Timetable = append(plan.Timetable, due)
	}
	return plan
}

func by(name string) itsm.Command { return itsm.Command{Actor: itsm.Person(name), Key: name} }

// at moves the time to so long after the opening, and lets pass what is due.
func (r *trial) at(after time.Duration) *trial {
	r.now = monday.Add(after)
	r.Pass(r.now)
	r.settle()
	return r
}

func (r *trial) vote(verdict itsm.Verdict, names ...string) *trial {
	for _, name := range names {
		_, err := r.Decide(by(name), verdict, "", r.now)
		require.NoError(r.t, err, name)
		r.settle()
	}
	return r
}

func (r *trial) refuses(code itsm.Code, name string, verdict itsm.Verdict) {
	before := r.snapshot()
	checked := r.CheckDecision(by(name), verdict, "", r.now)
	_, err := r.Decide(by(name), verdict, "", r.now)
	assert.Equal(r.t, code, itsm.ErrorCode(err), "%s: %v", name, err)
	assert.Equal(r.t, checked, err)
	assert.Equal(r.t, before, r.snapshot())
}

func (r *trial) delegate(from, to string) *trial {
	_, err := r.Delegate(by(from), to, r.now)
	require.NoError(r.t, err)
	r.settle()
	return r
}

func (r *trial) amend(subject, bound string) *trial {
	_, err := r.Amend(itsm.Command{Actor: r.Requester}, itsm.Amendment{Subject: json.RawMessage(subject), Summary: "amended", Bound: bound}, r.now)
	require.NoError(r.t, err)
	r.bound = bound
	r.settle()
	return r
}

// closed asserts how the approval ended, and which stage its last event names.
func (r *trial) closed(outcome, stage string) {
	assert.Equal(r.t, itsm.StateClosed, r.State)
	assert.Equal(r.t, outcome, r.Outcome)
	data := itsm.ApprovalClosed{}
	require.NoError(r.t, json.Unmarshal(r.event(itsm.EventApprovalClosed).Data, &data))
	assert.Equal(r.t, outcome, data.Outcome)
	assert.Equal(r.t, stage, data.Stage)
}

// waits asserts which stage is open and whose inbox holds it.
func (r *trial) waits(stage string, names ...string) {
	require.Equal(r.t, itsm.StateOpen, r.State, r.Blocked)
	assert.Equal(r.t, stage, r.Current().Name)
	assert.ElementsMatch(r.t, names, r.inbox())
}

func (r *trial) inbox() []string {
	var names []string
	for _, item := range r.Inbox(r.now) {
		names = append(names, item.Person)
	}
	return names
}

// event gives the newest event of a type.
func (r *trial) event(typ itsm.EventType) itsm.Event {
	for _, e := range slices.Backward(r.events) {
		if e.Type == typ {
			return e
		}
	}
	require.FailNow(r.t, "no event "+string(typ))
	return itsm.Event{}
}

// told lists who was told in messages of a type, in order of telling.
func (r *trial) told(typ itsm.EventType) []string {
	var names []string
	for _, n := range r.notices {
		if n.Type == typ {
			names = append(names, n.To...)
		}
	}
	return names
}

func (r *trial) count(typ itsm.EventType) int {
	n := 0
	for _, e := range r.events {
		if e.Type == typ {
			n++
		}
	}
	return n
}

// snapshot is the whole state as text.
func (r *trial) snapshot() string {
	raw, err := json.Marshal(r.Approval)
	require.NoError(r.t, err)
	return string(raw)
}
