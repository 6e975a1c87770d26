package activities

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

func (b bundle) assess(t *testing.T, facts workflows.TransitionFacts, planned *itsm.Period) itsm.Assessment {
	t.Helper()
	found, err := b.AssessTransition(t.Context(), workflows.AssessRequest{TransitionFacts: facts, Planned: planned})
	require.NoError(t, err)
	return found
}

func TestNormalChangeIsAssessed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	found := b.assess(t, b.transition(t, "normal-change", "payments", aDeployment, utc(t, "2026-12-01 12:00")), saturdayNight(t))
	require.NotNil(t, found.Risk)
	assert.JSONEq(t, `{"service.tier": 1, "subject.outageMinutes": 0}`, string(found.Risk.Inputs), "what the score was made of")
	assert.NotEmpty(t, found.Bound)
	found.Risk.Inputs, found.Bound = nil, ""
	assert.Equal(t, itsm.Assessment{
		Risk: &itsm.Risk{Score: 40, Level: "medium"}, Authorize: true, Needs: []string{"ledger"},
		Owner: []string{"maria", "tom"}, Schedule: itsm.Checked{Blocks: true}, Exclusive: true,
	}, found)
}

func TestRiskHasTheHighestLevelThatItsScoreReaches(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, c := range []struct {
		service, outage string
		score           float64
		level           string
	}{{"ledger", "0", 10, "low"}, {"ledger", "5", 40, "medium"}, {"payments", "0", 40, "medium"}, {"payments", "5", 70, "high"}} {
		subject := strings.ReplaceAll(aDeployment, `"outageMinutes": 0`, `"outageMinutes": `+c.outage)
		found := b.assess(t, b.transition(t, "normal-change", c.service, subject, utc(t, "2026-12-01 12:00")), saturdayNight(t))
		assert.InDelta(t, c.score, found.Risk.Score, 0, "%+v", c)
		assert.Equal(t, c.level, found.Risk.Level, "%+v", c)
	}
	_, ok := levelOf(-1, map[string]float64{"low": 0})
	assert.False(t, ok)
}

func TestBoundPartsAreThoseThatTheFlowNames(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bound := func(old, now string) string {
		facts := b.transition(t, "normal-change", "payments", strings.ReplaceAll(aDeployment, old, now), utc(t, "2026-12-01 12:00"))
		return b.assess(t, facts, saturdayNight(t)).Bound
	}
	before := bound("", "")
	assert.Equal(t, before, bound("4.2", "4.3"), "the version is not bound")
	assert.NotEqual(t, before, bound("Switch over at night", "Switch over at noon"))
	assert.NotEqual(t, before, bound("2026-12-05T21:00:00Z", "2026-12-05T22:00:00Z"))
}

const modelWithFaults = `
{apiVersion: steward/v1, kind: TransitionModel, metadata: {name: odd, owner: tom}, spec: {type: normal,
  input: {type: object, properties: {divisor: {type: integer}, host: {type: string}}},
  risk: {score: 100 / subject.divisor, levels: {low: 10}}, authorize: {flow: four-eyes, when: 'subject.risk == "low" && subject.riskScore > 20'},
  stages: [{name: one, steps: [{task: Do it}]}]}}
`

func TestWhetherToAuthoriseMayDependOnTheRisk(t *testing.T) {
	t.Parallel()
	b := setup(t, modelWithFaults)
	for divisor, want := range map[string]bool{"4": true, "5": false} {
		found := b.assess(t, b.transition(t, "odd", "payments", `{"divisor": `+divisor+`}`, utc(t, "2026-12-01 12:00")), nil)
		assert.Equal(t, want, found.Authorize, divisor)
		assert.Empty(t, found.Problem)
	}
}

func TestWhatCannotBeAssessedIsAProblemThatItsOwnerIsToldOf(t *testing.T) {
	t.Parallel()
	b := setup(t, modelWithFaults)
	for divisor, want := range map[string]string{"0": "division by zero", "50": "below every level"} {
		found := b.assess(t, b.transition(t, "odd", "payments", `{"divisor": `+divisor+`}`, utc(t, "2026-12-01 12:00")), nil)
		assert.Contains(t, found.Problem, want)
		assert.Contains(t, found.Problem, "amend the transition")
		assert.Equal(t, []string{"tom"}, found.Owner)
	}
}

