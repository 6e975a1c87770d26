package definition_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
)

func TestInputsAreTheFactsThatAnExpressionLooksAt(t *testing.T) {
	t.Parallel()
	subject := json.RawMessage(`{"amount": 7400, "place": {"city": "Ulm"}, "lines": [{"sku": "a"}], "unused": 1}`)
	facts := definition.Facts{Subject: subject, Requester: "raj"}
	for expression, want := range map[string]string{
		`subject.amount > 5000 && subject.urgent`:              `{"subject.amount": 7400, "subject.urgent": false}`,
		`subject.place.city == requester`:                      `{"subject.place": {"city": "Ulm"}, "requester": "raj"}`,
		`subject.lines.exists(line, line.sku == "a")`:          `{"subject.lines": [{"sku": "a"}]}`,
		`has(subject.note) ? 1 : subject.count`:                `{"subject.note": "", "subject.count": 0}`,
		`service.tier`:                                         `{"service.tier": 0}`,
		`1 + 1`:                                                `{}`,
		`subject.amount + subject.amount > 1.0 ? "yes" : "no"`: `{"subject.amount": 7400}`,
	} {
		expressions, err := flowWith(t, order, expression).Expressions()
		require.NoError(t, err)
		inputs, err := expressions.Inputs(expression, facts)
		require.NoError(t, err, expression)
		raw, err := json.Marshal(inputs)
		require.NoError(t, err)
		assert.JSONEq(t, want, string(raw), expression)
	}
	expressions, err := flowWith(t, order).Expressions()
	require.NoError(t, err)
	_, err = expressions.Inputs("another", facts)
	require.Error(t, err)
}

func TestSummaryIsWhatTheFlowSays(t *testing.T) {
	t.Parallel()
	facts := definition.FactsOf(json.RawMessage(`{"amount": 3, "note": "x"}`), nil, itsm.Person("raj"))
	line, err := definition.Summary(flowWith(t, order+"  summary: '\"Buy \" + subject.note'"), facts)
	require.NoError(t, err)
	assert.Equal(t, "Buy x", line)
	line, err = definition.Summary(flowWith(t, order), facts)
	require.NoError(t, err)
	assert.Empty(t, line)
	_, err = definition.Summary(flowWith(t, order+"  summary: string(1 / (subject.count - subject.count))"), facts)
	require.Error(t, err)

	assert.Equal(t, strings.Repeat("é", 200), definition.OneLine(strings.Repeat("é", 200)))
	assert.Equal(t, strings.Repeat("é", 199)+"…", definition.OneLine(strings.Repeat("é", 201)))
}
