package activities

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
	"github.com/steward-itsm/steward/workflows"
)

// aDeployment is the subject of a transition of Acme's normal model, in the
// window of a Saturday night.
const aDeployment = `{"id": "CHG-1", "title": "Payments 4.2", "type": "normal", "model": "normal-change", "service": "payments", "requester": "raj",
	"version": "4.2", "plan": "Switch over at night, then watch it", "backout": "Switch back", "outageMinutes": 0,
	"plannedStart": "2026-12-05T21:00:00Z", "plannedEnd": "2026-12-06T01:00:00Z",
	"input": {"version": "4.2", "plan": "Switch over at night, then watch it", "backout": "Switch back", "outageMinutes": 0}}`

// facts are those of CHG-1, which raj asked for, on a service under a model.
func (b bundle) transition(t *testing.T, model, service, subject string, at time.Time) workflows.TransitionFacts {
	t.Helper()
	facts := workflows.TransitionFacts{
		Model: b.carried(t, "TransitionModel", model), Service: b.carried(t, definition.KindService, service),
		Requester: itsm.Person("raj"), Subject: json.RawMessage(subject), Process: "CHG-1", At: at,
	}
	var also []store.Ref
	for ref := range b.docs {
		if slices.Contains([]string{definition.KindApprovalFlow, definition.KindCalendar}, ref.Kind) {
			also = append(also, ref)
		}
	}
	for _, ref := range also {
		facts.Also = append(facts.Also, b.carried(t, ref.Kind, ref.Name))
	}
	return facts
}

// saturdayNight is when aDeployment is planned.
func saturdayNight(t *testing.T) *itsm.Period {
	t.Helper()
	return &itsm.Period{Start: utc(t, "2026-12-05 21:00"), End: utc(t, "2026-12-06 01:00")}
}

// hold puts a transition into the schedule of change.
func (b bundle) hold(t *testing.T, slot itsm.Slot) {
	t.Helper()
	at := utc(t, "2026-11-01 12:00")
	event := itsm.Event{Process: slot.Process, Number: 1, Time: at, Type: itsm.EventTransitionOpened, Actor: itsm.Person("raj")}
	view := itsm.View{
		ID: slot.Process, Kind: itsm.KindTransition, Summary: slot.Title, State: itsm.StateOpen, Requester: itsm.Person("raj"),
		Service: slot.Service, Opened: at, Updated: at, LastEvent: 1,
	}
	_, err := b.Store.Record(t.Context(), itsm.Record{
		Process: slot.Process, Events: []itsm.Event{event}, View: view, Snapshot: json.RawMessage(`{}`), Claim: &itsm.Claim{Slot: &slot},
	})
	require.NoError(t, err)
}
