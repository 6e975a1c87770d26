package activities

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
	"github.com/steward-itsm/steward/workflows"
)

const (
	aPurchase = `{"item": "Oscilloscope", "amount": 7400, "currency": "EUR"}`
	aChange   = `{"risk": "low", "plan": "Switch over at night", "plannedStart": "2026-04-07T04:00:00Z"}`
)

func TestPurchaseIsAskedOfTheManagerFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	plan := b.plan(t, b.request(t, "purchase", aPurchase, 0, utc(t, "2026-03-06 12:00")))
	assert.Equal(t, itsm.StagePlan{
		Approvers: []itsm.Candidate{{Person: "maria", Counted: true}}, Owner: []string{"maria", "tom"},
		Timetable: []itsm.Due{
			{At: utc(t, "2026-03-07 12:00"), Kind: itsm.DueReminder},
			{At: utc(t, "2026-03-08 12:00"), Kind: itsm.DueDeadline},
		},
	}, plan, "without a calendar a day is a day, also on a weekend")
}

func TestConditionDecidesWhetherAStageApplies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := utc(t, "2026-03-02 12:00")
	finance := []string{"maria", "tom", "ines"}
	for subject, want := range map[string]struct {
		stage   int
		skipped []int
		people  []string
	}{
		aPurchase: {1, nil, finance},
		`{"item": "x", "amount": 5000.01, "currency": "EUR"}`: {1, nil, finance},
		`{"item": "x", "amount": 5000, "currency": "EUR"}`:    {2, []int{1}, nil},
	} {
		plan := b.plan(t, b.request(t, "purchase", subject, 1, at))
		assert.Equal(t, want.stage, plan.Stage, subject)
		assert.Equal(t, want.skipped, plan.Skipped, subject)
		assert.Equal(t, want.people, names(plan.Approvers), subject)
		assert.Empty(t, plan.Problem, subject)
	}
	over := b.plan(t, b.request(t, "purchase", aPurchase, 2, at))
	assert.Equal(t, itsm.StagePlan{Stage: 2, Owner: []string{"maria", "tom"}}, over, "no stage is left")
}

func TestBoardSitsForRiskyChangesAndTopServices(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := utc(t, "2026-03-02 12:00")
	for _, c := range []struct {
		service, subject string
		sits             bool
	}{
		{"payments", aChange, true},
		{"ledger", aChange, false},
		{"ledger", `{"risk": "high", "plan": "p", "plannedStart": "2026-04-07T04:00:00Z"}`, true},
	} {
		plan := b.plan(t, b.on(t, c.service, b.request(t, "normal-change-approval", c.subject, 1, at)))
		if !c.sits {
			assert.Equal(t, []int{1}, plan.Skipped, "%+v", c)
			continue
		}
		assert.Equal(t, []itsm.Candidate{
			{Person: "maria", Counted: true}, {Person: "tom", Counted: true},
			{Person: "ines", Counted: true, Veto: true}, {Person: "raj", Counted: true},
		}, plan.Approvers, "the requester too: whom the flow excludes is the rules' matter")
	}
}

func TestVetoOfAnOutsiderIsNoVote(t *testing.T) {
	t.Parallel()
	b := setup(t, `{apiVersion: steward/v1, kind: ApprovalFlow, metadata: {name: guarded}, spec: {stages: [
		{name: only, approvers: [{person: tom}], veto: [{group: security}, {managerOf: requester}]}]}}`)
	plan := b.plan(t, b.request(t, "guarded", `{}`, 0, utc(t, "2026-03-02 12:00")))
	assert.Equal(t, []itsm.Candidate{
		{Person: "tom", Counted: true}, {Person: "ines", Veto: true}, {Person: "maria", Veto: true},
	}, plan.Approvers)
	assert.Empty(t, plan.Owner)
}

