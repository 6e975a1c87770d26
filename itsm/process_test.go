package itsm_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/itsm"
)

var kinds = []itsm.Kind{
	itsm.KindApproval, itsm.KindTransition, itsm.KindIncident, itsm.KindImprovement, itsm.KindProblem, itsm.KindRequest,
}

func TestIDNamesItsKind(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "APR-1", itsm.KindApproval.ID(1))
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(kinds).Draw(t, "kind")
		got, ok := itsm.KindOf(kind.ID(rapid.Int64Range(1, math.MaxInt64).Draw(t, "number")))
		assert.True(t, ok)
		assert.Equal(t, kind, got)
	})
}

func TestWhatIsNoIDHasNoKind(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "APR", "APR-", "-1", "APR-0", "APR-01", "APR--1", "APR-+1", "APR-1 ", " APR-1", "apr-1", "APR-1-2",
		"APR-1_0", "APR-x", "XYZ-1", "APR-9223372036854775808"} {
		kind, ok := itsm.KindOf(id)
		assert.False(t, ok, "%q", id)
		assert.Empty(t, kind, "%q", id)
	}
}

func TestActorIsOneOfAKind(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "person:alice", itsm.Person("alice").String())
	assert.Equal(t, "integration:ci", itsm.Integration("ci").String())
	assert.True(t, itsm.Person("alice").IsPerson("alice"))
	assert.False(t, itsm.Integration("alice").IsPerson("alice"))
	assert.False(t, itsm.System().IsPerson("steward"))
}
