package server

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/steward-itsm/steward/engine"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// checkTransition refuses an ID that can't be a transition's, with itsm.CodeNotFound.
func checkTransition(id string) error {
	if kind, ok := itsm.KindOf(id); !ok || kind != itsm.KindTransition {
		return itsm.Errorf(itsm.CodeNotFound, "%q is no transition; their IDs look like CHG-1", id)
	}
	return nil
}

// checkOverride lets only those override the schedule whose role allows it,
// and who say why. The error has itsm.CodeOverrideForbidden or CodeCommentRequired.
func checkOverride(who caller, override bool, comment string) error {
	if !override {
		return nil
	}
	if !who.may(scheduleOverride) {
		return itsm.FieldErrorf(itsm.CodeOverrideForbidden, "/override",
			"%s may not override the schedule (%s); choose another time, or ask an administrator or a process owner to do it", who.actor.Name, scheduleOverride)
	}
	return checkReason(comment)
}

// checkReason refuses to go on without a comment, with itsm.CodeCommentRequired.
func checkReason(comment string) error {
	if strings.TrimSpace(comment) == "" {
		return itsm.FieldErrorf(itsm.CodeCommentRequired, "/comment", "say why in comment; it is kept with the event")
	}
	return nil
}

// utc gives an instant as it is stored; nil stays nil.
func utc(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	moved := at.UTC()
	return &moved
}

func (o operations) StartTransition(ctx context.Context, r api.StartTransitionRequestObject) (api.StartTransitionResponseObject, error) {
	who := callerOf(ctx)
	if err := checkOverride(who, r.Body.Override, r.Body.Comment); err != nil {
		return nil, err
	}
	receipt, err := o.engine.StartTransition(ctx, who.call(r.Body.Comment), engine.StartTransition{
		Model: r.Body.Model, Service: r.Body.Service, Title: r.Body.Title, Description: r.Body.Description,
		Subject: r.Body.Subject, PlannedStart: utc(r.Body.PlannedStart), PlannedEnd: utc(r.Body.PlannedEnd),
		Requester: r.Body.Requester, Override: r.Body.Override,
	})
	if err != nil {
		return nil, err
	}
	return api.StartTransition201JSONResponse{
		Body:    shown(receipt),
		Headers: api.StartTransition201ResponseHeaders{Location: "/v1/processes/" + receipt.Process},
	}, nil
}

func (o operations) AmendTransition(ctx context.Context, r api.AmendTransitionRequestObject) (api.AmendTransitionResponseObject, error) {
	if err := checkTransition(r.Id); err != nil {
		return nil, err
	}
	receipt, err := o.engine.Amend(ctx, callerOf(ctx).call(r.Body.Comment), r.Id, r.Body.Subject)
	if err != nil {
		return nil, err
	}
	return api.AmendTransition200JSONResponse{ReceiptJSONResponse: answer(receipt)}, nil
}

func (o operations) RescheduleTransition(ctx context.Context, r api.RescheduleTransitionRequestObject) (api.RescheduleTransitionResponseObject, error) {
	if err := checkTransition(r.Id); err != nil {
		return nil, err
	}
	who := callerOf(ctx)
	if err := checkOverride(who, r.Body.Override, r.Body.Comment); err != nil {
		return nil, err
	}
	planned := itsm.Period{Start: r.Body.PlannedStart.UTC(), End: r.Body.PlannedEnd.UTC()}
	receipt, err := o.engine.Reschedule(ctx, who.call(r.Body.Comment), r.Id, planned, r.Body.Override)
	if err != nil {
		return nil, err
	}
	return api.RescheduleTransition200JSONResponse{ReceiptJSONResponse: answer(receipt)}, nil
}

func (o operations) CancelTransition(ctx context.Context, r api.CancelTransitionRequestObject) (api.CancelTransitionResponseObject, error) {
	if err := checkTransition(r.Id); err != nil {
		return nil, err
	}
	receipt, err := o.engine.Cancel(ctx, callerOf(ctx).call(given(r.Body).Comment), r.Id)
	if err != nil {
		return nil, err
	}
	return api.CancelTransition200JSONResponse{ReceiptJSONResponse: answer(receipt)}, nil
}

func (o operations) RollbackTransition(ctx context.Context, r api.RollbackTransitionRequestObject) (api.RollbackTransitionResponseObject, error) {
	if err := checkTransition(r.Id); err != nil {
		return nil, err
	}
	if err := checkReason(r.Body.Comment); err != nil {
		return nil, err
	}
	receipt, err := o.engine.Rollback(ctx, callerOf(ctx).call(r.Body.Comment), r.Id)
	if err != nil {
		return nil, err
	}
	return api.RollbackTransition200JSONResponse{ReceiptJSONResponse: answer(receipt)}, nil
}

func (o operations) RetryStep(ctx context.Context, r api.RetryStepRequestObject) (api.RetryStepResponseObject, error) {
	receipt, err := o.byHand(ctx, r.Id, r.Step, itsm.HandRetry, r.Body.Comment, nil)
	if err != nil {
		return nil, err
	}
	return api.RetryStep200JSONResponse{ReceiptJSONResponse: receipt}, nil
}

func (o operations) SkipStep(ctx context.Context, r api.SkipStepRequestObject) (api.SkipStepResponseObject, error) {
	receipt, err := o.byHand(ctx, r.Id, r.Step, itsm.HandSkip, r.Body.Comment, nil)
	if err != nil {
		return nil, err
	}
	return api.SkipStep200JSONResponse{ReceiptJSONResponse: receipt}, nil
}

func (o operations) CompleteStep(ctx context.Context, r api.CompleteStepRequestObject) (api.CompleteStepResponseObject, error) {
	receipt, err := o.byHand(ctx, r.Id, r.Step, itsm.HandComplete, r.Body.Comment, r.Body.Output)
	if err != nil {
		return nil, err
	}
	return api.CompleteStep200JSONResponse{ReceiptJSONResponse: receipt}, nil
}

// byHand does with a blocked step what an operator says.
func (o operations) byHand(ctx context.Context, id, step string, do itsm.ByHand, comment string, output json.RawMessage) (api.ReceiptJSONResponse, error) {
	if err := checkTransition(id); err != nil {
		return api.ReceiptJSONResponse{}, err
	}
	if err := checkReason(comment); err != nil {
		return api.ReceiptJSONResponse{}, err
	}
	receipt, err := o.engine.ByHand(ctx, callerOf(ctx).call(comment), id, step, do, output)
	return answer(receipt), err
}