func TestPeopleAreFoundTheWayTheFlowNamesThem(t *testing.T) {
	t.Parallel()
	b := setup(t, `{apiVersion: steward/v1, kind: ApprovalFlow, metadata: {name: many}, spec: {stages: [
		{name: requester, approvers: [{managerOf: requester}]},
		{name: named, approvers: [{managerOf: bob}]},
		{name: oncall, approvers: [{onCall: payments-primary}]},
		{name: twice, approvers: [{group: service-desk}, {group: change-managers}, {person: ines}]},
		{name: owner, approvers: [{from: service.owner}]},
		{name: team, approvers: [{from: service.supportGroup}]}]}}`)
	for _, c := range []struct {
		stage     int
		at        string
		requester itsm.Actor
		want      []string
	}{
		{0, "2026-03-02 12:00", itsm.Person("raj"), []string{"maria"}},
		{0, "2026-03-02 12:00", itsm.Person("maria"), nil}, // has no manager
		{0, "2026-03-02 12:00", itsm.Integration("raj"), nil},
		{1, "2026-03-02 12:00", itsm.Person("raj"), []string{"maria"}},
		{2, "2026-01-12 07:59", itsm.Person("raj"), []string{"alice"}},
		{2, "2026-01-12 08:00", itsm.Person("raj"), []string{"bob"}}, // nine in Berlin
		{2, "2026-12-25 12:00", itsm.Person("raj"), []string{"chen"}},
		{3, "2026-03-02 12:00", itsm.Person("raj"), []string{"tom", "maria", "ines"}},
		{4, "2026-03-02 12:00", itsm.Person("raj"), []string{"maria"}},
		{5, "2026-03-02 12:00", itsm.Person("raj"), []string{"alice", "bob", "chen"}},
	} {
		r := b.on(t, "payments", b.request(t, "many", `{}`, c.stage, utc(t, c.at)))
		r.Requester = c.requester
		plan := b.plan(t, r)
		assert.Equal(t, c.want, names(plan.Approvers), "%+v", c)
		assert.Empty(t, plan.Problem, "%+v", c)
	}
}

func TestOfficeHoursReachOverTheChangeOfTheClocks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	// Friday 16:00 in Berlin; on Sunday summer time begins.
	plan := b.plan(t, b.on(t, "payments", b.request(t, "normal-change-approval", aChange, 0, utc(t, "2026-03-27 15:00"))))
	assert.Equal(t, []string{"2026-03-30 12:00"}, instants(plan, itsm.DueDeadline), "two hours on Friday, six on Monday")
	assert.Equal(t, []string{"2026-03-30 08:00"}, instants(plan, itsm.DueEscalation))
	assert.Equal(t, []string{"2026-03-27 17:00", "2026-03-30 08:00", "2026-03-30 10:00"}, instants(plan, itsm.DueReminder), "every two working hours, none at the deadline")
	for _, due := range plan.Timetable {
		if due.Kind == itsm.DueEscalation {
			assert.Equal(t, []string{"maria", "tom"}, due.To)
		}
	}
	// Friday 10:00 in Berlin; on Sunday it ends.
	plan = b.plan(t, b.on(t, "payments", b.request(t, "normal-change-approval", aChange, 1, utc(t, "2026-10-23 08:00"))))
	assert.Equal(t, []string{"2026-10-27 09:00"}, instants(plan, itsm.DueDeadline))
	assert.Equal(t, []string{"2026-10-26 09:00"}, instants(plan, itsm.DueEscalation))
}

func TestEscalationTellsTheManagersOfTheApprovers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	plan := b.plan(t, b.on(t, "payments", b.request(t, "normal-change-approval", aChange, 1, utc(t, "2026-03-02 12:00"))))
	for _, due := range plan.Timetable {
		if due.Kind == itsm.DueEscalation {
			assert.Equal(t, []string{"maria"}, due.To, "each manager once; maria has none")
		}
	}
	assert.Len(t, instants(plan, itsm.DueEscalation), 1)
}

func TestRemindersEnd(t *testing.T) {
	t.Parallel()
	b := setup(t, `{apiVersion: steward/v1, kind: ApprovalFlow, metadata: {name: reminding}, spec: {stages: [
		{name: rejects, approvers: [{person: tom}], within: 1w, remind: 1h, onTimeout: reject},
		{name: holds, approvers: [{person: tom}], within: 3h, remind: 1h, onTimeout: hold},
		{name: patient, approvers: [{person: tom}], remind: 1d}]}}`)
	at := utc(t, "2026-03-02 12:00")
	reminded := func(stage int) []string {
		return instants(b.plan(t, b.request(t, "reminding", `{}`, stage, at)), itsm.DueReminder)
	}
	rejects := reminded(0)
	require.Len(t, rejects, reminders, "a stage that nobody decides for so long needs another hand")
	assert.Equal(t, "2026-03-03 18:00", rejects[reminders-1])
	holds := reminded(1)
	assert.Equal(t, []string{"2026-03-02 13:00", "2026-03-02 14:00", "2026-03-02 16:00"}, holds[:3], "on beyond the deadline, which is told itself")
	assert.Len(t, holds, reminders)
	patient := reminded(2)
	assert.Len(t, patient, reminders)
	assert.Equal(t, "2026-04-01 12:00", patient[reminders-1])
}

