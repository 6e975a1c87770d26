package definition_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
)

// acme loads the whole example organisation.
func acme(t *testing.T) map[string]definition.Document {
	t.Helper()
	files, err := filepath.Glob("../examples/acme/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var sources []definition.Source
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		sources = append(sources, definition.Source{Name: filepath.Base(file), Text: text})
	}
	docs, problems := definition.Load(nil, sources...)
	require.Empty(t, problems)
	all := map[string]definition.Document{}
	for _, doc := range docs {
		all[doc.Kind+"/"+doc.Name] = doc
	}
	return all
}

func TestAcmeAppliesUnchanged(t *testing.T) {
	t.Parallel()
	docs := acme(t)
	require.Len(t, slices.Collect(maps.Keys(docs)), 35)
	for id, doc := range docs {
		_, err := doc.Expressions()
		require.NoError(t, err, id)
		again, err := definition.FromCanonical(doc.Canonical)
		require.NoError(t, err, id)
		assert.Equal(t, doc.Digest, again.Digest, id)
		assert.Equal(t, doc.Spec, again.Spec, id)
	}
}

func TestCommaInAnUnquotedTitleIsPartOfIt(t *testing.T) {
	t.Parallel()
	docs := acme(t)
	assert.Equal(t, "Office hours, Berlin", docs["Calendar/office-hours"].Title)
	assert.Equal(t, "Payments, first on call", docs["Schedule/payments-primary"].Title)
	_, problems := definition.Parse(definition.Source{Text: []byte("apiVersion: steward/v1\nkind: Person\nmetadata: {name: x, title: a, owner: }\nspec: {}")})
	require.Len(t, problems, 1, "a field that lost its value is a fault, not a part of the title")
	assert.Equal(t, "/metadata/owner", problems[0].Path)
}

func TestPurchaseFlowDecidesWhoIsAsked(t *testing.T) {
	t.Parallel()
	doc := acme(t)["ApprovalFlow/purchase"]
	flow := doc.Spec.(*definition.ApprovalFlow)
	subject, err := flow.ValidateSubject(json.RawMessage(`{"item": "Oscilloscope", "amount": 7400}`))
	require.NoError(t, err)
	assert.JSONEq(t, `{"item": "Oscilloscope", "amount": 7400, "currency": "EUR"}`, string(subject))

	x, err := doc.Expressions()
	require.NoError(t, err)
	facts := definition.FactsOf(subject, nil, itsm.Person("raj"))
	summary, err := x.String(flow.Summary, facts)
	require.NoError(t, err)
	assert.Equal(t, "Buy Oscilloscope for 7400 EUR", summary)
	for amount, asked := range map[string]bool{"5000": false, "5000.01": true, "1000000": true} {
		facts.Subject = json.RawMessage(`{"item": "x", "amount": ` + amount + `}`)
		finance, err := x.Bool(flow.Stages[1].When, facts)
		require.NoError(t, err)
		assert.Equal(t, asked, finance, amount)
	}
	assert.False(t, x.Uses("service"))
	assert.Equal(t, "2", flow.Rules().Stages[1].Need.String())
	assert.Equal(t, itsm.TimeoutReject, flow.Rules().Stages[1].OnTimeout)
}

func TestNormalChangeAsksTheServicesOwnPeople(t *testing.T) {
	t.Parallel()
	docs := acme(t)
	doc, service := docs["ApprovalFlow/normal-change-approval"], docs["Service/payments"]
	flow := doc.Spec.(*definition.ApprovalFlow)
	x, err := doc.Expressions()
	require.NoError(t, err)
	facts := definition.FactsOf(json.RawMessage(`{"risk": "low", "plan": "as rehearsed"}`), &service, itsm.Person("alice"))
	refs, err := x.Refs(flow.Stages[0].Approvers[0].From, facts)
	require.NoError(t, err)
	assert.Equal(t, []definition.Ref{{Name: "payments-team"}}, refs)
	board, err := x.Bool(flow.Stages[1].When, facts)
	require.NoError(t, err)
	assert.True(t, board, "tier 1")
	assert.True(t, x.Uses("service"))

	before, err := definition.Bound(doc, facts)
	require.NoError(t, err)
	facts.Subject = json.RawMessage(`{"risk": "high", "plan": "as rehearsed"}`)
	same, err := definition.Bound(doc, facts)
	require.NoError(t, err)
	facts.Subject = json.RawMessage(`{"risk": "low", "plan": "another"}`)
	other, err := definition.Bound(doc, facts)
	require.NoError(t, err)
	assert.Equal(t, before, same)
	assert.NotEqual(t, before, other)
}
