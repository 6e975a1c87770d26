package server

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
	"github.com/steward-itsm/steward/store"
)

// AddMaintenance answers a retry as the first try, also where that began at once.
func (o operations) AddMaintenance(ctx context.Context, r api.AddMaintenanceRequestObject) (api.AddMaintenanceResponseObject, error) {
	if err := checkService(ctx, o.store, r.Body.Service); err != nil {
		return nil, err
	}
	who, now := callerOf(ctx), o.now()
	wanted := store.Maintenance{Service: r.Body.Service, From: now, To: r.Body.To.UTC(), Reason: r.Body.Reason, At: now}
	if r.Body.From != nil {
		wanted.From = r.Body.From.UTC()
	}
	if !now.Before(wanted.To) {
		return nil, itsm.FieldErrorf(itsm.CodeInvalid, "/to", "this time is past; send one to come")
	}
	text := fmt.Sprintf("maintenance %q %s %s %q", r.Body.Service, given(r.Body.From).UTC().Format(time.RFC3339Nano), wanted.To.Format(time.RFC3339Nano), r.Body.Reason)
	added, err := o.store.AddMaintenance(ctx, store.Command{Actor: who.actor, Key: who.key, Fingerprint: hex.EncodeToString(hashOf(text))}, wanted)
	if err != nil {
		return nil, err
	}
	return api.AddMaintenance201JSONResponse(shownMaintenance(added)), nil
}

func (o operations) ListMaintenances(ctx context.Context, r api.ListMaintenancesRequestObject) (api.ListMaintenancesResponseObject, error) {
	from := o.now()
	if r.Params.From != nil {
		from = r.Params.From.UTC()
	}
	page, err := o.store.Maintenances(ctx, store.MaintenanceFilter{
		Service: given(r.Params.Service), From: from, Cursor: given(r.Params.Cursor), Limit: given(r.Params.Limit),
	})
	if err != nil {
		return nil, err
	}
	list := api.ListMaintenances200JSONResponse{Items: make([]api.Maintenance, len(page.Items)), Next: page.Next}
	for i, m := range page.Items {
		list.Items[i] = shownMaintenance(m)
	}
	return list, nil
}

func (o operations) EndMaintenance(ctx context.Context, r api.EndMaintenanceRequestObject) (api.EndMaintenanceResponseObject, error) {
	ended, err := o.store.EndMaintenance(ctx, r.Id, o.now())
	if err != nil {
		return nil, err
	}
	return api.EndMaintenance200JSONResponse(shownMaintenance(ended)), nil
}

func shownMaintenance(m store.Maintenance) api.Maintenance {
	return api.Maintenance{
		Id: m.ID, Service: m.Service, From: m.From, To: m.To, Reason: m.Reason, By: m.By, At: m.At, Ended: m.Ended,
	}
}