func TestAbsencesGoWithTheirPerson(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := utc(t, "2026-03-02 12:00")
	away := func(person string, from, to time.Duration) itsm.Absence {
		absence := itsm.Absence{Person: person, From: at.Add(from), To: at.Add(to), Delegate: "alice"}
		command := store.Command{Actor: itsm.Person(person), Key: from.String()}
		require.NoError(t, b.Store.AddAbsence(t.Context(), command, absence, at))
		return absence
	}
	const day = 24 * time.Hour
	away("maria", -2*day, 0) // is back
	now, later := away("maria", -day, day), away("maria", 30*day, 31*day)
	away("maria", 400*day, 401*day) // too far off to plan for
	away("bob", 0, day)             // is not asked
	plan := b.plan(t, b.request(t, "purchase", aPurchase, 1, at))
	assert.Equal(t, []itsm.Candidate{
		{Person: "maria", Counted: true, Absences: []itsm.Absence{now, later}}, {Person: "tom", Counted: true}, {Person: "ines", Counted: true},
	}, plan.Approvers)
}

func TestApprovalsAreBoundToTheNamedPartsAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bound := func(subject string) string {
		return b.plan(t, b.on(t, "payments", b.request(t, "normal-change-approval", subject, 0, utc(t, "2026-03-02 12:00")))).Bound
	}
	first := bound(aChange)
	assert.NotEmpty(t, first)
	assert.Equal(t, first, bound(`{"risk": "high", "plan": "Switch over at night", "plannedStart": "2026-04-07T04:00:00Z"}`))
	assert.NotEqual(t, first, bound(`{"risk": "low", "plan": "Switch over at noon", "plannedStart": "2026-04-07T04:00:00Z"}`))
	assert.NotEqual(t, first, bound(`{"risk": "low", "plan": "Switch over at night", "plannedStart": "2026-04-08T04:00:00Z"}`))
	assert.Empty(t, b.plan(t, b.request(t, "purchase", aPurchase, 0, utc(t, "2026-03-02 12:00"))).Bound)
}

func TestWhatSomebodyMustMendBlocksInsteadOfFailing(t *testing.T) {
	t.Parallel()
	b := setup(t, `{apiVersion: steward/v1, kind: ApprovalFlow, metadata: {name: dividing, owner: change-managers}, spec: {
		input: {type: object, properties: {n: {type: integer}}}, stages: [{name: only, when: 10 / subject.n > 1, approvers: [{person: tom}]}]}}`)
	at := utc(t, "2026-03-02 12:00")
	ghosts := b.request(t, "emergency-change-approval", aChange, 0, at)
	ghosts.Flow.Document = bytes.Replace(ghosts.Flow.Document, []byte(`{"group":"change-managers"}`), []byte(`{"group":"ghosts"}`), 1)
	for name, c := range map[string]struct {
		request workflows.PlanRequest
		problem string
	}{
		"a group that is not there": {ghosts, `stage "on-call-manager": there is no Group "ghosts"; apply one, then resume`},
		"a condition without value": {b.request(t, "dividing", `{"n": 0}`, 0, at), `the condition of stage "only" can't be evaluated`},
	} {
		plan := b.plan(t, c.request)
		assert.Contains(t, plan.Problem, c.problem, name)
		assert.Equal(t, c.request.From, plan.Stage, name)
		assert.Equal(t, []string{"maria", "tom"}, plan.Owner, "%s: they are told", name)
	}
}

func TestRulesThatCannotBeReadAreRefusedForGood(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.request(t, "purchase", aPurchase, 0, utc(t, "2026-03-02 12:00"))
	r.Flow.Document = bytes.Replace(r.Flow.Document, []byte(`"subject.amount > 5000.0"`), []byte(`"subject.amount >"`), 1)
	_, err := b.PlanStage(t.Context(), r)
	refusal, ok := workflows.Refusal(err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, itsm.CodeDefinitionInvalid, refusal.Code)
}
