package engine

import (
	"context"
	"errors"
	"strings"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

// Absence notes that a person is away and who stands in, and tells the
// processes that wait for the person now. Those that ask later find it in the
// directory. A retry does no harm: each process notes the absence once.
//
// The error has CodeAbsenceInvalid, CodePersonUnknown or CodeUnavailable.
func (e *Engine) Absence(ctx context.Context, call Call, absence itsm.Absence) ([]itsm.Receipt, error) {
	absence.From, absence.To = absence.From.UTC(), absence.To.UTC()
	if err := e.checkAbsence(ctx, absence); err != nil {
		return nil, err
	}
	if err := e.store.AddAbsence(ctx, absence, call.Actor, e.now()); err != nil {
		return nil, err
	}
	return e.noteAbsence(ctx, call, absence)
}

func (e *Engine) checkAbsence(ctx context.Context, a itsm.Absence) error {
	if !a.To.After(a.From) {
		return itsm.FieldErrorf(itsm.CodeAbsenceInvalid, "/to", "an absence ends after it begins; to is not after from")
	}
	if a.Delegate == a.Person {
		return itsm.FieldErrorf(itsm.CodeAbsenceInvalid, "/delegate", "%s can't stand in for themselves; name somebody else", a.Person)
	}
	if err := e.checkPerson(ctx, "/person", a.Person); err != nil {
		return err
	}
	return e.checkPerson(ctx, "/delegate", a.Delegate)
}

// noteAbsence tells every process that waits for the person.
func (e *Engine) noteAbsence(ctx context.Context, call Call, absence itsm.Absence) ([]itsm.Receipt, error) {
	receipts := []itsm.Receipt{}
	cursor := ""
	for {
		page, err := e.store.Inbox(ctx, absence.Person, cursor, 100)
		if err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			receipt, err := e.noteAbsenceIn(ctx, call, item.Process, absence)
			if err != nil {
				return nil, err
			}
			if receipt.Event > 0 {
				receipts = append(receipts, receipt)
			}
		}
		if cursor = page.Next; cursor == "" {
			return receipts, nil
		}
	}
}

// noteAbsenceIn tells one process, and does not mind if it is over by now.
func (e *Engine) noteAbsenceIn(ctx context.Context, call Call, id string, absence itsm.Absence) (itsm.Receipt, error) {
	if kind, ok := itsm.KindOf(id); !ok || kind != itsm.KindApproval {
		return itsm.Receipt{}, nil
	}
	command := call.command(workflows.UpdateAbsence, id, absence)
	command.Key = strings.Join([]string{command.Key, "absence", command.Fingerprint}, "/")
	receipt, err := e.update(ctx, id, workflows.UpdateAbsence, command, workflows.AbsenceArgs{Command: command, Absence: absence})
	var refusal *itsm.Error
	if errors.As(err, &refusal) && refusal.Code.Class() == itsm.ClassConflict {
		return itsm.Receipt{}, nil
	}
	return receipt, err
}
