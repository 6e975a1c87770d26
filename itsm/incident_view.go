package itsm

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Line is the line under which the incident is listed.
func (i *Incident) Line() string {
	if i.Class.Priority != "" {
		return i.Class.Priority + ": " + i.Title
	}
	return i.Title
}

// IsClosed reports whether the incident is over.
func (i *Incident) IsClosed() bool { return i.State == StateClosed }

// Restore replaces the whole state by one that was written as JSON. The rules
// stay.
func (i *Incident) Restore(snapshot json.RawMessage) error {
	state := Incident{}
	if err := json.Unmarshal(snapshot, &state); err != nil {
		return fmt.Errorf("reading the state of an incident: %w", err)
	}
	rules := i.Rules
	*i = state
	i.Attach(rules)
	return nil
}

// Receipt answers the command that the numbered event recorded.
func (i *Incident) Receipt(c Command, number int) Receipt {
	return Receipt{Process: i.ID, Event: number, State: i.State, Stage: string(i.Phase), Outcome: i.Outcome, Fingerprint: c.Fingerprint}
}

// NoteSent records what became of notices, also with the pages that they were.
func (i *Incident) NoteSent(c Command, sent []Sent, at time.Time) int {
	for _, one := range sent {
		for n := range i.Pages {
			if i.Pages[n].Event == one.About && one.Type == EventPageSent {
				i.Pages[n].Outcomes = one.Outcomes
			}
		}
	}
	return i.chronicle.NoteSent(c, sent, at)
}

// IncidentDetail is the part of a view that only incidents have.
type IncidentDetail struct {
	Phase        IncidentPhase               `json:"phase"`
	Description  string                      `json:"description,omitempty"`
	Class        Classification              `json:"class"`
	Assignee     string                      `json:"assignee,omitempty"`
	Acknowledged *Acknowledgement            `json:"acknowledged,omitempty"`
	Resolution   *Resolution                 `json:"resolution,omitempty"`
	CloseAt      *time.Time                  `json:"closeAt,omitempty"`
	Major        *Major                      `json:"major,omitempty"`
	Clocks       map[ClockName]IncidentClock `json:"clocks"`
	Ladder       Ladder                      `json:"ladder"`
	Pages        []Page                      `json:"pages,omitempty"` // who was told what when, and what came of it
	Alert        *Alert                      `json:"alert,omitempty"`
	MergedInto   string                      `json:"mergedInto,omitempty"`
	Absorbed     []string                    `json:"absorbed,omitempty"`
	Transitions  []string                    `json:"transitions,omitempty"`
	Others       []Alert                     `json:"others,omitempty"` // alerts of the incidents that were merged into it
	Tasks        []StepRun                   `json:"tasks,omitempty"`
	Review       *ReviewCompleted            `json:"review,omitempty"`
	Next         []Coming                    `json:"next,omitempty"`
}

// View shows the incident as it stands at an instant.
func (i *Incident) View(base View, _ time.Time) View {
	v := base
	v.ID, v.Kind, v.Summary, v.Phase = i.ID, KindIncident, i.Line(), i.Phase
	v.State, v.Outcome, v.Requester, v.Service = i.State, i.Outcome, i.Reporter, i.Service
	v.Updated, v.Closed, v.LastEvent = i.Updated, i.Closed, i.LastEvent
	detail := IncidentDetail{
		Phase: i.Phase, Description: i.Description, Class: i.Class, Assignee: i.Assignee, Acknowledged: i.Acknowledged,
		Resolution: i.Resolution, CloseAt: i.CloseAt, Major: i.Major, Ladder: i.Ladder, Pages: i.Pages, Alert: i.Alert,
		MergedInto: i.MergedInto, Absorbed: i.Absorbed, Transitions: i.Transitions, Tasks: i.Steps.Runs, Others: i.Others, Review: i.Review,
		Clocks: map[ClockName]IncidentClock{ClockRespond: i.Respond, ClockResolve: i.Resolve},
	}
	if i.State != StateClosed {
		detail.Next = i.coming()
		v.Due = i.due()
	}
	v.Detail = asOutput(detail)
	return v
}

// due is the nearest promise that is not kept yet.
func (i *Incident) due() (due *time.Time) {
	for _, clock := range []*IncidentClock{&i.Respond, &i.Resolve} {
		if clock.Due != nil && (due == nil || clock.Due.Before(*due)) {
			due = clock.Due
		}
	}
	return due
}

// coming lists the nearest instants at which something happens by itself.
func (i *Incident) coming() []Coming {
	var coming []Coming
	add := func(at *time.Time, what string) {
		if at != nil {
			coming = append(coming, Coming{At: *at, What: what})
		}
	}
	if !i.rests() {
		what := fmt.Sprintf("rung %d of the ladder is told", i.Ladder.Rung+1)
		if i.Ladder.Exhausted {
			what = "the ladder is over"
		}
		add(i.Ladder.Next, what)
	}
	if i.Acknowledged != nil && i.Phase == IncidentInProgress {
		add(i.Acknowledged.SilentAt, "the ladder goes on, unless there is a sign of life")
	}
	add(i.Respond.next(), "the clock to respond warns, or is breached")
	add(i.Resolve.next(), "the clock to resolve warns, or is breached")
	add(i.closing(), "it closes by itself")
	slices.SortStableFunc(coming, func(a, b Coming) int { return a.At.Compare(b.At) })
	return coming[:min(len(coming), nearest)]
}

// Inbox lists what waits for people: the incident for its assignee, and tasks.
func (i *Incident) Inbox(time.Time) []InboxItem {
	if i.State == StateClosed {
		return nil
	}
	var items []InboxItem
	if i.Assignee != "" && (i.Phase == IncidentNew || i.Phase == IncidentInProgress) {
		items = append(items, InboxItem{
			Process: i.ID, Task: "resolve", Person: i.Assignee, Seat: i.Assignee, Action: ActionResolve,
			Title: i.Line(), Since: i.PhaseSince, Due: i.Resolve.Due,
		})
	}
	return append(items, i.Steps.inbox(i.Title)...)
}
