package itsm

import (
	"encoding/json"
	"time"
)

// EventType names what happened, as <noun>.<past participle>.
type EventType string

// Event is one thing that happened to a process. Events are numbered from 1 in
// each process, without gaps, and never change.
type Event struct {
	Process string          `json:"process"`
	Number  int             `json:"number"`
	Time    time.Time       `json:"time"` // UTC, by the workflow's clock
	Type    EventType       `json:"type"`
	Actor   Actor           `json:"actor"`
	Key     string          `json:"key,omitempty"` // the command's idempotency key, where a command caused it
	Comment string          `json:"comment,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"`

	// What follows stays inside. It lets a step that was recorded just before a
	// crash be taken up again as it was.

	// Answer is what the command's sender is told, so that a retry is told the
	// same; only on the event that records the command.
	Answer *Receipt `json:"answer,omitempty"`
	// Tell says who is to be told of the event.
	Tell []Notice `json:"tell,omitempty"`
}

// Receipt is the answer to an accepted command. A retry with the same
// idempotency key gets the same receipt.
type Receipt struct {
	Process string `json:"process"`
	Event   int    `json:"event"` // the number of the event that recorded the command
	State   State  `json:"state"`
	Stage   string `json:"stage,omitempty"`   // the stage that is open now
	Outcome string `json:"outcome,omitempty"` // once the process is closed

	// Fingerprint of the command that was answered, so that the same key with
	// another body is told apart from a retry. Not part of the public answer.
	Fingerprint string `json:"fingerprint,omitempty"`
}
