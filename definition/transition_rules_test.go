package definition_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
)

func model(t *testing.T, name string) *definition.TransitionModel {
	t.Helper()
	spec, ok := acme(t)["TransitionModel/"+name].Spec.(*definition.TransitionModel)
	require.True(t, ok)
	return spec
}

func TestRulesOfAModelNameEachStepByItsPlace(t *testing.T) {
	t.Parallel()
	m := model(t, "normal-change")
	rules := m.Rules("normal-change")
	assert.Equal(t, "normal-change-approval", rules.Authorize)
	assert.True(t, rules.NeedsTimes)
	assert.True(t, rules.Prepares, "what comes before the wait for the planned start prepares it")
	assert.True(t, rules.RollBack)
	assert.True(t, rules.Review)

	var ids []string
	var visit func(rule itsm.StepRule)
	visit = func(rule itsm.StepRule) {
		ids = append(ids, rule.ID)
		for _, branch := range rule.Branches {
			for _, step := range branch {
				visit(step)
			}
		}
		if rule.Undo != nil {
			visit(*rule.Undo)
		}
	}
	for _, stage := range rules.Stages {
		visit(stage)
	}
	assert.Equal(t, []string{
		"validation", "validation.1",
		"migration", "migration.1", "migration.2", "migration.2.undo", "migration.3",
		"support", "support.1", "support.1.1.1", "support.1.2.1",
		"acceptance", "acceptance.1",
	}, ids)
	for _, id := range ids {
		if _, isStage := m.Stage(id); !isStage {
			_, ok := m.Step(id)
			assert.True(t, ok, id)
		}
	}
	for _, id := range []string{"", ".", "migration.0", "migration.4", "migration.1.undo", "support.1.3.1", "support.1.1", "validation.1.1.1", "nothing.1", "migration.x", "migration.2.undo.undo"} {
		_, ok := m.Step(id)
		assert.False(t, ok, id)
	}
	undo, _ := m.Step("migration.2.undo")
	assert.Equal(t, "POST http://127.0.0.1:9099/rollback", undo.Call)
	briefing, _ := m.Step("support.1.2.1")
	assert.Equal(t, "Brief the service desk", briefing.Task)
}

func TestRulesOfStandardAndEmergencyModels(t *testing.T) {
	t.Parallel()
	standard := model(t, "standard-restart").Rules("standard-restart")
	assert.Empty(t, standard.Authorize)
	assert.False(t, standard.NeedsTimes, "it may be done at once")
	assert.False(t, standard.Prepares)
	emergency := model(t, "emergency-fix").Rules("emergency-fix")
	assert.Equal(t, "emergency-change-approval", emergency.Authorize)
	assert.False(t, emergency.Afterwards)
	assert.True(t, emergency.EarlyLife.IsZero())
}
