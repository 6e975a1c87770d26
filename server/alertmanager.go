package server

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

const (
	alertmanagerName = "alertmanager" // what has no URL of its own
	serviceLabel     = "service"
	atOnce           = 8 // alerts of one group that are raised side by side
)

// RaiseFromAlertmanager raises all alerts of a group that can be raised, and
// then answers for all of them. Raised again they are only counted, so
// Alertmanager may send the whole group once more.
func (o operations) RaiseFromAlertmanager(ctx context.Context, r api.RaiseFromAlertmanagerRequestObject) (api.RaiseFromAlertmanagerResponseObject, error) {
	raised := make([]api.Raised, len(r.Body.Alerts))
	failed := make([]error, len(r.Body.Alerts))
	var all errgroup.Group
	all.SetLimit(atOnce)
	for i, alert := range r.Body.Alerts {
		all.Go(func() error {
			raised[i], failed[i] = o.raiseOfGroup(ctx, *r.Body, alert)
			return nil // the others are raised all the same
		})
	}
	_ = all.Wait() // never fails
	if err := groupFault(failed); err != nil {
		return nil, err
	}
	return api.RaiseFromAlertmanager200JSONResponse{Alerts: raised}, nil
}

func (o operations) raiseOfGroup(ctx context.Context, group api.AlertmanagerGroup, a api.AlertmanagerAlert) (api.Raised, error) {
	who := callerOf(ctx)
	alert, err := alertOfGroup(group, a)
	if err != nil {
		return api.Raised{}, err
	}
	if who.service != "" { // the label then means something else
		alert.Service = who.service
	}
	if alert.Service == "" {
		return api.Raised{}, itsm.Errorf(itsm.CodeInvalid, "label %s names no service; add it, or use a token of a service, which `steward token create --integration NAME --service SERVICE` makes", serviceLabel)
	}
	return o.raise(ctx, who, alert)
}

// alertOfGroup is an alert of Alertmanager in Steward's words.
func alertOfGroup(group api.AlertmanagerGroup, a api.AlertmanagerAlert) (itsm.Alert, error) {
	labels, err := json.Marshal(a.Labels) // in the order of their names
	if err != nil {
		return itsm.Alert{}, fmt.Errorf("writing labels: %w", err)
	}
	details, err := json.Marshal(map[string]any{
		"labels": a.Labels, "annotations": a.Annotations, "startsAt": a.StartsAt, "endsAt": a.EndsAt, "receiver": group.Receiver, "groupKey": group.GroupKey,
	})
	if err != nil {
		return itsm.Alert{}, fmt.Errorf("writing details: %w", err)
	}
	key := cmp.Or(a.Fingerprint, hex.EncodeToString(hashOf(string(labels))))
	title := cmp.Or(strings.TrimSpace(a.Annotations["summary"]), a.Labels["alertname"], "Alert "+key)
	return itsm.Alert{
		Service: a.Labels[serviceLabel], Key: key, Title: title, Severity: severityOf(a.Labels["severity"]), Status: a.Status,
		Source: cmp.Or(group.ExternalURL, alertmanagerName), Link: a.GeneratorURL, Details: details,
	}, nil
}

// groupFault is what to answer where some alerts failed. As long as one failure
// may pass it has itsm.CodeUnavailable, for Alertmanager sends again what was
// answered 5xx and nothing else; else itsm.CodeInvalid.
func groupFault(failed []error) error {
	invalid := itsm.Errorf(itsm.CodeInvalid, "some alerts are not recorded, all others are; see errors")
	var passing []error
	for i, err := range failed {
		if err == nil {
			continue
		}
		known := visible(err)
		switch known.Code.Class() {
		case itsm.ClassInvalid, itsm.ClassForbidden, itsm.ClassNotFound:
			invalid.Fields = append(invalid.Fields, itsm.FieldError{Field: fmt.Sprintf("/alerts/%d", i), Code: known.Code, Message: known.Message})
		default:
			passing = append(passing, err)
		}
	}
	switch {
	case len(passing) > 0:
		shown := itsm.Errorf(itsm.CodeUnavailable, "%d of %d alerts are not recorded; send the group again", len(passing), len(failed))
		return fmt.Errorf("%w: %w", shown, errors.Join(passing...))
	case len(invalid.Fields) > 0:
		return invalid
	}
	return nil
}