func TestNeedsAreAllThatTheServiceDependsOnEachOnce(t *testing.T) {
	t.Parallel()
	service := func(name, needs string) string {
		return `{apiVersion: steward/v1, kind: Service, metadata: {name: ` + name + `}, spec: {owner: maria, supportGroup: cab, dependsOn: [` + needs + `]}}`
	}
	b := setup(t, service("a", "b, c")+"\n---\n"+service("b", "d")+"\n---\n"+service("c", "d")+"\n---\n"+service("d", "payments"))
	found := b.assess(t, b.transition(t, "standard-restart", "a", `{}`, utc(t, "2026-12-01 12:00")), nil)
	assert.Equal(t, []string{"b", "c", "d", "ledger", "payments"}, found.Needs)
}

func TestOwnerOfTheServiceStandsInForAModelWithoutOne(t *testing.T) {
	t.Parallel()
	b := setup(t, `{apiVersion: steward/v1, kind: TransitionModel, metadata: {name: plain}, spec: {type: standard, stages: [{name: one, steps: [{task: Do it}]}]}}`)
	found := b.assess(t, b.transition(t, "plain", "payments", `{}`, utc(t, "2026-12-01 12:00")), nil)
	assert.Equal(t, itsm.Assessment{Needs: []string{"ledger"}, Owner: []string{"maria"}}, found, "nothing is assessed, authorised or scheduled")
}

func TestScheduleIsCheckedWithWhatOthersHold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	night := saturdayNight(t)
	b.hold(t, itsm.Slot{Process: "CHG-2", Title: "Ledger 7", Service: "ledger", Override: true, Start: utc(t, "2026-12-06 00:00"), End: utc(t, "2026-12-06 02:00")})
	b.hold(t, itsm.Slot{Process: "CHG-1", Title: "itself", Service: "payments", Needs: []string{"ledger"}, Start: night.Start, End: night.End})
	conflict := []string{"CHG-2 (ledger) has 2026-12-06T00:00:00Z to 2026-12-06T02:00:00Z on ledger"}

	facts := b.transition(t, "normal-change", "payments", aDeployment, utc(t, "2026-12-05 20:00"))
	found := b.assess(t, facts, night)
	assert.Equal(t, itsm.Checked{
		Problems: []string{"it must be planned 1d ahead; plan its start for 2026-12-06T20:00:00Z or later"}, Conflicts: conflict, Blocks: true,
	}, found.Schedule)

	checked, err := b.CheckSchedule(t.Context(), workflows.CheckScheduleRequest{TransitionFacts: facts, Gate: itsm.GateAuthorized, Planned: night, Needs: []string{"ledger"}})
	require.NoError(t, err)
	assert.Equal(t, itsm.Checked{Conflicts: conflict, Blocks: true}, checked)

	warned := b.assess(t, b.transition(t, "standard-restart", "payments", aDeployment, utc(t, "2026-12-05 20:00")), night)
	assert.Equal(t, itsm.Checked{Conflicts: conflict}, warned.Schedule, "this model only warns")
	assert.False(t, warned.Exclusive)
}

func TestFreezeHoldsAlsoWhatHasNoPlannedTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	facts := b.transition(t, "standard-restart", "payments", `{}`, utc(t, "2026-12-24 12:00"))
	checked, err := b.CheckSchedule(t.Context(), workflows.CheckScheduleRequest{TransitionFacts: facts, Gate: itsm.GateStart})
	require.NoError(t, err)
	require.Len(t, checked.Problems, 1)
	assert.Contains(t, checked.Problems[0], "the freeze year-end-freeze, which lasts until 2027-01-04T23:00:00Z")

	facts.Also = nil
	checked, err = b.CheckSchedule(t.Context(), workflows.CheckScheduleRequest{TransitionFacts: facts, Gate: itsm.GateStart})
	require.NoError(t, err)
	assert.Equal(t, []string{`there is no Calendar "year-end-freeze"; apply one`}, checked.Problems)
}

