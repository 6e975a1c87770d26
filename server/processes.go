package server

import (
	"context"
	"net/http"
	"strings"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
	"github.com/steward-itsm/steward/store"
)

const defaultEvents = 50 // as the contract says

func (o operations) ListProcesses(ctx context.Context, r api.ListProcessesRequestObject) (api.ListProcessesResponseObject, error) {
	page, err := o.store.Processes(ctx, store.ProcessFilter{
		Kind: given(r.Params.Kind), State: given(r.Params.State),
		Requester: requesterOf(r.Params.Requester), Service: given(r.Params.Service),
		Cursor: given(r.Params.Cursor), Limit: given(r.Params.Limit),
	})
	if err != nil {
		return nil, err
	}
	return api.ListProcesses200JSONResponse{Items: page.Items, Next: page.Next}, nil
}

// requesterOf reads "raj" as a person and "integration:shop" as what it says.
func requesterOf(text *string) *itsm.Actor {
	if text == nil {
		return nil
	}
	actor := itsm.Person(*text)
	if kind, name, ok := strings.Cut(*text, ":"); ok {
		actor = itsm.Actor{Kind: itsm.ActorKind(kind), Name: name}
	}
	return &actor
}

func (o operations) GetProcess(ctx context.Context, r api.GetProcessRequestObject) (api.GetProcessResponseObject, error) {
	view, err := o.store.View(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	return api.GetProcess200JSONResponse(view), nil
}

func (o operations) ListEvents(ctx context.Context, r api.ListEventsRequestObject) (api.ListEventsResponseObject, error) {
	limit := given(r.Params.Limit)
	if limit == 0 {
		limit = defaultEvents
	}
	events, err := o.store.Events(ctx, r.Id, given(r.Params.After), limit)
	if err != nil {
		return nil, err
	}
	if len(events) == 0 { // none yet after that number, or no such process
		_, err := o.store.View(ctx, r.Id)
		return api.ListEvents200JSONResponse{Items: []itsm.Event{}}, err
	}
	page := api.ListEvents200JSONResponse{Items: events}
	if len(events) == limit {
		page.Next = events[limit-1].Number
	}
	return page, nil
}

func (o operations) GetHistory(ctx context.Context, r api.GetHistoryRequestObject) (api.GetHistoryResponseObject, error) {
	if _, ok := itsm.KindOf(r.Id); !ok {
		return nil, itsm.Errorf(itsm.CodeNotFound, "%q is no process; IDs look like APR-1", r.Id)
	}
	history, err := o.engine.History(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	return verbatim(history), nil
}

func (o operations) ResumeProcess(ctx context.Context, r api.ResumeProcessRequestObject) (api.ResumeProcessResponseObject, error) {
	if _, ok := itsm.KindOf(r.Id); !ok {
		return nil, itsm.Errorf(itsm.CodeNotFound, "%q is no process; IDs look like APR-1", r.Id)
	}
	who, body := callerOf(ctx), given(r.Body)
	if err := checkOverride(who, body.Override, body.Comment); err != nil {
		return nil, err
	}
	receipt, err := o.engine.Resume(ctx, who.call(body.Comment), r.Id, body.Override)
	if err != nil {
		return nil, err
	}
	return api.ResumeProcess200JSONResponse{ReceiptJSONResponse: answer(receipt)}, nil
}

// verbatim is JSON that is passed on byte by byte.
type verbatim []byte

func (v verbatim) write(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", jsonMedia)
	_, err := w.Write(v)
	return err
}

// VisitGetHistoryResponse implements api.GetHistoryResponseObject.
func (v verbatim) VisitGetHistoryResponse(w http.ResponseWriter) error { return v.write(w) }

// VisitGetSchemaResponse implements api.GetSchemaResponseObject.
func (v verbatim) VisitGetSchemaResponse(w http.ResponseWriter) error { return v.write(w) }
