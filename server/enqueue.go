package server

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// enqueuePath is where PagerDuty's Events API v2 has its events sent.
const enqueuePath = "/v2/enqueue"

// eventActions are the actions of PagerDuty's events.
var eventActions = map[string]itsm.AlertStatus{
	"trigger": itsm.AlertFiring, "acknowledge": itsm.AlertAcknowledged, "resolve": itsm.AlertResolved,
}

// EnqueueEvent takes an event as PagerDuty does. Who sends it is known by the
// routing key alone.
func (o operations) EnqueueEvent(ctx context.Context, r api.EnqueueEventRequestObject) (api.EnqueueEventResponseObject, error) {
	who, err := o.routed(ctx, r.Body.RoutingKey)
	if err != nil {
		return nil, err
	}
	alert, err := alertOfPage(*r.Body)
	if err != nil {
		return nil, err
	}
	alert.Service = who.service
	if alert.Key == "" { // a retry under the same idempotency key gets the same
		alert.Key = hex.EncodeToString(hashOf(who.actor.String() + "/" + who.key)[:16])
	}
	if _, err := o.raise(ctx, who, alert); err != nil {
		return nil, err
	}
	return api.EnqueueEvent202JSONResponse{Status: "success", Message: "Event processed", DedupKey: alert.Key}, nil
}

// routed gives the integration that a routing key belongs to.
func (o operations) routed(ctx context.Context, key string) (caller, error) {
	who, err := o.tokenCaller(ctx, key)
	if err == nil {
		err = who.require(alertsRaise)
	}
	if err == nil && who.service == "" {
		err = itsm.Errorf(itsm.CodeInvalid, "the token is of no service; make one with `steward token create --integration NAME --service SERVICE`")
	}
	if err != nil {
		return who, routingFault(err)
	}
	who.key = callerOf(ctx).key
	return who, nil
}

// routingFault says that it is the routing key which is refused.
func routingFault(err error) error {
	if known := visible(err); known.Code.Class() != itsm.ClassInternal && known.Code.Class() != itsm.ClassUnavailable {
		return itsm.FieldErrorf(known.Code, "/routing_key", "%s", known.Message)
	}
	return err
}

// alertOfPage is an event of PagerDuty in Steward's words. The error has
// itsm.CodeInvalid and every fault that PagerDuty would find.
func alertOfPage(e api.PagerDutyEvent) (itsm.Alert, error) {
	alert := itsm.Alert{
		Key: e.DedupKey, Status: eventActions[e.EventAction], Title: strings.TrimSpace(e.Payload.Summary),
		Severity: itsm.Severity(strings.ToLower(e.Payload.Severity)), Source: strings.TrimSpace(e.Payload.Source), Link: e.ClientUrl,
	}
	if len(e.Links) > 0 {
		alert.Link = cmp.Or(e.Links[0].Href, alert.Link)
	}
	if faults := pageFaults(alert); len(faults) > 0 {
		invalid := itsm.Errorf(itsm.CodeInvalid, "the event is invalid; see errors")
		invalid.Fields = faults
		return alert, invalid
	}
	if !alert.Severity.IsKnown() {
		alert.Severity = "" // of no matter where nothing is triggered
	}
	details, err := json.Marshal(pageDetails{
		Component: e.Payload.Component, Group: e.Payload.Group, Class: e.Payload.Class, Timestamp: e.Payload.Timestamp,
		CustomDetails: e.Payload.CustomDetails, Client: e.Client, ClientURL: e.ClientUrl, Links: e.Links, Images: e.Images,
	})
	if err != nil {
		return alert, fmt.Errorf("writing the details of an event: %w", err)
	}
	if string(details) != "{}" {
		alert.Details = details
	}
	return alert, nil
}

// pageDetails are what else an event says: all but the routing key, which is a
// secret.
type pageDetails struct {
	Component     string              `json:"component,omitempty"`
	Group         string              `json:"group,omitempty"`
	Class         string              `json:"class,omitempty"`
	Timestamp     string              `json:"timestamp,omitempty"`
	CustomDetails json.RawMessage     `json:"custom_details,omitempty"`
	Client        string              `json:"client,omitempty"`
	ClientURL     string              `json:"client_url,omitempty"`
	Links         []api.PagerDutyLink `json:"links,omitempty"`
	Images        json.RawMessage     `json:"images,omitempty"`
}

func pageFaults(a itsm.Alert) []itsm.FieldError {
	var faults []itsm.FieldError
	wanted := func(field, value string) {
		if strings.TrimSpace(value) == "" {
			faults = append(faults, itsm.FieldError{Field: field, Code: itsm.CodeInvalid, Message: "it is missing or blank"})
		}
	}
	if a.Status != itsm.AlertFiring {
		wanted("/dedup_key", a.Key)
		return faults
	}
	wanted("/payload/summary", a.Title)
	wanted("/payload/source", a.Source)
	wanted("/payload/severity", string(a.Severity))
	if a.Severity != "" && !a.Severity.IsKnown() {
		faults = append(faults, itsm.FieldError{Field: "/payload/severity", Code: itsm.CodeInvalid, Message: "it must be one of critical, error, warning and info"})
	}
	return faults
}

// refuseEvent answers as PagerDuty does: whatever the sender must change is 400,
// and what is 5xx may be sent again.
func refuseEvent(c *gin.Context, e *itsm.Error) {
	refusal := api.PagerDutyRefusal{Status: "invalid event", Message: "Event object is invalid", Errors: []string{}}
	for _, f := range e.Fields {
		field := strings.ReplaceAll(strings.TrimPrefix(f.Field, "/"), "/", ".")
		refusal.Errors = append(refusal.Errors, strings.TrimPrefix("'"+field+"': "+f.Message, "'': "))
	}
	if len(refusal.Errors) == 0 {
		refusal.Errors = []string{e.Message}
	}
	status := Status(e.Code)
	switch {
	case status >= http.StatusInternalServerError:
		refusal.Status, refusal.Message = "error", "Event not processed"
		c.Header("Retry-After", retryAfter)
	case e.Code.Class() != itsm.ClassTooLarge:
		status = http.StatusBadRequest
	}
	c.Set(codeKey, string(e.Code))
	c.Abort()
	c.JSON(status, refusal)
}
