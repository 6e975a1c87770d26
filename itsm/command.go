package itsm

// Command is what every command carries: who sends it, under which idempotency
// key, and why.
type Command struct {
	Actor       Actor  `json:"actor"`
	Key         string `json:"key"`         // unique per actor; a retry carries the same
	Fingerprint string `json:"fingerprint"` // digest of the request's content
	Comment     string `json:"comment,omitempty"`
	Manages     bool   `json:"manages,omitempty"` // the actor's role lets them act where otherwise only the requester may
}
