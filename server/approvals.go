package server

import (
	"context"

	"github.com/steward-itsm/steward/engine"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// operations are the handlers, by the names that the contract gives them.
type operations struct{ *Server }

// given is what an optional parameter holds, or nothing.
func given[T any](parameter *T) T {
	if parameter == nil {
		var nothing T
		return nothing
	}
	return *parameter
}

// shown is a receipt without what only the engine needs.
func shown(receipt itsm.Receipt) itsm.Receipt {
	receipt.Fingerprint = ""
	return receipt
}

// answer is the response that most commands have.
func answer(receipt itsm.Receipt) api.ReceiptJSONResponse {
	return api.ReceiptJSONResponse(shown(receipt))
}

// checkApproval refuses an ID that can't be an approval's, with itsm.CodeNotFound.
func checkApproval(id string) error {
	if kind, ok := itsm.KindOf(id); !ok || kind != itsm.KindApproval {
		return itsm.Errorf(itsm.CodeNotFound, "%q is no approval; their IDs look like APR-1", id)
	}
	return nil
}

func (o operations) StartApproval(ctx context.Context, r api.StartApprovalRequestObject) (api.StartApprovalResponseObject, error) {
	receipt, err := o.engine.StartApproval(ctx, callerOf(ctx).call(r.Body.Comment), engine.StartApproval{
		Flow: r.Body.Flow, Subject: r.Body.Subject, Service: r.Body.Service, Requester: r.Body.Requester,
	})
	if err != nil {
		return nil, err
	}
	return api.StartApproval201JSONResponse{
		Body:    shown(receipt),
		Headers: api.StartApproval201ResponseHeaders{Location: "/v1/processes/" + receipt.Process},
	}, nil
}

func (o operations) AmendApproval(ctx context.Context, r api.AmendApprovalRequestObject) (api.AmendApprovalResponseObject, error) {
	if err := checkApproval(r.Id); err != nil {
		return nil, err
	}
	receipt, err := o.engine.Amend(ctx, callerOf(ctx).call(r.Body.Comment), r.Id, r.Body.Subject)
	if err != nil {
		return nil, err
	}
	return api.AmendApproval200JSONResponse{ReceiptJSONResponse: answer(receipt)}, nil
}

func (o operations) DecideApproval(ctx context.Context, r api.DecideApprovalRequestObject) (api.DecideApprovalResponseObject, error) {
	if err := checkApproval(r.Id); err != nil {
		return nil, err
	}
	receipt, err := o.engine.Decide(ctx, callerOf(ctx).call(r.Body.Comment), r.Id, r.Body.Decision, r.Body.Stage)
	if err != nil {
		return nil, err
	}
	return api.DecideApproval200JSONResponse{ReceiptJSONResponse: answer(receipt)}, nil
}

func (o operations) DelegateApproval(ctx context.Context, r api.DelegateApprovalRequestObject) (api.DelegateApprovalResponseObject, error) {
	if err := checkApproval(r.Id); err != nil {
		return nil, err
	}
	receipt, err := o.engine.Delegate(ctx, callerOf(ctx).call(r.Body.Comment), r.Id, r.Body.To)
	if err != nil {
		return nil, err
	}
	return api.DelegateApproval200JSONResponse{ReceiptJSONResponse: answer(receipt)}, nil
}

func (o operations) WithdrawApproval(ctx context.Context, r api.WithdrawApprovalRequestObject) (api.WithdrawApprovalResponseObject, error) {
	if err := checkApproval(r.Id); err != nil {
		return nil, err
	}
	receipt, err := o.engine.Withdraw(ctx, callerOf(ctx).call(given(r.Body).Comment), r.Id)
	if err != nil {
		return nil, err
	}
	return api.WithdrawApproval200JSONResponse{ReceiptJSONResponse: answer(receipt)}, nil
}
