package notify

import (
	"errors"
	"time"
)

// failure is an error of a channel that knows what a retry would bring.
type failure struct {
	err       error
	permanent bool
	gone      bool
	after     time.Duration
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// Permanent marks an error that the same attempt would meet again.
func Permanent(err error) error { return &failure{err: err, permanent: true} }

// RetryAfter marks an error that may pass, and how long the receiver asked to
// wait before the next attempt.
func RetryAfter(err error, wait time.Duration) error { return &failure{err: err, after: wait} }

// IsPermanent tells whether err is marked so. All other errors may pass: an
// outage delays, it does not decide.
func IsPermanent(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.permanent
}

// IsGone tells whether a receiver said that it wants nothing any more, now or
// later (410).
func IsGone(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.gone
}

// Wait gives how long the receiver asked to wait before the next attempt.
func Wait(err error) time.Duration {
	var f *failure
	if errors.As(err, &f) {
		return f.after
	}
	return 0
}

// Detail is what the journal and people are shown of an error: one line, of a
// bearable length.
func Detail(err error) string { return clip(oneLine(err.Error()), maxDetail) }
