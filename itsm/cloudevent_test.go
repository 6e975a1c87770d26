package itsm

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCloudEventHoldsTheEventWithoutWhatIsForTheProcessItself(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 9, 30, 0, 0, time.FixedZone("CET", 3600))
	e := Event{
		Process: "CHG-1", Number: 7, Time: at.UTC(), Type: EventStepCompleted, Actor: Person("raj"), Comment: "done",
		Data: json.RawMessage(`{"step":"migration.2"}`), Answer: &Receipt{Fingerprint: "f00d"}, Tell: []Notice{{Event: 7}},
	}
	c, err := e.CloudEvent()
	require.NoError(t, err)
	text, err := json.Marshal(c)
	require.NoError(t, err)
	assert.JSONEq(t, `{
		"specversion": "1.0", "id": "CHG-1/7", "source": "/processes/CHG-1", "subject": "CHG-1",
		"type": "itsm.steward.step.completed", "time": "2026-03-02T08:30:00Z", "datacontenttype": "application/json",
		"data": {"process": "CHG-1", "number": 7, "time": "2026-03-02T08:30:00Z", "type": "step.completed",
			"actor": {"kind": "person", "name": "raj"}, "comment": "done", "data": {"step": "migration.2"}}}`, string(text))
}

func TestCloudEventWithoutDataHasNoType(t *testing.T) {
	t.Parallel()
	assert.Empty(t, NewCloudEvent("CHG-1/7", "CHG-1", EventStepCompleted, time.Now(), nil).DataContentType)
	_, err := Event{Data: json.RawMessage(`{"half`)}.CloudEvent()
	require.Error(t, err)
}
