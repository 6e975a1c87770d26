package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"

	"github.com/steward-itsm/steward/itsm"
)

// Refuse turns a domain error into one that crosses Temporal with its code and
// fields. Other errors pass unchanged.
func Refuse(err error) error {
	var e *itsm.Error
	if !errors.As(err, &e) {
		return err
	}
	return temporal.NewApplicationErrorWithOptions(e.Message, string(e.Code), temporal.ApplicationErrorOptions{
		NonRetryable: true,
		Details:      []any{e.Fields},
	})
}

// Refusal gives the domain error that an update or activity was refused with,
// or false where err is another failure.
func Refusal(err error) (*itsm.Error, bool) {
	var app *temporal.ApplicationError
	if !errors.As(err, &app) || app.Type() == "" || itsm.Code(app.Type()).Class() == itsm.ClassInternal {
		return nil, false
	}
	e := &itsm.Error{Code: itsm.Code(app.Type()), Message: app.Message()}
	if app.HasDetails() {
		_ = app.Details(&e.Fields) // a refusal without readable fields is still one
	}
	return e, true
}
