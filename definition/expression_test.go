package definition_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
)

// order is an input with every type that a JSON Schema can give.
const order = `
  input:
    type: object
    required: [amount]
    properties:
      amount: {type: number}
      count: {type: integer, default: 1}
      urgent: {type: boolean}
      note: {type: [string, "null"]}
      place: {type: object, properties: {city: {type: string}, "post-code": {type: string}}}
      lines: {type: array, items: {type: object, properties: {sku: {type: string}, price: {type: number}, pieces: {type: integer, default: 1}}}}
      labels: {type: object, additionalProperties: {type: string}}
      free: {}
`

// flowWith gives a checked flow whose bound values are the expressions.
func flowWith(t require.TestingT, head string, expressions ...string) definition.Document {
	text := "apiVersion: steward/v1\nkind: ApprovalFlow\nmetadata: {name: f}\nspec:\n" + head + "\n  stages:\n    - {name: one, approvers: [{managerOf: requester}]}\n  binds:\n    - requester\n"
	for _, expression := range expressions {
		quoted, err := json.Marshal(expression)
		require.NoError(t, err)
		text += "    - " + string(quoted) + "\n"
	}
	docs, problems := definition.Load(nil, definition.Source{Name: "flow", Text: []byte(text)})
	require.Empty(t, problems)
	return docs[0]
}

func TestExpressionsSeeTypedValues(t *testing.T) {
	t.Parallel()
	const full = `{"amount": 7400, "count": 3.0, "urgent": true, "note": null, "place": {"city": "Ulm", "post-code": "89073"},
		"lines": [{"sku": "a", "price": 2, "pieces": 4}, {"sku": "b"}], "labels": {"team": "red"}, "free": {"x": [1, "two", null]}}`
	for expression, want := range map[string][2]string{ // on the full subject, and on one with nothing but the amount
		`subject.amount`:                            {`7400`, `1`},
		`string(subject.amount)`:                    {`"7400"`, `"1"`},
		`subject.amount > 5000`:                     {`true`, `false`},
		`subject.amount / 2.0`:                      {`3700`, `0.5`},
		`subject.count + 1`:                         {`4`, `1`},
		`has(subject.urgent)`:                       {`true`, `false`},
		`subject.urgent ? "now" : "later"`:          {`"now"`, `"later"`},
		`has(subject.note) || subject.note != ""`:   {`false`, `false`},
		`subject.place.city`:                        {`"Ulm"`, `""`},
		"subject.place.`post-code`":                 {`"89073"`, `""`},
		`has(subject.place)`:                        {`true`, `false`},
		`has(subject.place.city)`:                   {`true`, `false`},
		`subject.lines.map(l, l.sku)`:               {`["a","b"]`, `[]`},
		`subject.lines.exists(l, l.price > 1.5)`:    {`true`, `false`},
		`size(subject.lines)`:                       {`2`, `0`},
		`"team" in subject.labels`:                  {`true`, `false`},
		`subject.free`:                              {`{"x": [1, "two", null]}`, `null`},
		`subject.place == subject.place`:            {`true`, `true`},
		`{"who": requester, "what": subject.place}`: {`{"who": "raj", "what": {"city": "Ulm", "post-code": "89073"}}`, `{"who": "raj", "what": {}}`},
		`service.tier`:                              {`0`, `0`},
		`service.dependsOn`:                         {`[]`, `[]`},
		`service.cost.perMonth`:                     {`0`, `0`},
		`timestamp("2026-11-28T12:00:00+01:00")`:    {`"2026-11-28T11:00:00Z"`, `"2026-11-28T11:00:00Z"`},
		`string(1000000.0) + string(0.1)`:           {`"10000000.1"`, `"10000000.1"`},
	} {
		t.Run(expression, func(t *testing.T) {
			t.Parallel()
			doc := flowWith(t, order, expression)
			x, err := doc.Expressions()
			require.NoError(t, err)
			for i, subject := range []string{full, `{"amount": 1}`} {
				value, err := x.Value(expression, definition.Facts{Subject: json.RawMessage(subject), Requester: "raj"})
				require.NoError(t, err)
				got, err := json.Marshal(value)
				require.NoError(t, err)
				assert.JSONEq(t, want[i], string(got), subject)
			}
		})
	}
}

