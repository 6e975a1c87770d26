package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
	"github.com/steward-itsm/steward/workflows"
)

// Absence notes that a person is away and who stands in, and tells the
// processes that wait for the person now. Those that ask later find it in the
// directory. A retry gets the same receipts. Where the first try broke off, it
// goes on from there: each process notes the absence once.
//
// The error has CodeAbsenceInvalid, CodePersonUnknown, CodeKeyReused or
// CodeUnavailable.
func (e *Engine) Absence(ctx context.Context, call Call, absence itsm.Absence) ([]itsm.Receipt, error) {
	absence.From, absence.To = absence.From.UTC(), absence.To.UTC()
	command := store.Command{
		Actor: call.Actor, Key: call.Key,
		Fingerprint: call.command(workflows.UpdateAbsence, absence.Person, absence).Fingerprint,
	}
	answer, err := e.store.Answer(ctx, command)
	if err != nil {
		return nil, err
	}
	if answer == nil {
		if answer, err = e.enterAbsence(ctx, call, command, absence); err != nil {
			return nil, err
		}
	}
	var receipts []itsm.Receipt
	if err := json.Unmarshal(answer, &receipts); err != nil {
		return nil, fmt.Errorf("reading the answer to an absence: %w", err)
	}
	return receipts, nil
}

func (e *Engine) enterAbsence(ctx context.Context, call Call, command store.Command, absence itsm.Absence) (json.RawMessage, error) {
	if err := e.checkAbsence(ctx, absence); err != nil {
		return nil, err
	}
	if err := e.store.AddAbsence(ctx, command, absence, e.now()); err != nil {
		return nil, err
	}
	receipts, err := e.noteAbsence(ctx, call, absence)
	if err != nil {
		return nil, err
	}
	answer, err := json.Marshal(receipts)
	if err != nil {
		return nil, fmt.Errorf("writing the answer to an absence: %w", err)
	}
	return e.store.FinishCommand(ctx, command, answer)
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

// noteAbsence tells every process that waits for the person's vote, whoever
// stands in for them now: an absence entered later may name somebody else.
func (e *Engine) noteAbsence(ctx context.Context, call Call, absence itsm.Absence) ([]itsm.Receipt, error) {
	receipts := []itsm.Receipt{}
	cursor := ""
	for {
		page, err := e.store.InboxOfSeat(ctx, absence.Person, cursor, 100)
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
