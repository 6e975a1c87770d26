package itsm

// Command is what every command carries: who sends it, under which idempotency
// key, and why.
type Command struct {
	Actor       Actor  `json:"actor"`
	Key         string `json:"key"`         // unique per actor; a retry carries the same
	Fingerprint string `json:"fingerprint"` // digest of the request's content
	Comment     string `json:"comment,omitempty"`
}
