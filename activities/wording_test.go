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

func TestPeopleAreToldInWordsWhatBecomesOfAnIncident(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		told                itsm.EventType
		line, data, comment string
		wantTitle, wantText string
	}{
		"a page": {
			itsm.EventPageSent, "P1: No payment", `{"round": 1, "rung": 1, "of": 3, "to": ["alice"]}`, "",
			"[P1] INC-7 pages you: No payment (rung 1 of 3, round 1)",
			"Acknowledge it with `steward ack INC-7` or POST /v1/incidents/INC-7/acknowledge. Until somebody does, others are paged after you.",
		},
		"a page without a policy": {
			itsm.EventPageSent, "PC: screen is black", `{"round": 2, "rung": 1}`, "", "INC-7 pages you: PC: screen is black (rung 1, round 2)",
			"Acknowledge it with `steward ack INC-7` or POST /v1/incidents/INC-7/acknowledge. Until somebody does, others are paged after you.",
		},
		"a ladder that is over": {
			itsm.EventLadderExhausted, "P1: No payment", `{"why": "everybody was told"}`, "", "[P1] INC-7 is acknowledged by nobody: No payment",
			"Everybody on the ladder was paged, as often as the policy says. Nobody is paged any more: see that somebody takes it on.",
		},
		"a warning": {
			itsm.EventClockWarned, "P1: No payment", `{"clock": "respond", "due": "2026-12-02T12:00:00Z"}`, "",
			"[P1] INC-7 must soon be acknowledged: No payment", "It is due to be acknowledged by 2026-12-02T12:00:00Z.",
		},
		"a breach": {
			itsm.EventClockBreached, "P1: No payment", `{"clock": "resolve", "due": "2026-12-02T12:00:00Z"}`, "",
			"[P1] INC-7 was not resolved in time: No payment", "It should have been resolved by 2026-12-02T12:00:00Z. It still waits for it.",
		},
		"an assignment": {
			itsm.EventIncidentAssigned, "P3: No payment", `{"person": "bob"}`, "", "[P3] INC-7 is assigned to you: No payment",
			"Resolve it with `steward resolve INC-7`, or assign it to another.",
		},
		"a major incident": {
			itsm.EventMajorDeclared, "P1: No payment", `{"why": "the policy"}`, "", "[P1] INC-7 is a major incident: No payment", "Declared by the policy.",
		},
		"a major incident with a commander": {
			itsm.EventMajorDeclared, "P1: No payment", `{"person": "bob", "why": "maria"}`, "The press calls.", "[P1] INC-7 is a major incident: No payment",
			"Declared by maria: The press calls. bob is its commander.",
		},
		"a resolution": {
			itsm.EventIncidentResolved, "P1: No payment", `{"cause": "deployment", "fix": "rolled-back"}`, "Version 4.1 runs again.", "INC-7 is resolved: No payment",
			"Cause: deployment. Fix: rolled-back. Version 4.1 runs again. If something is still wrong, have it reopened: POST /v1/incidents/INC-7/reopen.",
		},
		"a review": {
			itsm.EventStepOpened, "P1: No payment", `{"step": "review", "title": "Review of the major incident", "deadline": "2026-12-02T12:00:00Z"}`, "",
			"INC-7 asks you to: Review of the major incident",
			"Task INC-7.review of \"P1: No payment\" waits for you, due by 2026-12-02T12:00:00Z. `steward inbox` shows it.",
		},
	} {
		event := itsm.Event{Data: json.RawMessage(c.data), Comment: c.comment}
		title, text := wording(workflows.NotifyRequest{Process: "INC-7", Summary: c.line}, itsm.Notice{Type: c.told}, event)
		assert.Equal(t, c.wantTitle, title, name)
		assert.Equal(t, c.wantText, text, name)
	}
}
