package activities

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

func TestPeopleAreToldInWordsWhatATransitionAsks(t *testing.T) {
	t.Parallel()
	for told, c := range map[itsm.EventType]struct{ data, title, text string }{
		itsm.EventStepOpened: {
			`{"step": "go.1", "title": "Do it", "deadline": "2026-12-02T12:00:00Z"}`, "CHG-1 asks you to: Do it",
			"Task CHG-1.go.1 of \"Payments 4.2\" waits for you, due by 2026-12-02T12:00:00Z. `steward inbox` shows it.",
		},
		itsm.EventStepReminded: {
			`{"step": "go.1", "title": "Do it"}`, "CHG-1 still waits for you to: Do it",
			"Task CHG-1.go.1 of \"Payments 4.2\" is still open. `steward inbox` shows it.",
		},
		itsm.EventStepEscalated: {
			`{"step": "go.1", "title": "Do it"}`, "CHG-1 is escalated to you: Do it", `Step go.1 of "Payments 4.2" has waited long. Please see that it is done.`,
		},
		itsm.EventStepTimedOut: {
			`{"step": "go.1", "title": "Do it", "deadline": "2026-12-02T12:00:00Z"}`, "CHG-1 missed a deadline and waits on: Do it",
			`Step go.1 of "Payments 4.2" is late, due by 2026-12-02T12:00:00Z. It stays open.`,
		},
		itsm.EventStepBlocked: {
			`{"step": "go.1", "title": "Do it", "reason": "nobody is there."}`, "CHG-1 is blocked at: Do it",
			`Step go.1 of "Payments 4.2" can't go on by itself: nobody is there. An operator may retry, skip or complete it by hand.`,
		},
		itsm.EventStepFailed: {
			`{"step": "go.1", "title": "Do it", "reason": "no"}`, "CHG-1 failed at: Do it",
			`Step go.1 of "Payments 4.2" failed for good: no. What was done before it is taken back.`,
		},
		itsm.EventStepCancelled: {
			`{"step": "go.1", "title": "Do it", "reason": "it is being rolled back"}`, "CHG-1 needs this no more: Do it",
			`Step go.1 of "Payments 4.2" was cancelled: it is being rolled back.`,
		},
		itsm.EventStepNotified: {`{"step": "go.1", "title": "It begins"}`, "CHG-1: It begins", `It begins (from "Payments 4.2")`},
		itsm.EventAuthorizationDecided: {
			`{"approval": "APR-1", "outcome": "rejected", "stage": "board", "afterwards": true}`, "CHG-1 was rejected: Payments 4.2",
			`Its authorisation APR-1 was rejected in stage "board". The change did not wait for it; decide whether to roll it back.`,
		},
		itsm.EventAuthorizationVoided: {
			`{"approval": "APR-1", "why": "the plan changed"}`, "CHG-1 must be authorised again: Payments 4.2", "What was approved is void: the plan changed.",
		},
		itsm.EventRollbackBegun: {
			`{"why": "it failed", "undo": ["go.2", "go.1"]}`, "CHG-1 is being rolled back: Payments 4.2",
			"The reason: it failed. These steps are taken back, in this order: go.2, go.1.",
		},
		itsm.EventRollbackOrdered: {`{"why": "raj ordered it"}`, "CHG-1 is being rolled back: Payments 4.2", "The reason: raj ordered it. Nothing has to be taken back."},
		itsm.EventTransitionClosed: {
			`{"outcome": "cancelled", "why": "raj cancelled it"}`, "CHG-1 is over: Payments 4.2", "It ended as cancelled: raj cancelled it.",
		},
		itsm.EventApprovalClosed: {
			`{"outcome": "approved", "why": "all agreed"}`, "CHG-1 is over: Payments 4.2", "It was approved: all agreed.",
		},
	} {
		title, text := wording(workflows.NotifyRequest{Process: "CHG-1", Summary: "Payments 4.2"}, itsm.Notice{Type: told}, itsm.Event{Data: json.RawMessage(c.data)})
		assert.Equal(t, c.title, title)
		assert.Equal(t, c.text, text)
	}
}
