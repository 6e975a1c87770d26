package itsm

import (
	"slices"
	"time"
)

// Slot is a transition's place in the schedule of change: what it touches, and
// when it is planned.
type Slot struct {
	Process   string    `json:"process"`
	Title     string    `json:"title"`
	Service   string    `json:"service"`
	Needs     []string  `json:"needs,omitempty"` // services that the service depends on, directly or not, as the catalogue had it
	Start     time.Time `json:"start"`           // UTC
	End       time.Time `json:"end"`             // UTC; the first instant after it
	Exclusive bool      `json:"exclusive,omitempty"`
	Override  bool      `json:"override,omitempty"` // taken although the schedule refused it
}

// Conflicts reports whether two transitions would touch the same service, or
// one that either depends on, at the same time. ITIL's change enablement has
// them scheduled apart.
func (s Slot) Conflicts(other Slot) bool {
	return s.Process != other.Process && s.Start.Before(other.End) && other.Start.Before(s.End) &&
		(s.touches(other.Service) || other.touches(s.Service))
}

func (s Slot) touches(service string) bool {
	return s.Service == service || slices.Contains(s.Needs, service)
}

// Claim changes a process's place in the schedule of change, in the same
// transaction that records the step which does so. A slot that is Exclusive is
// refused with CodeScheduleConflict where it conflicts with any slot that is
// held, and nothing of the step is recorded. So of two that race for the same
// slot only one gets it.
type Claim struct {
	Slot *Slot `json:"slot,omitempty"` // nil: the process holds none any more
}

// SlotAtMost is the longest time that a transition may be planned for. It
// bounds how far back a look at the schedule must go.
const SlotAtMost = 90 * 24 * time.Hour
