package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

const (
	cloudEventMedia = "application/cloudevents+json"
	eventVersion    = "Ce-Specversion" // only CloudEvents in the binary mode have it
	eventPrefix     = "Ce-"
)

// structured makes of a CloudEvent in the binary mode, whose attributes are in
// headers and whose data are the body, the same in the structured mode (the HTTP
// protocol binding of CloudEvents 1.0, 3.1 and 3.2). No body means no data. The
// body must be JSON; the error has itsm.CodeInvalid.
func structured(header http.Header, body []byte) ([]byte, error) {
	event := map[string]any{}
	for name, values := range header {
		attribute, ok := strings.CutPrefix(name, eventPrefix)
		if !ok || len(values) == 0 {
			continue
		}
		value, err := url.PathUnescape(values[0])
		if err != nil {
			value = values[0]
		}
		event[strings.ToLower(attribute)] = value
	}
	delete(event, "data") // no attribute may be called so
	if len(body) > 0 {
		event["data"] = json.RawMessage(body)
	}
	text, err := json.Marshal(event)
	if err != nil {
		return nil, fmt.Errorf("writing an event: %w", err)
	}
	return text, checkJSON(text) // attributes can hold what bodies may not
}
