package itsm

import (
	"encoding/json"
	"fmt"
	"time"
)

// CloudEvent is the envelope in which others get events: the JSON format of
// CloudEvents 1.0 (https://cloudevents.io). Title and link are extension
// attributes: the sentence for people, and where to look.
type CloudEvent struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"` // "CHG-1/7": the same in every repetition
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject"` // the process
	Time            time.Time       `json:"time"`    // UTC
	Title           string          `json:"title,omitempty"`
	Link            string          `json:"link,omitempty"`
	DataContentType string          `json:"datacontenttype,omitempty"`
	Data            json.RawMessage `json:"data,omitempty"`
}

// NewCloudEvent makes an envelope around data, which is JSON or nothing.
func NewCloudEvent(id, process string, typ EventType, at time.Time, data json.RawMessage) CloudEvent {
	c := CloudEvent{
		SpecVersion: "1.0", ID: id, Source: "/processes/" + process, Type: "itsm.steward." + string(typ),
		Subject: process, Time: at.UTC(), Data: data,
	}
	if len(data) > 0 {
		c.DataContentType = "application/json"
	}
	return c
}

// CloudEvent puts the event into its envelope. What is for the process itself
// stays out of it.
func (e Event) CloudEvent() (CloudEvent, error) {
	e.Answer, e.Tell = nil, nil
	data, err := json.Marshal(e)
	if err != nil {
		return CloudEvent{}, fmt.Errorf("writing event %d of %s: %w", e.Number, e.Process, err)
	}
	return NewCloudEvent(fmt.Sprintf("%s/%d", e.Process, e.Number), e.Process, e.Type, e.Time, data), nil
}
