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

	// Answer is what the command's sender was told, so that a retry is told the
	// same even when the engine has forgotten the process. Only on the event that
	// recorded the command.
	Answer *Receipt `json:"answer,omitempty"`
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
