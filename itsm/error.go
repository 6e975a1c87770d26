package itsm

import (
	"errors"
	"fmt"
)

// Code names an error for machines. Codes never change their meaning; each is
// listed in docs/errors.md, and a test keeps that list complete.
type Code string

// Class says what kind of failure a code is. The API derives the HTTP status
// from it, the CLI its exit code.
type Class int

// The classes of errors, from the caller's point of view.
const (
	ClassInternal        Class = iota // our fault; details are hidden from callers
	ClassInvalid                      // the request itself is wrong
	ClassUnauthenticated              // we do not know who asks
	ClassForbidden                    // we know, and the answer is no
	ClassNotFound                     // there is no such thing
	ClassConflict                     // right request, wrong moment or state
	ClassTooLarge                     // more than the limit
	ClassUnavailable                  // try again with the same idempotency key
)

// The codes of errors that any process or page can give.
const (
	CodeInternal          Code = "internal"
	CodeInvalid           Code = "invalid"
	CodeMalformed         Code = "malformed"
	CodeTooLarge          Code = "too_large"
	CodeUnsupportedMedia  Code = "unsupported_media_type"
	CodeUnauthenticated   Code = "unauthenticated"
	CodeTokenExpired      Code = "token.expired"
	CodeForbidden         Code = "forbidden"
	CodeNotFound          Code = "not_found"
	CodeMethodNotAllowed  Code = "method_not_allowed"
	CodeUnavailable       Code = "unavailable"
	CodeKeyReused         Code = "idempotency.key_reused"
	CodePersonUnknown     Code = "person.unknown"
	CodeDefinitionUnknown Code = "definition.unknown"
	CodeDefinitionInvalid Code = "definition.invalid"
	CodeSubjectInvalid    Code = "subject.invalid"
	CodeProcessClosed     Code = "process.closed"
	CodeProcessNotBlocked Code = "process.not_blocked"
	CodeProcessBlocked    Code = "process.blocked"
	CodeCommentRequired   Code = "comment.required"
)

// The codes of what an approval refuses.
const (
	CodeNotApprover       Code = "approval.not_approver"
	CodeOwnRequest        Code = "approval.own_request"
	CodeDecidedBefore     Code = "approval.decided_before"
	CodeAlreadyDecided    Code = "approval.already_decided"
	CodeNotRequester      Code = "approval.not_requester"
	CodeStageChanged      Code = "approval.stage_changed"
	CodeDelegateUnfit     Code = "approval.delegate_unfit"
	CodeServiceRequired   Code = "approval.service_required"
	CodeFlowNotAlone      Code = "approval.flow_not_alone"
	CodeAbsenceInvalid    Code = "absence.invalid"
	CodeDecisionUnknown   Code = "approval.decision_unknown"
	CodeNothingChanged    Code = "approval.nothing_changed"
	CodeRecordConflict    Code = "journal.conflict"
	CodeSchemaMismatch    Code = "store.schema_mismatch"
	CodeHistoryGone       Code = "history.gone"
	CodeHistoryUnfaithful Code = "history.nondeterministic"
)

// The codes of what a transition and its steps refuse.
const (
	CodePhase             Code = "transition.phase"         // not in this phase
	CodePlanRequired      Code = "transition.plan_required" // the model needs planned times
	CodeSchedule          Code = "schedule.refused"         // a window, a freeze, the lead time
	CodeScheduleConflict  Code = "schedule.conflict"        // another transition has the time
	CodeOverrideForbidden Code = "schedule.override_forbidden"
	CodeTaskUnknown       Code = "task.unknown"
	CodeTaskNotYours      Code = "task.not_yours"
	CodeTaskClaimed       Code = "task.claimed"
	CodeTaskClosed        Code = "task.closed"
	CodeTaskIncomplete    Code = "task.incomplete"
	CodeTaskResult        Code = "task.result_unknown"
	CodeEvidenceInvalid   Code = "evidence.invalid"
	CodeFileUnknown       Code = "file.unknown"
	CodeStepUnknown       Code = "step.unknown"
	CodeStepNotBlocked    Code = "step.not_blocked"
	CodeCallbackUnknown   Code = "callback.unknown"
	CodeCallbackUsed      Code = "callback.used"
	CodePartOfProcess     Code = "approval.part_of_process"
)

