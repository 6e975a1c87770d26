package itsm_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/itsm"
)

var (
	callbackKey = []byte("a key of thirty-two bytes or more")
	deployment  = itsm.CallbackAddress{Process: "CHG-1", Step: "migration.2", Attempt: 1}
)

func TestCallbackTokenNamesItsCall(t *testing.T) {
	t.Parallel()
	token := deployment.Token(callbackKey)
	assert.True(t, strings.HasPrefix(token, "CHG-1.migration.2.1."))
	got, err := itsm.ParseCallbackToken(callbackKey, token)
	require.NoError(t, err)
	assert.Equal(t, deployment, got)
}

func TestCallbackTokenIsKnownOnlyAsItWasMade(t *testing.T) {
	t.Parallel()
	token := deployment.Token(callbackKey)
	seal := token[strings.LastIndex(token, ".")+1:]
	for name, forged := range map[string]string{
		"another key":      deployment.Token([]byte("another key")),
		"no key":           deployment.Token(nil),
		"another process":  "CHG-2.migration.2.1." + seal,
		"another step":     "CHG-1.migration.3.1." + seal,
		"another attempt":  "CHG-1.migration.2.2." + seal,
		"the undo":         "CHG-1.migration.2.undo.1." + seal,
		"a moved dot":      "CHG-1.migration.21." + seal,
		"truncated":        token[:len(token)-1],
		"without its seal": "CHG-1.migration.2.1",
		"an empty seal":    "CHG-1.migration.2.1.",
		"lengthened":       token + "A",
		"no base64":        token[:len(token)-1] + "!",
		"no attempt":       "CHG-1.migration.x." + seal,
		"too few parts":    "CHG-1.1." + seal,
		"nothing":          "",
		"dots":             "...",
	} {
		_, err := itsm.ParseCallbackToken(callbackKey, forged)
		assert.Equal(t, itsm.CodeCallbackUnknown, itsm.ErrorCode(err), name)
	}
}

func TestEveryChangeOfACallbackTokenIsNoticed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := itsm.CallbackAddress{
			Process: itsm.KindTransition.ID(rapid.Int64Range(1, 1e9).Draw(t, "number")),
			Step:    rapid.StringMatching(`[a-z]{1,8}(\.[1-9]){1,4}(\.undo)?`).Draw(t, "step"), Attempt: rapid.IntRange(1, 99).Draw(t, "attempt"),
		}
		token := a.Token(callbackKey)
		got, err := itsm.ParseCallbackToken(callbackKey, token)
		require.NoError(t, err)
		require.Equal(t, a, got)
		i := rapid.IntRange(0, len(token)-2).Draw(t, "at") // the last character has bits that say nothing
		altered := []byte(token)
		altered[i] = rapid.SampledFrom([]byte("aZ09.-_x")).Draw(t, "by")
		if string(altered) == token {
			return
		}
		_, err = itsm.ParseCallbackToken(callbackKey, string(altered))
		require.Error(t, err)
	})
}

func TestTaskIDNamesProcessAndStep(t *testing.T) {
	t.Parallel()
	process, step, err := itsm.ParseTaskID(itsm.TaskID("CHG-1", "support.1.2.1"))
	require.NoError(t, err)
	assert.Equal(t, []string{"CHG-1", "support.1.2.1"}, []string{process, step})
	for _, id := range []string{"", "CHG-1", "CHG-1.", "CHG.validation.1", "XYZ-1.validation.1", "CHG-0.a.1", ".a"} {
		_, _, err := itsm.ParseTaskID(id)
		assert.Equal(t, itsm.CodeTaskUnknown, itsm.ErrorCode(err), id)
	}
}
