package server

import (
	"context"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

var errNoWebhooks = itsm.Errorf(itsm.CodeNotFound, "there are no webhooks yet")

func (o operations) CreateWebhook(context.Context, api.CreateWebhookRequestObject) (api.CreateWebhookResponseObject, error) {
	return nil, errNoWebhooks
}

func (o operations) ListWebhooks(context.Context, api.ListWebhooksRequestObject) (api.ListWebhooksResponseObject, error) {
	return api.ListWebhooks200JSONResponse{Items: []api.Webhook{}}, nil
}

func (o operations) DeleteWebhook(context.Context, api.DeleteWebhookRequestObject) (api.DeleteWebhookResponseObject, error) {
	return nil, errNoWebhooks
}

func (o operations) ListDeliveries(context.Context, api.ListDeliveriesRequestObject) (api.ListDeliveriesResponseObject, error) {
	return nil, errNoWebhooks
}

func (o operations) ResendDelivery(context.Context, api.ResendDeliveryRequestObject) (api.ResendDeliveryResponseObject, error) {
	return nil, errNoWebhooks
}

func (o operations) ResendDead(context.Context, api.ResendDeadRequestObject) (api.ResendDeadResponseObject, error) {
	return nil, errNoWebhooks
}
