package activities

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
	"github.com/steward-itsm/steward/workflows"
)

// stepPlan plans a step of CHG-1.
func (b bundle) stepPlan(t *testing.T, model, step, steps string, at time.Time) itsm.StepPlan {
	t.Helper()
	plan, err := b.PlanStep(t.Context(), workflows.PlanStepRequest{
		TransitionFacts: b.transition(t, model, "payments", aDeployment, at), Step: step, Attempt: 1, Steps: json.RawMessage(steps),
	})
	require.NoError(t, err)
	return plan
}

func TestStepsOfTheNormalModelArePlanned(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := utc(t, "2026-12-05 20:00")
	deadline := func(d time.Duration) []itsm.Due { return []itsm.Due{{At: at.Add(d), Kind: itsm.DueDeadline}} }
	start := utc(t, "2026-12-05 21:00")
	for step, want := range map[string]itsm.StepPlan{
		"validation":       {},
		"validation.1":     {People: []string{"raj"}, Timetable: deadline(48 * time.Hour)},
		"migration.1":      {Until: &start},
		"migration.2":      {},
		"migration.2.undo": {},
		"migration.3":      {People: []string{"alice", "bob", "chen"}, Timetable: deadline(time.Hour)},
		"support.1":        {},
		"support.1.2.1":    {People: []string{"tom"}},
		"acceptance.1":     {},
		"review":           {People: []string{"maria"}, Timetable: deadline(5 * 24 * time.Hour)},
	} {
		want.Step, want.Owner = step, []string{"maria", "tom"}
		assert.Equal(t, want, b.stepPlan(t, "normal-change", step, `{}`, at), step)
	}
}

const manySteps = `
{apiVersion: steward/v1, kind: TransitionModel, metadata: {name: many, owner: maria}, spec: {type: normal,
  input: {type: object, properties: {version: {type: string}}},
  stages: [
    {name: asked, when: 'subject.version == "4.2"', steps: [
      {task: Ask, assign: {managerOf: requester}, within: 1d, remind: 8h, escalate: [{after: 12h, to: [{person: ines}]}]},
      {task: Hand over},
      {task: Wake, assign: {onCall: nobody-there}},
      {notify: It begins, to: [{group: cab}]},
      {notify: It goes on, to: [{onCall: nobody-there}]},
      {wait: 1d12h},
      {wait: 'timestamp(string(steps.deploy.body.until))'},
      {task: Only then, when: 'steps.deploy.status == 200'}]},
    {name: left-out, when: 'subject.version == "5"', steps: [{task: Never}]}],
  review: {by: {person: tom}, within: 2d, remind: 1d}}}
---
{apiVersion: steward/v1, kind: Schedule, metadata: {name: nobody-there}, spec: {timezone: UTC, rotations: [
  {name: later, people: [alice], starts: 2036-01-05T09:00, every: 1w}]}}
`

func TestTimetableOfATaskGoesOnBeyondItsDeadline(t *testing.T) {
	t.Parallel()
	b := setup(t, manySteps)
	at := utc(t, "2026-03-06 12:00")
	plan := b.stepPlan(t, "many", "asked.1", `{}`, at)
	assert.Equal(t, []string{"maria"}, plan.People)
	require.Len(t, plan.Timetable, 32, "a deadline, an escalation, and reminders up to a limit")
	after := func(d time.Duration, kind itsm.DueKind, to ...string) itsm.Due {
		return itsm.Due{At: at.Add(d), Kind: kind, To: to}
	}
	assert.Equal(t, []itsm.Due{
		after(8*time.Hour, itsm.DueReminder), after(12*time.Hour, itsm.DueEscalation, "ines"), after(16*time.Hour, itsm.DueReminder),
		after(24*time.Hour, itsm.DueDeadline), after(32*time.Hour, itsm.DueReminder),
	}, plan.Timetable[:5])
	review := b.stepPlan(t, "many", "review", `{}`, at)
	assert.Equal(t, []itsm.Due{after(24*time.Hour, itsm.DueReminder), after(48*time.Hour, itsm.DueDeadline)}, review.Timetable[:2])
}

func TestTaskThatNamesNobodyIsForTheSupportGroup(t *testing.T) {
	t.Parallel()
	b := setup(t, manySteps)
	assert.Equal(t, []string{"alice", "bob", "chen"}, b.stepPlan(t, "many", "asked.2", `{}`, utc(t, "2026-03-06 12:00")).People)
}

