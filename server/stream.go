package server

import (
	"context"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

func (o operations) StreamEvents(context.Context, api.StreamEventsRequestObject) (api.StreamEventsResponseObject, error) {
	return nil, itsm.Errorf(itsm.CodeNotFound, "there is no stream yet")
}
