package server

import (
	"context"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

func (o operations) ListInbox(ctx context.Context, r api.ListInboxRequestObject) (api.ListInboxResponseObject, error) {
	who := callerOf(ctx)
	person := given(r.Params.Person)
	switch {
	case person == "" && who.actor.Kind != itsm.ActorPerson:
		return nil, itsm.FieldErrorf(itsm.CodeInvalid, "/person", "an integration has no inbox of its own; say whose with ?person=NAME")
	case person == "":
		person = who.actor.Name
	case !who.actor.IsPerson(person):
		if err := who.require(inboxOthers); err != nil {
			return nil, err
		}
	}
	page, err := o.store.Inbox(ctx, person, given(r.Params.Cursor), given(r.Params.Limit))
	if err != nil {
		return nil, err
	}
	return api.ListInbox200JSONResponse{Items: page.Items, Next: page.Next}, nil
}

func (o operations) EnterAbsence(ctx context.Context, r api.EnterAbsenceRequestObject) (api.EnterAbsenceResponseObject, error) {
	who := callerOf(ctx)
	if !who.actor.IsPerson(r.Name) {
		if err := who.require(absenceOthers); err != nil {
			return nil, err
		}
		if err := checkStandIn(who, r.Name, r.Body.Delegate); err != nil {
			return nil, err
		}
	}
	absence := itsm.Absence{Person: r.Name, From: r.Body.From.UTC(), To: r.Body.To.UTC(), Delegate: r.Body.Delegate}
	receipts, err := o.engine.Absence(ctx, who.call(r.Body.Comment), absence)
	if err != nil {
		return nil, err
	}
	noted := api.EnterAbsence200JSONResponse{Absence: absence, Processes: make([]api.Receipt, len(receipts))}
	for i, receipt := range receipts {
		noted.Processes[i] = shown(receipt)
	}
	return noted, nil
}

// checkStandIn keeps those who may enter the absences of others from taking
// their votes that way.
func checkStandIn(who caller, person, delegate string) error {
	if !who.actor.IsPerson(delegate) || who.may(absenceStandIn) {
		return nil
	}
	return itsm.FieldErrorf(itsm.CodeForbidden, "/delegate",
		"%s may not make themselves the stand-in of %s (%s); name somebody else, or let %s or an administrator enter it",
		delegate, person, absenceStandIn, person)
}
