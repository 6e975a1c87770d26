package server

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
	"github.com/steward-itsm/steward/store"
)

// CreateWebhook names the webhook after the caller's idempotency key, so that a
// retry gets the one that was made, with its secret, and makes no second one.
func (o operations) CreateWebhook(ctx context.Context, r api.CreateWebhookRequestObject) (api.CreateWebhookResponseObject, error) {
	if u, err := url.Parse(r.Body.Url); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return nil, itsm.FieldErrorf(itsm.CodeInvalid, "/url", "a webhook needs a full http or https URL, such as https://shop.example.com/steward")
	}
	who := callerOf(ctx)
	made, err := o.store.CreateWebhook(ctx, store.Webhook{
		ID: "wh_" + hex.EncodeToString(hashOf(who.actor.String() + "/" + who.key)[:idBytes]), Secret: newSigningSecret(),
		URL: r.Body.Url, Types: typesOf(r.Body.Types), Kinds: r.Body.Kinds, Description: r.Body.Description,
		CreatedAt: o.now(), CreatedBy: who.actor,
	})
	if err != nil {
		return nil, err
	}
	return api.CreateWebhook201JSONResponse{Secret: made.Secret, Webhook: shownWebhook(made)}, nil
}

// newSigningSecret is as the Standard Webhooks specification wants it.
func newSigningSecret() string {
	secret := make([]byte, secretBytes)
	_, _ = rand.Read(secret) // never fails
	return "whsec_" + base64.StdEncoding.EncodeToString(secret)
}

func shownWebhook(w store.Webhook) api.Webhook {
	types := make([]string, len(w.Types))
	for i, t := range w.Types {
		types[i] = string(t)
	}
	return api.Webhook{
		Id: w.ID, Url: w.URL, Types: types, Kinds: append([]itsm.Kind{}, w.Kinds...), Description: w.Description,
		CreatedAt: w.CreatedAt, CreatedBy: w.CreatedBy, Disabled: w.DisabledAt != nil,
	}
}

func (o operations) ListWebhooks(ctx context.Context, r api.ListWebhooksRequestObject) (api.ListWebhooksResponseObject, error) {
	page, err := o.store.Webhooks(ctx, given(r.Params.Cursor), given(r.Params.Limit))
	if err != nil {
		return nil, err
	}
	shown := api.ListWebhooks200JSONResponse{Items: make([]api.Webhook, len(page.Items)), Next: page.Next}
	for i, w := range page.Items {
		shown.Items[i] = shownWebhook(w)
	}
	return shown, nil
}

func (o operations) DeleteWebhook(ctx context.Context, r api.DeleteWebhookRequestObject) (api.DeleteWebhookResponseObject, error) {
	if err := o.store.RemoveWebhook(ctx, r.Id, o.now()); err != nil {
		return nil, err
	}
	return api.DeleteWebhook204Response{}, nil
}

func (o operations) ListDeliveries(ctx context.Context, r api.ListDeliveriesRequestObject) (api.ListDeliveriesResponseObject, error) {
	page, err := o.store.Deliveries(ctx, r.Id, store.DeliveryState(given(r.Params.State)), given(r.Params.Cursor), given(r.Params.Limit))
	if err != nil {
		return nil, err
	}
	shown := api.ListDeliveries200JSONResponse{Items: make([]api.Delivery, len(page.Items)), Next: page.Next}
	for i, d := range page.Items {
		shown.Items[i] = shownDelivery(d)
	}
	return shown, nil
}

func shownDelivery(d store.Delivery) api.Delivery {
	shown := api.Delivery{
		Event: fmt.Sprintf("%s.%d", d.Event.Process, d.Event.Number), Process: d.Event.Process, Number: d.Event.Number,
		Type: string(d.Event.Type), State: string(d.State), Attempts: d.Attempts, FirstAt: d.FirstAt, Error: d.Fault,
	}
	if d.State == store.DeliveryPending {
		shown.NextAt = &d.NextAt
	}
	return shown
}

func (o operations) ResendDelivery(ctx context.Context, r api.ResendDeliveryRequestObject) (api.ResendDeliveryResponseObject, error) {
	process, number, ok := parseEventID(r.Event)
	if !ok {
		return nil, itsm.Errorf(itsm.CodeNotFound, "%q is no event; IDs look like CHG-1.7", r.Event)
	}
	resent, err := o.store.Resend(ctx, resending(ctx, r.Id, r.Event), r.Id, process, number, o.now())
	if err != nil {
		return nil, err
	}
	return api.ResendDelivery200JSONResponse{Resent: resent}, nil
}

// parseEventID reads "CHG-1.7", the seventh event of CHG-1.
func parseEventID(id string) (process string, number int, ok bool) {
	process, text, _ := strings.Cut(id, ".")
	n, err := strconv.ParseInt(text, 10, 32)
	_, known := itsm.KindOf(process)
	return process, int(n), err == nil && known && n > 0
}

func (o operations) ResendDead(ctx context.Context, r api.ResendDeadRequestObject) (api.ResendDeadResponseObject, error) {
	resent, err := o.store.ResendDead(ctx, resending(ctx, r.Id, ""), r.Id, o.now())
	if err != nil {
		return nil, err
	}
	return api.ResendDead200JSONResponse{Resent: resent}, nil
}

// resending is the command to send one event again, or all where it is "".
func resending(ctx context.Context, webhook, event string) store.Command {
	who := callerOf(ctx)
	return store.Command{Actor: who.actor, Key: who.key, Fingerprint: hex.EncodeToString(hashOf("resend " + webhook + " " + event))}
}
