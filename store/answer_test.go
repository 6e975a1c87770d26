package store_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
)

func TestLateRetryOfAnApplyNeverRevertsAColleague(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		command := applying()
		send := func(c store.Command, digest string) []store.Change {
			changes, err := b.ApplyDefinitions(t.Context(), c, wanting(definition("Group", "cab", digest)), noon)
			require.NoError(t, err)
			return changes
		}
		first := send(command, "d1")
		assert.Equal(t, []store.Change{{Kind: "Group", Name: "cab", Digest: "d1", Number: 1, Action: store.Created}}, first)
		send(applying(), "d2")
		assert.Equal(t, first, send(command, "d1"), "the answer of the first try")
		current, err := b.Definition(t.Context(), "Group", "cab", "")
		require.NoError(t, err)
		assert.Equal(t, "d2", current.Digest)
		somebodyElse := command
		somebodyElse.Actor = itsm.Integration("alice")
		assert.Equal(t, store.Updated, send(somebodyElse, "d3")[0].Action, "keys are each actor's own")
	})
}

func TestKeyOfAnotherApplyIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		command := applying()
		_, err := b.ApplyDefinitions(t.Context(), command, func(store.Catalog) ([]store.Definition, error) { return nil, assert.AnError }, noon)
		require.ErrorIs(t, err, assert.AnError)
		other := command
		other.Fingerprint = "f2"
		_, err = b.ApplyDefinitions(t.Context(), other, wanting(definition("Group", "cab", "d1")), noon)
		require.NoError(t, err, "what was refused may be sent anew, mended")
		_, err = b.ApplyDefinitions(t.Context(), command, wanting(definition("Group", "cab", "d2")), noon)
		requireCode(t, itsm.CodeKeyReused, err)
	})
}

func TestAppliesAtOnceUnderOneKeyGetOneAnswer(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		const callers = 12
		command := applying()
		answers := make([][]store.Change, callers)
		atOnce(callers, func(i int) {
			var err error
			answers[i], err = b.ApplyDefinitions(t.Context(), command, wanting(definition("Group", "cab", fmt.Sprint(i))), noon)
			assert.NoError(t, err)
		})
		for _, answer := range answers {
			assert.Equal(t, answers[0], answer)
		}
		versions, err := b.Versions(t.Context(), "Group", "cab", "", 0)
		require.NoError(t, err)
		assert.Len(t, versions.Items, 1)
	})
}

func TestAbsenceIsAnsweredOnceAllIsDone(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		command, other := applying(), applying()
		other.Key, other.Fingerprint = command.Key, "f2"
		away := itsm.Absence{Person: "maria", From: noon, To: noon.Add(time.Hour), Delegate: "tom"}
		answer, err := b.Answer(t.Context(), command)
		require.NoError(t, err)
		assert.Nil(t, answer)

		atOnce(8, func(int) { assert.NoError(t, b.AddAbsence(t.Context(), command, away, noon)) })
		answer, err = b.Answer(t.Context(), command)
		require.NoError(t, err)
		assert.Nil(t, answer, "begun is not done")
		requireCode(t, itsm.CodeKeyReused, b.AddAbsence(t.Context(), other, away, noon))
		found, err := b.Absences(t.Context(), []string{"maria"}, noon, noon.Add(time.Hour))
		require.NoError(t, err)
		assert.Equal(t, []itsm.Absence{away}, found)

		for _, told := range []string{`[1]`, `[2]`} {
			answer, err = b.FinishCommand(t.Context(), command, json.RawMessage(told))
			require.NoError(t, err)
			assert.JSONEq(t, `[1]`, string(answer), "the first to finish stands")
		}
		_, err = b.Answer(t.Context(), other)
		requireCode(t, itsm.CodeKeyReused, err)
		_, err = b.FinishCommand(t.Context(), other, json.RawMessage(`[3]`))
		requireCode(t, itsm.CodeKeyReused, err)
	})
}