// classes is the one table from code to class.
var classes = map[Code]Class{
	CodeInternal:          ClassInternal,
	CodeInvalid:           ClassInvalid,
	CodeMalformed:         ClassInvalid,
	CodeTooLarge:          ClassTooLarge,
	CodeUnsupportedMedia:  ClassInvalid,
	CodeUnauthenticated:   ClassUnauthenticated,
	CodeTokenExpired:      ClassUnauthenticated,
	CodeForbidden:         ClassForbidden,
	CodeNotFound:          ClassNotFound,
	CodeMethodNotAllowed:  ClassInvalid,
	CodeUnavailable:       ClassUnavailable,
	CodeKeyReused:         ClassInvalid,
	CodePersonUnknown:     ClassInvalid,
	CodeDefinitionUnknown: ClassInvalid,
	CodeDefinitionInvalid: ClassInvalid,
	CodeSubjectInvalid:    ClassInvalid,
	CodeProcessClosed:     ClassConflict,
	CodeProcessNotBlocked: ClassConflict,
	CodeProcessBlocked:    ClassConflict,
	CodeCommentRequired:   ClassInvalid,

	CodeNotApprover:       ClassForbidden,
	CodeOwnRequest:        ClassForbidden,
	CodeDecidedBefore:     ClassForbidden,
	CodeAlreadyDecided:    ClassConflict,
	CodeNotRequester:      ClassForbidden,
	CodeStageChanged:      ClassConflict,
	CodeDelegateUnfit:     ClassConflict,
	CodeServiceRequired:   ClassInvalid,
	CodeFlowNotAlone:      ClassInvalid,
	CodeAbsenceInvalid:    ClassInvalid,
	CodeDecisionUnknown:   ClassInvalid,
	CodeNothingChanged:    ClassConflict,
	CodeRecordConflict:    ClassInternal,
	CodeSchemaMismatch:    ClassUnavailable,
	CodeHistoryGone:       ClassNotFound,
	CodeHistoryUnfaithful: ClassConflict,

	CodePhase:             ClassConflict,
	CodePlanRequired:      ClassInvalid,
	CodeSchedule:          ClassConflict,
	CodeScheduleConflict:  ClassConflict,
	CodeOverrideForbidden: ClassForbidden,
	CodeTaskUnknown:       ClassNotFound,
	CodeTaskNotYours:      ClassForbidden,
	CodeTaskClaimed:       ClassConflict,
	CodeTaskClosed:        ClassConflict,
	CodeTaskIncomplete:    ClassInvalid,
	CodeTaskResult:        ClassInvalid,
	CodeEvidenceInvalid:   ClassInvalid,
	CodeFileUnknown:       ClassInvalid,
	CodeStepUnknown:       ClassNotFound,
	CodeStepNotBlocked:    ClassConflict,
	CodeCallbackUnknown:   ClassNotFound,
	CodeCallbackUsed:      ClassConflict,
	CodePartOfProcess:     ClassConflict,
}

// Class tells what kind of failure the code is; unknown codes are internal.
func (c Code) Class() Class { return classes[c] }

// Codes lists every code there is, in no particular order.
func Codes() []Code {
	all := make([]Code, 0, len(classes))
	for code := range classes {
		all = append(all, code)
	}
	return all
}

// FieldError is one fault in one field of a request or document.
type FieldError struct {
	Field   string `json:"field"` // a JSON Pointer into the body: /subject/amount
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

// Error is every error that a caller may see: a code for machines, a sentence
// for people that says what to do next, and all faulty fields at once.
type Error struct {
	Code    Code         `json:"code"`
	Message string       `json:"message"`
	Fields  []FieldError `json:"fields,omitempty"`
}

// Errorf makes an Error with a formatted message.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// FieldErrorf makes an Error about one field, given as a JSON Pointer.
func FieldErrorf(code Code, field, format string, args ...any) *Error {
	e := Errorf(code, format, args...)
	e.Fields = []FieldError{{Field: field, Code: code, Message: e.Message}}
	return e
}

// Error implements error.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// ErrorCode gives the code of the Error in err's chain: CodeInternal where
// there is none, and "" for nil.
func ErrorCode(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}
