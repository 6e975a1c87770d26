package server

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// What an alert may hold. Monitoring can't be asked to send less at three in
// the morning, so what is longer is cut and not refused.
const (
	keyMost     = 255
	titleMost   = 1024
	linkMost    = 2000
	detailsMost = 16 << 10 // bytes
)

// serviceOf gives the service that a request is about: the one that it names,
// or that of the caller's token. The error has itsm.CodeInvalid where there is
// neither, and itsm.CodeForbidden where the token is one of another service.
func (c caller) serviceOf(named string) (string, error) {
	switch {
	case named == "" && c.service == "":
		return "", itsm.FieldErrorf(itsm.CodeInvalid, "/service",
			"name the service, or use a token of a service; an administrator makes one with `steward token create --integration NAME --service SERVICE`")
	case c.service != "" && named != "" && named != c.service:
		return "", itsm.FieldErrorf(itsm.CodeForbidden, "/service",
			"this token is of service %s and may not speak for %s; leave service out, or use a token of %s", c.service, named, named)
	}
	return cmp.Or(named, c.service), nil
}

// RaiseAlert takes an alert in Steward's own words, or as a CloudEvent.
func (o operations) RaiseAlert(ctx context.Context, r api.RaiseAlertRequestObject) (api.RaiseAlertResponseObject, error) {
	who := callerOf(ctx)
	alert, err := alertOf(r)
	if err == nil {
		alert.Service, err = who.serviceOf(alert.Service)
	}
	if err != nil {
		return nil, err
	}
	raised, err := o.raise(ctx, who, alert)
	if err != nil {
		return nil, err
	}
	return api.RaiseAlert202JSONResponse(raised), nil
}

func (o operations) raise(ctx context.Context, who caller, alert itsm.Alert) (api.Raised, error) {
	alert = fitting(alert)
	raised, err := o.engine.Raise(ctx, who.call(""), alert)
	return api.Raised{Incident: raised.Incident, Key: alert.Key, Opened: raised.Opened, Repeats: raised.Repeats}, err
}

func alertOf(r api.RaiseAlertRequestObject) (itsm.Alert, error) {
	if r.ApplicationCloudeventsPlusJSONBody != nil {
		return alertOfEvent(*r.ApplicationCloudeventsPlusJSONBody), nil
	}
	return alertOfRequest(*r.JSONBody)
}

// alertOfRequest takes an alert in Steward's own words, which must be right. The
// error has itsm.CodeInvalid and every fault.
func alertOfRequest(r api.AlertRequest) (itsm.Alert, error) {
	alert := itsm.Alert{
		Service: r.Service, Key: r.Key, Title: strings.TrimSpace(r.Title), Severity: r.Severity,
		Status: cmp.Or(r.Status, itsm.AlertFiring), Source: r.Source, Link: r.Link, Details: r.Details,
	}
	invalid := itsm.Errorf(itsm.CodeInvalid, "fields are missing or wrong; see errors")
	fault := func(field, message string) {
		invalid.Fields = append(invalid.Fields, itsm.FieldError{Field: field, Code: itsm.CodeInvalid, Message: message})
	}
	if alert.Status == itsm.AlertFiring && alert.Severity == "" {
		fault("/severity", "an alert that is firing needs a severity; send critical, error, warning or info")
	}
	if alert.Status == itsm.AlertFiring && alert.Title == "" {
		fault("/title", "an alert that is firing needs a title; say in it what is wrong")
	}
	if alert.Link != "" && !isLink(alert.Link) {
		fault("/link", "this is no link; send an http or https URL")
	}
	if len(invalid.Fields) > 0 {
		return alert, invalid
	}
	return alert, nil
}

// alertOfEvent takes what a CloudEvent says, whatever its data look like: what
// has another form or meaning than Steward's own words is as good as left out.
func alertOfEvent(e api.CloudEvent) itsm.Alert {
	data := e.Data
	if len(data) == 0 && utf8.Valid(e.DataBase64) && checkJSON(e.DataBase64) == nil {
		data = e.DataBase64
	}
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(data, &fields) // data may be no object
	text := func(name string) string {
		var value string
		_ = json.Unmarshal(fields[name], &value) // nor a field text
		return strings.TrimSpace(value)
	}
	alert := itsm.Alert{
		Service: text("service"), Source: cmp.Or(text("source"), e.Source), Link: text("link"),
		Key:      cmp.Or(text("key"), strings.TrimSpace(e.Type+" "+e.Source+" "+e.Subject)),
		Title:    cmp.Or(text("title"), text("summary"), strings.TrimSpace(e.Type+" "+e.Subject)),
		Severity: severityOf(text("severity")), Status: itsm.AlertFiring, Details: data,
	}
	if said := itsm.AlertStatus(text("status")); said == itsm.AlertResolved || said == itsm.AlertAcknowledged {
		alert.Status = said
	}
	if details := fields["details"]; len(details) > 0 {
		alert.Details = details
	}
	return alert
}

// severityOf understands the words that are common in monitoring; what it does
// not know is a warning.
func severityOf(word string) itsm.Severity {
	switch severity := itsm.Severity(strings.ToLower(word)); {
	case severity.IsKnown():
		return severity
	case severity == "page":
		return itsm.SeverityCritical
	case severity == "none":
		return itsm.SeverityInfo
	}
	return itsm.SeverityWarning
}

// fitting is the alert within the limits. What it is known by stays unique.
func fitting(a itsm.Alert) itsm.Alert {
	if len(a.Key) > keyMost {
		a.Key = "sha256:" + hex.EncodeToString(hashOf(a.Key))
	}
	a.Title, a.Source = cut(a.Title, titleMost), cut(a.Source, titleMost)
	if !isLink(a.Link) {
		a.Link = ""
	}
	switch {
	case len(a.Details) == 0 || string(a.Details) == "null":
		a.Details = nil
	case len(a.Details) > detailsMost:
		a.Details = json.RawMessage(fmt.Sprintf(`{"leftOut":"the details have %d bytes; at most %d are kept"}`, len(a.Details), detailsMost))
	}
	return a
}

// cut gives the beginning of a text, of so many bytes at most.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most-len("…")], "") + "…"
}

// isLink reports whether people can be shown the text as a link.
func isLink(text string) bool {
	u, err := url.Parse(text)
	return err == nil && len(text) <= linkMost && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