func TestIncidentsOfEarlyLifeMayCallForARollback(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ask := func(model string, incidents ...string) workflows.RollBack {
		request := workflows.RollBackWhenRequest{TransitionFacts: b.transition(t, model, "payments", aDeployment, utc(t, "2026-12-07 12:00"))}
		for _, incident := range incidents {
			request.Incidents = append(request.Incidents, json.RawMessage(incident))
		}
		answer, err := b.RollBackWhen(t.Context(), request)
		require.NoError(t, err)
		return answer
	}
	assert.Equal(t, workflows.RollBack{}, ask("normal-change"))
	assert.Equal(t, workflows.RollBack{}, ask("normal-change", `{"id": "INC-1", "priority": "P2"}`))
	assert.Equal(t, workflows.RollBack{Holds: true}, ask("normal-change", `{"priority": "P2"}`, `{"priority": "P1"}`))
	assert.Equal(t, workflows.RollBack{}, ask("standard-restart", `{"priority": "P1"}`), "the model does not say")
	assert.Contains(t, ask("normal-change", `{"priority": 1}`).Problem, "rollBackWhen can't be evaluated")
}

func TestRollbackMayDependOnAllThatIsKnownOfAnIncident(t *testing.T) {
	t.Parallel()
	b := setup(t, `{apiVersion: steward/v1, kind: TransitionModel, metadata: {name: watched}, spec: {type: standard, stages: [{name: one, steps: [{task: Do it}]}],
		earlyLife: {for: 1d, rollBackWhen: 'incidents.exists(i, i.id == "INC-1" && i.title == "No payment" && i.service == "payments" && i.category == "software" &&
			i.impact == "high" && i.urgency == "low" && i.priority == "P3" && i.state == "in-progress" && i.reporter == "tom" &&
			i.opened < timestamp("2026-12-07T12:00:00Z") && i.major && i.repeats == 7)'}}}`)
	incident, err := json.Marshal(itsm.IncidentFacts{
		ID: "INC-1", Title: "No payment", Service: "payments", Category: "software", Impact: itsm.LevelHigh, Urgency: itsm.LevelLow, Priority: "P3",
		State: "in-progress", Reporter: "tom", Opened: utc(t, "2026-12-07 11:59"), Major: true, Repeats: 7,
	})
	require.NoError(t, err)
	answer, err := b.RollBackWhen(t.Context(), workflows.RollBackWhenRequest{
		TransitionFacts: b.transition(t, "watched", "payments", aDeployment, utc(t, "2026-12-07 12:00")), Incidents: []json.RawMessage{incident},
	})
	require.NoError(t, err)
	assert.Equal(t, workflows.RollBack{Holds: true}, answer)
}

func TestApprovalIsOpenedOnceForAKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	facts := b.transition(t, "normal-change", "payments", aDeployment, utc(t, "2026-12-01 12:00"))
	open := func(key string) workflows.ApprovalInput {
		input, err := b.OpenApproval(t.Context(), workflows.OpenApprovalRequest{TransitionFacts: facts, Flow: "normal-change-approval", Key: key})
		require.NoError(t, err)
		return input
	}
	first := open("CHG-1/authorize/1")
	assert.Equal(t, first, open("CHG-1/authorize/1"))
	assert.Equal(t, "APR-1", first.ID)
	assert.Equal(t, "APR-2", open("CHG-1/authorize/2").ID)

	calendar := b.carried(t, "Calendar", "office-hours")
	assert.Equal(t, workflows.ApprovalInput{
		ID: "APR-1", Command: itsm.Command{Actor: itsm.System(), Key: "CHG-1/authorize/1", Fingerprint: "CHG-1/authorize/1"},
		Requester: itsm.Person("raj"), Summary: "Payments 4.2", Flow: b.carried(t, "ApprovalFlow", "normal-change-approval"),
		Calendar: &calendar, Service: &facts.Service, Subject: facts.Subject, Parent: "CHG-1",
	}, first)

	_, err := b.OpenApproval(t.Context(), workflows.OpenApprovalRequest{TransitionFacts: facts, Flow: "none", Key: "k"})
	refusal, refused := workflows.Refusal(err)
	require.True(t, refused)
	assert.Equal(t, itsm.CodeDefinitionUnknown, refusal.Code)
}
