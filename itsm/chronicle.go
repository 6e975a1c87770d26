package itsm

import (
	"encoding/json"
	"slices"
	"time"
)

// chronicle is what every process tells of itself: its events, numbered, and
// who is to be told of them.
type chronicle struct {
	ID        string    `json:"id"`
	LastEvent int       `json:"lastEvent"`
	Updated   time.Time `json:"updated"`

	fresh   []Event
	notices []Notice
}

// Newest gives the number of the newest event.
func (c *chronicle) Newest() int { return c.LastEvent }

// Drain gives the events and notices since the last call, which are then
// somebody else's to record and to send.
func (c *chronicle) Drain() ([]Event, []Notice) {
	events, notices := c.fresh, c.notices
	c.fresh, c.notices = nil, nil
	return events, notices
}

// add appends an event with the next number and gives that number.
func (c *chronicle) add(at time.Time, by Command, typ EventType, data any) int {
	raw, err := json.Marshal(data)
	if err != nil { // the data are structs of this package; this can't happen
		raw = []byte(`{}`)
	}
	c.LastEvent++
	c.Updated = at
	c.fresh = append(c.fresh, Event{
		Process: c.ID, Number: c.LastEvent, Time: at, Type: typ,
		Actor: by.Actor, Key: by.Key, Comment: by.Comment, Data: raw,
	})
	return c.LastEvent
}

// notify asks for a message about the newest event, one for each person.
func (c *chronicle) notify(typ EventType, to []string) {
	if len(to) > 0 {
		to = slices.Compact(slices.Sorted(slices.Values(to)))
		c.notices = append(c.notices, Notice{Event: c.LastEvent, Type: typ, To: to})
	}
}

// NoteSent records what became of notices, and gives the event's number. It may
// come after the process is closed.
func (c *chronicle) NoteSent(by Command, sent []Sent, at time.Time) int {
	return c.add(at, by, EventNotificationsSent, NotificationsSent{Sent: sent})
}

// byRule is the command behind what happens without one.
func byRule() Command { return Command{Actor: System()} }