func TestTaskWithoutAnybodyIsAProblemAndANotificationIsNot(t *testing.T) {
	t.Parallel()
	b := setup(t, manySteps)
	at := utc(t, "2026-03-06 12:00")
	plan := b.stepPlan(t, "many", "asked.3", `{}`, at)
	assert.Equal(t, `step asked.3: task "Wake" has nobody who may do it (onCall: nobody-there); give onCall: nobody-there people and retry it, or complete or skip it by hand`, plan.Problem)
	assert.Equal(t, []string{"maria"}, plan.Owner, "who is told of it")
	assert.Equal(t, []string{"maria", "tom", "ines", "raj"}, b.stepPlan(t, "many", "asked.4", `{}`, at).People)
	assert.Equal(t, itsm.StepPlan{Step: "asked.5", Owner: []string{"maria"}}, b.stepPlan(t, "many", "asked.5", `{}`, at))
}

func TestWhoStandsInForTheAbsentMayDoATaskToo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := utc(t, "2026-12-05 20:00")
	for i, absence := range []itsm.Absence{
		{Person: "bob", From: at.Add(-time.Hour), To: at.Add(time.Hour), Delegate: "ines"},
		{Person: "chen", From: at.Add(time.Hour), To: at.Add(2 * time.Hour), Delegate: "raj"}, // not yet
		{Person: "chen", From: at.Add(-2 * time.Hour), To: at, Delegate: "olga"},              // not any more
	} {
		command := store.Command{Actor: itsm.Person(absence.Person), Key: string(rune('a' + i))}
		require.NoError(t, b.Store.AddAbsence(t.Context(), command, absence, at))
	}
	assert.Equal(t, []string{"alice", "bob", "chen", "ines"}, b.stepPlan(t, "normal-change", "migration.3", `{}`, at).People)
}

func TestWaitEndsAfterADurationOrWhenAnExpressionSays(t *testing.T) {
	t.Parallel()
	b := setup(t, manySteps)
	at := utc(t, "2026-03-06 12:00")
	plan := b.stepPlan(t, "many", "asked.6", `{}`, at)
	require.NotNil(t, plan.Until)
	assert.Equal(t, at.Add(36*time.Hour), *plan.Until)

	plan = b.stepPlan(t, "many", "asked.7", `{"deploy": {"body": {"until": "2026-03-07T10:00:00+01:00"}}}`, at)
	require.NotNil(t, plan.Until, plan.Problem)
	assert.Equal(t, utc(t, "2026-03-07 09:00"), *plan.Until)

	plan = b.stepPlan(t, "many", "asked.7", `{"deploy": {"body": {}}}`, at)
	assert.Nil(t, plan.Until)
	assert.Contains(t, plan.Problem, "step asked.7: its time can't be evaluated")
	assert.Contains(t, plan.Problem, "skip it by hand")
}

func TestConditionOfAStepSeesWhatEarlierOnesGave(t *testing.T) {
	t.Parallel()
	b := setup(t, manySteps)
	at := utc(t, "2026-03-06 12:00")
	assert.False(t, b.stepPlan(t, "many", "asked.8", `{"deploy": {"status": 200}}`, at).Skip)
	skipped := b.stepPlan(t, "many", "asked.8", `{"deploy": {"status": 202}}`, at)
	assert.Equal(t, itsm.StepPlan{Step: "asked.8", Skip: true, Owner: []string{"maria"}}, skipped)

	broken := b.stepPlan(t, "many", "asked.8", `{}`, at)
	assert.False(t, broken.Skip, "what can't be said is not no")
	assert.Contains(t, broken.Problem, "its condition can't be evaluated")

	assert.False(t, b.stepPlan(t, "many", "asked", `{}`, at).Skip)
	assert.True(t, b.stepPlan(t, "many", "left-out", `{}`, at).Skip)
}

func TestStepThatTheModelDoesNotHaveIsAProblem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, step := range []string{"none", "migration.9", "migration.1.undo", "migration.2.1"} {
		assert.Equal(t, "step "+step+`: model normal-change has no step "`+step+`"`, b.stepPlan(t, "normal-change", step, `{}`, utc(t, "2026-03-06 12:00")).Problem)
	}
}
