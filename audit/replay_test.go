package audit_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"

	"github.com/steward-itsm/steward/audit"
	"github.com/steward-itsm/steward/itsm"
)

// recorded lists the histories that were recorded from running versions.
func recorded(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../workflows/testdata/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	return raw
}

func parse(t *testing.T, raw []byte) *historypb.History {
	t.Helper()
	history, err := audit.ParseHistory(raw)
	require.NoError(t, err)
	return history
}

func TestRecordedHistoriesReplayToTheOutcomeTheyHad(t *testing.T) {
	t.Parallel()
	for _, file := range recorded(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			replay := audit.ReplayHistory(parse(t, read(t, file)))
			require.True(t, replay.Deterministic, replay.Fault)
			require.NotEmpty(t, replay.Steps)
			last := replay.Steps[len(replay.Steps)-1].View
			name := strings.TrimSuffix(filepath.Base(file), ".json") + "-"
			assert.True(t, strings.HasPrefix(name, string(last.Kind)+"-"+last.Outcome+"-"), "%s ended as %s", name, last.Outcome)
			assert.Equal(t, itsm.StateClosed, last.State)
		})
	}
}

func TestStateAfterEachStepIsTheStateOfThatMoment(t *testing.T) {
	t.Parallel()
	replay := audit.ReplayHistory(parse(t, read(t, "../workflows/testdata/approval-approved-two-stages.json")))
	stages, events := []string{}, 0
	for _, step := range replay.Steps {
		var detail itsm.ApprovalDetail
		require.NoError(t, json.Unmarshal(step.View.Detail, &detail))
		if len(stages) == 0 || stages[len(stages)-1] != detail.Stage {
			stages = append(stages, detail.Stage)
		}
		assert.GreaterOrEqual(t, step.View.LastEvent, events, "events only ever come")
		events = step.View.LastEvent
	}
	assert.Equal(t, []string{"manager", "finance", ""}, stages)
}

func TestAlteredHistoryDoesNotReplay(t *testing.T) {
	t.Parallel()
	raw := read(t, "../workflows/testdata/approval-approved-two-stages.json")
	history := parse(t, raw)
	altered := 0
	for _, event := range history.Events {
		accepted := event.GetWorkflowExecutionUpdateAcceptedEventAttributes()
		for _, payload := range accepted.GetAcceptedRequest().GetInput().GetArgs().GetPayloads() {
			if bytes.Contains(payload.Data, []byte(`"verdict":"approve"`)) {
				payload.Data = bytes.Replace(payload.Data, []byte(`"approve"`), []byte(`"reject"`), 1)
				altered++
			}
		}
	}
	require.Equal(t, 3, altered)
	replay := audit.ReplayHistory(history)
	assert.False(t, replay.Deterministic)
	assert.NotEmpty(t, replay.Fault)
	assert.NotEmpty(t, audit.Verify(history))
}

func TestHistoryWithAStepCutOutDoesNotReplay(t *testing.T) {
	t.Parallel()
	history := parse(t, read(t, "../workflows/testdata/approval-approved-two-stages.json"))
	for i, event := range history.Events {
		if event.GetMarkerRecordedEventAttributes() != nil {
			history.Events = append(history.Events[:i:i], history.Events[i+1:]...)
			break
		}
	}
	assert.False(t, audit.ReplayHistory(history).Deterministic)
}

func TestWhatIsNoHistoryIsRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing": "", "no JSON": "steward", "another JSON": `{"a": 1}`, "no events": `{"events": []}`,
		"no start": `{"events": [{"eventId": "1", "eventType": "EVENT_TYPE_TIMER_STARTED"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := audit.ParseHistory([]byte(text))
			assert.Equal(t, itsm.CodeMalformed, itsm.ErrorCode(err))
		})
	}
}