func TestUntypedSubjectIsAskedWithHas(t *testing.T) {
	t.Parallel()
	const expression = `has(subject.amount) && subject.amount > 5`
	x, err := flowWith(t, "", expression).Expressions()
	require.NoError(t, err)
	for subject, want := range map[string]bool{``: false, `{}`: false, `{"amount": 5}`: false, `{"amount": 6}`: true} {
		got, err := x.Bool(expression, definition.Facts{Subject: json.RawMessage(subject)})
		require.NoError(t, err)
		assert.Equal(t, want, got, subject)
	}
	_, err = x.Bool("true", definition.Facts{})
	require.ErrorContains(t, err, "not an expression of this document")
	_, err = x.Bool(expression, definition.Facts{Subject: json.RawMessage(`{`)})
	assert.ErrorContains(t, err, "reading subject")
}

func TestFactsOfTheWrongTypeAreAnErrorAndNoAnswer(t *testing.T) {
	t.Parallel()
	for expression, subject := range map[string]string{
		`subject.plannedStart > timestamp("2026-01-01T00:00:00Z")`: `{"plannedStart": "tomorrow"}`,
		`subject.riskScore > 1`: `{"riskScore": 1.5}`,
		`subject.risk == "x"`:   `{"risk": 7}`,
	} {
		x, err := flowWith(t, "  subject: transition", expression).Expressions()
		require.NoError(t, err)
		_, err = x.Bool(expression, definition.Facts{Subject: json.RawMessage(subject)})
		assert.ErrorContains(t, err, "evaluating", subject)
	}
}

func TestFromNamesPeopleInAllWays(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string][]definition.Ref{
		`"maria"`:                                {{Name: "maria"}},
		`["maria", "cab"]`:                       {{Name: "maria"}, {Name: "cab"}},
		`{"group": "cab"}`:                       {{Group: "cab"}},
		`[{"onCall": "x"}, {"person": "maria"}]`: {{OnCall: "x"}, {Person: "maria"}},
		`{"managerOf": requester}`:               {{ManagerOf: "raj"}},
		`service.owner`:                          nil,
		`["", "maria"]`:                          {{Name: "maria"}},
	} {
		x, err := flowWith(t, "", expression).Expressions()
		require.NoError(t, err)
		got, err := x.Refs(expression, definition.Facts{Requester: "raj"})
		require.NoError(t, err)
		assert.Equal(t, want, got, expression)
	}
	for _, expression := range []string{`1`, `{"nobody": "x"}`, `[["maria"]]`} {
		x, err := flowWith(t, "", expression).Expressions()
		require.NoError(t, err)
		_, err = x.Refs(expression, definition.Facts{})
		assert.ErrorContains(t, err, "names nobody", expression)
	}
}

func TestSubjectIsCheckedAsAWhole(t *testing.T) {
	t.Parallel()
	flow := flowWith(t, order).Spec.(*definition.ApprovalFlow)
	ok, err := flow.ValidateSubject(json.RawMessage(`{"lines": [{"sku": "a"}], "amount": 12345678901234567890}`))
	require.NoError(t, err)
	canonical := json.RawMessage(`{"amount":12345678901234567890,"count":1,"lines":[{"pieces":1,"sku":"a"}]}`)
	assert.Equal(t, canonical, ok) // byte by byte: numbers keep all their digits

	_, err = flow.ValidateSubject(json.RawMessage(`{"count": "many", "lines": [{}, {"price": true}], "place": 7}`))
	var fault *itsm.Error
	require.ErrorAs(t, err, &fault)
	assert.Equal(t, itsm.CodeSubjectInvalid, fault.Code)
	found := map[string]itsm.Code{}
	for _, field := range fault.Fields {
		found[field.Field] = field.Code
	}
	assert.Equal(t, map[string]itsm.Code{
		"/subject": "schema.required", "/subject/count": "schema.type", "/subject/lines/1/price": "schema.type", "/subject/place": "schema.type",
	}, found)
	for _, bad := range []string{`[]`, `"x"`, `null`, `{`, `{} {}`} {
		_, err := flow.ValidateSubject(json.RawMessage(bad))
		assert.Equal(t, itsm.CodeSubjectInvalid, itsm.ErrorCode(err), bad)
	}
}

