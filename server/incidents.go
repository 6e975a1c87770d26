package server

import (
	"context"
	"time"

	"github.com/steward-itsm/steward/engine"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// checkIncident refuses an ID that can't be an incident's, with itsm.CodeNotFound.
func checkIncident(id string) error {
	if kind, ok := itsm.KindOf(id); !ok || kind != itsm.KindIncident {
		return itsm.Errorf(itsm.CodeNotFound, "%q is no incident; their IDs look like INC-1", id)
	}
	return nil
}

func (o operations) StartIncident(ctx context.Context, r api.StartIncidentRequestObject) (api.StartIncidentResponseObject, error) {
	who := callerOf(ctx)
	service, err := who.serviceOf(r.Body.Service)
	if err != nil {
		return nil, err
	}
	receipt, err := o.engine.StartIncident(ctx, who.call(r.Body.Comment), engine.StartIncident{
		Service: service, Title: r.Body.Title, Description: r.Body.Description, Category: r.Body.Category,
		Impact: r.Body.Impact, Urgency: r.Body.Urgency, Reporter: r.Body.Reporter,
	})
	if err != nil {
		return nil, err
	}
	return api.StartIncident201JSONResponse{
		Body:    shown(receipt),
		Headers: api.StartIncident201ResponseHeaders{Location: "/v1/processes/" + receipt.Process},
	}, nil
}

// onIncident sends a command to an incident, if the ID is one.
func (o operations) onIncident(ctx context.Context, id, comment string, send func(engine.Call) (itsm.Receipt, error)) (api.ReceiptJSONResponse, error) {
	if err := checkIncident(id); err != nil {
		return api.ReceiptJSONResponse{}, err
	}
	who := callerOf(ctx)
	if err := o.checkService(ctx, who, id); err != nil {
		return api.ReceiptJSONResponse{}, err
	}
	receipt, err := send(who.call(comment))
	return answer(receipt), err
}

// checkService refuses what an integration of one service does to an incident of
// another, with itsm.CodeForbidden.
func (o operations) checkService(ctx context.Context, who caller, id string) error {
	if who.service == "" {
		return nil
	}
	view, err := o.store.View(ctx, id)
	if err == nil && view.Service != who.service {
		err = itsm.Errorf(itsm.CodeForbidden, "%s is about service %s, and this token is one of %s", id, view.Service, who.service)
	}
	return err
}

func (o operations) AcknowledgeIncident(ctx context.Context, r api.AcknowledgeIncidentRequestObject) (api.AcknowledgeIncidentResponseObject, error) {
	receipt, err := o.onIncident(ctx, r.Id, given(r.Body).Comment, func(call engine.Call) (itsm.Receipt, error) {
		return o.engine.Acknowledge(ctx, call, r.Id)
	})
	return api.AcknowledgeIncident200JSONResponse{ReceiptJSONResponse: receipt}, err
}

func (o operations) AssignIncident(ctx context.Context, r api.AssignIncidentRequestObject) (api.AssignIncidentResponseObject, error) {
	receipt, err := o.onIncident(ctx, r.Id, r.Body.Comment, func(call engine.Call) (itsm.Receipt, error) {
		return o.engine.Assign(ctx, call, r.Id, r.Body.To)
	})
	return api.AssignIncident200JSONResponse{ReceiptJSONResponse: receipt}, err
}

func (o operations) NoteIncident(ctx context.Context, r api.NoteIncidentRequestObject) (api.NoteIncidentResponseObject, error) {
	receipt, err := o.onIncident(ctx, r.Id, r.Body.Comment, func(call engine.Call) (itsm.Receipt, error) {
		return o.engine.Note(ctx, call, r.Id)
	})
	return api.NoteIncident200JSONResponse{ReceiptJSONResponse: receipt}, err
}

func (o operations) HoldIncident(ctx context.Context, r api.HoldIncidentRequestObject) (api.HoldIncidentResponseObject, error) {
	receipt, err := o.onIncident(ctx, r.Id, r.Body.Comment, func(call engine.Call) (itsm.Receipt, error) {
		return o.engine.Hold(ctx, call, r.Id, r.Body.For)
	})
	return api.HoldIncident200JSONResponse{ReceiptJSONResponse: receipt}, err
}

func (o operations) ResumeIncident(ctx context.Context, r api.ResumeIncidentRequestObject) (api.ResumeIncidentResponseObject, error) {
	receipt, err := o.onIncident(ctx, r.Id, given(r.Body).Comment, func(call engine.Call) (itsm.Receipt, error) {
		return o.engine.Resume(ctx, call, r.Id, false)
	})
	return api.ResumeIncident200JSONResponse{ReceiptJSONResponse: receipt}, err
}

func (o operations) ClassifyIncident(ctx context.Context, r api.ClassifyIncidentRequestObject) (api.ClassifyIncidentResponseObject, error) {
	receipt, err := o.onIncident(ctx, r.Id, r.Body.Comment, func(call engine.Call) (itsm.Receipt, error) {
		return o.engine.Classify(ctx, call, r.Id, itsm.Classification{Category: r.Body.Category, Impact: r.Body.Impact, Urgency: r.Body.Urgency})
	})
	return api.ClassifyIncident200JSONResponse{ReceiptJSONResponse: receipt}, err
}

func (o operations) EscalateIncident(ctx context.Context, r api.EscalateIncidentRequestObject) (api.EscalateIncidentResponseObject, error) {
	body := given(r.Body)
	receipt, err := o.onIncident(ctx, r.Id, body.Comment, func(call engine.Call) (itsm.Receipt, error) {
		return o.engine.Escalate(ctx, call, r.Id, body.Rung)
	})
	return api.EscalateIncident200JSONResponse{ReceiptJSONResponse: receipt}, err
}

func (o operations) DeclareMajor(ctx context.Context, r api.DeclareMajorRequestObject) (api.DeclareMajorResponseObject, error) {
	body := given(r.Body)
	receipt, err := o.onIncident(ctx, r.Id, body.Comment, func(call engine.Call) (itsm.Receipt, error) {
		return o.engine.DeclareMajor(ctx, call, r.Id, body.Commander)
	})
	return api.DeclareMajor200JSONResponse{ReceiptJSONResponse: receipt}, err
}

func (o operations) ResolveIncident(ctx context.Context, r api.ResolveIncidentRequestObject) (api.ResolveIncidentResponseObject, error) {
	receipt, err := o.onIncident(ctx, r.Id, r.Body.Comment, func(call engine.Call) (itsm.Receipt, error) {
		return o.engine.Resolve(ctx, call, r.Id, r.Body.Cause, r.Body.Fix)
	})
	return api.ResolveIncident200JSONResponse{ReceiptJSONResponse: receipt}, err
}

func (o operations) ReopenIncident(ctx context.Context, r api.ReopenIncidentRequestObject) (api.ReopenIncidentResponseObject, error) {
	receipt, err := o.onIncident(ctx, r.Id, r.Body.Comment, func(call engine.Call) (itsm.Receipt, error) {
		return o.engine.Reopen(ctx, call, r.Id)
	})
	return api.ReopenIncident200JSONResponse{ReceiptJSONResponse: receipt}, err
}

func (o operations) MergeIncident(ctx context.Context, r api.MergeIncidentRequestObject) (api.MergeIncidentResponseObject, error) {
	receipt, err := o.onIncident(ctx, r.Id, r.Body.Comment, func(call engine.Call) (itsm.Receipt, error) {
		if checkIncident(r.Body.Into) != nil {
			return itsm.Receipt{}, itsm.FieldErrorf(itsm.CodeInvalid, "/into", "%q is no incident; name one, such as INC-1", r.Body.Into)
		}
		return o.engine.Merge(ctx, call, r.Id, r.Body.Into)
	})
	return api.MergeIncident200JSONResponse{ReceiptJSONResponse: receipt}, err
}

func (o operations) AttachIncident(ctx context.Context, r api.AttachIncidentRequestObject) (api.AttachIncidentResponseObject, error) {
	receipt, err := o.onIncident(ctx, r.Id, r.Body.Comment, func(call engine.Call) (itsm.Receipt, error) {
		if checkTransition(r.Body.Transition) != nil {
			return itsm.Receipt{}, itsm.FieldErrorf(itsm.CodeInvalid, "/transition", "%q is no transition; name one, such as CHG-1", r.Body.Transition)
		}
		return o.engine.Attach(ctx, call, r.Id, r.Body.Transition)
	})
	return api.AttachIncident200JSONResponse{ReceiptJSONResponse: receipt}, err
}

func (o operations) GetClocks(ctx context.Context, r api.GetClocksRequestObject) (api.GetClocksResponseObject, error) {
	if err := checkIncident(r.Id); err != nil {
		return nil, err
	}
	at := o.now()
	readings, err := o.engine.Clocks(ctx, r.Id, at)
	if err != nil {
		return nil, err
	}
	shown := api.GetClocks200JSONResponse{Process: r.Id, At: at, Clocks: make([]api.Clock, len(readings))}
	for i, reading := range readings {
		shown.Clocks[i] = shownClock(reading)
	}
	return shown, nil
}

// shownClock gives durations in whole seconds: those that have passed. Elapsed
// and remaining add up to the target.
func shownClock(c engine.ClockReading) api.Clock {
	shown := api.Clock{
		Name: c.Name, Target: c.Target, Calendar: c.Calendar, Started: c.Started, Stopped: c.Stopped,
		Elapsed: seconds(c.Elapsed), Remaining: seconds(c.Reading.Target) - seconds(c.Elapsed),
		Due: c.Due, WarnAt: c.WarnAt, Breached: c.Breached, Intervals: make([]api.ClockInterval, len(c.Intervals)),
	}
	for i, one := range c.Intervals {
		shown.Intervals[i] = api.ClockInterval{From: one.From, To: one.To, Seconds: seconds(one.To.Sub(one.From)), Counts: one.Counts, Why: one.Why}
	}
	return shown
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

func (o operations) ListAlerts(ctx context.Context, r api.ListAlertsRequestObject) (api.ListAlertsResponseObject, error) {
	if err := checkIncident(r.Id); err != nil {
		return nil, err
	}
	alerts, err := o.store.AlertsOf(ctx, r.Id)
	if err == nil && len(alerts) == 0 { // none, or no such incident
		_, err = o.store.View(ctx, r.Id)
	}
	if err != nil {
		return nil, err
	}
	list := api.ListAlerts200JSONResponse{Items: make([]api.AlertState, len(alerts))}
	for i, a := range alerts {
		list.Items[i] = api.AlertState{
			Service: a.Alert.Service, Key: a.Alert.Key, Title: a.Alert.Title, Severity: a.Alert.Severity, Status: a.Alert.Status,
			Source: a.Alert.Source, Link: a.Alert.Link, Details: a.Alert.Details, Repeats: a.Repeats, FirstAt: a.FirstAt, LastAt: a.LastAt,
		}
	}
	return list, nil
}
