package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"

	"github.com/steward-itsm/steward/itsm"
)

// Refuse turns a domain error into one that crosses Temporal with its code and
// fields. Other errors pass unchanged.
func Refuse(err error) error { return refusal(err, 0) }

// refusal is Refuse with the newest event that was known to whoever refused.
func refusal(err error, known int) error {
	var e *itsm.Error
	if !errors.As(err, &e) {
		return err
	}
	return temporal.NewApplicationErrorWithOptions(e.Message, string(e.Code), temporal.ApplicationErrorOptions{
		NonRetryable: true,
		Details:      []any{e.Fields, known},
	})
}

// Refusal gives the domain error that an update or activity was refused with,
// or false where err is another failure.
func Refusal(err error) (*itsm.Error, bool) {
	e, _, ok := refused(err)
	return e, ok
}

// RefusedAt gives the newest event that a process knew when it refused a
// command; 0 where it does not say.
func RefusedAt(err error) int {
	_, known, _ := refused(err)
	return known
}

func refused(err error) (e *itsm.Error, known int, ok bool) {
	var app *temporal.ApplicationError
	if !errors.As(err, &app) || app.Type() == "" || itsm.Code(app.Type()).Class() == itsm.ClassInternal {
		return nil, 0, false
	}
	e = &itsm.Error{Code: itsm.Code(app.Type()), Message: app.Message()}
	if app.HasDetails() {
		_ = app.Details(&e.Fields, &known) // a refusal without readable details is still one
	}
	return e, known, true
}