func TestSubjectWithoutASchemaIsAnyObject(t *testing.T) {
	t.Parallel()
	flow := flowWith(t, "").Spec.(*definition.ApprovalFlow)
	for given, want := range map[string]string{``: `{}`, ` { } `: `{}`, `{"b": 1, "a": "<"}`: `{"a":"<","b":1}`} {
		got, err := flow.ValidateSubject(json.RawMessage(given))
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
	_, err := flow.ValidateSubject(json.RawMessage(`[1]`))
	assert.Equal(t, itsm.CodeSubjectInvalid, itsm.ErrorCode(err))
}

// What passed the check never fails for want of a field.
func TestNoExpressionFailsOnOptionalFields(t *testing.T) {
	t.Parallel()
	expressions := []string{
		`subject.amount + subject.lines.map(l, l.price * double(l.pieces)).size()  > 0`, `subject.place.city + subject.note`,
		`subject.count > 0 && subject.urgent`, `size(subject.labels) + size(subject.lines)`,
	}
	expressions[0] = `subject.lines.map(l, l.price * double(l.pieces)).size() > 0 || subject.amount > 1`
	doc := flowWith(t, order, expressions...)
	flow := doc.Spec.(*definition.ApprovalFlow)
	x, err := doc.Expressions()
	require.NoError(t, err)
	parts := []string{`"count": 2`, `"urgent": false`, `"note": "n"`, `"note": null`, `"place": {}`, `"lines": [{}]`, `"labels": {"a": "b"}`, `"free": 1`}
	rapid.Check(t, func(t *rapid.T) {
		chosen := rapid.SliceOfDistinct(rapid.SampledFrom(parts), rapid.ID).Draw(t, "parts")
		subject, err := flow.ValidateSubject(json.RawMessage("{" + strings.Join(append(chosen, `"amount": 1`), ",") + "}"))
		require.NoError(t, err)
		for _, expression := range expressions {
			_, err := x.Value(expression, definition.Facts{Subject: subject})
			require.NoError(t, err, expression)
		}
	})
}

func TestExpressionsAreSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	doc := flowWith(t, order, "subject.amount * 2.0")
	const users = 20
	answers := make([]any, users)
	failures := make([]error, users)
	var all sync.WaitGroup
	for i := range users {
		all.Go(func() {
			x, err := doc.Expressions()
			if err == nil {
				answers[i], err = x.Value("subject.amount * 2.0", definition.Facts{Subject: json.RawMessage(fmt.Sprintf(`{"amount": %d}`, i))})
			}
			failures[i] = err
		})
	}
	all.Wait()
	for i := range users {
		require.NoError(t, failures[i])
		assert.InDelta(t, 2*i, answers[i], 0)
	}
}

func BenchmarkExpressionsOfAStoredFlow(b *testing.B) {
	doc := flowWith(b, order, "subject.amount > 5000.0")
	for b.Loop() {
		read, err := definition.FromCanonical(doc.Canonical)
		require.NoError(b, err)
		x, err := read.Expressions()
		require.NoError(b, err)
		_, err = x.Bool("subject.amount > 5000.0", definition.Facts{Subject: json.RawMessage(`{"amount": 7400}`)})
		require.NoError(b, err)
	}
}
