package itsm

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// ApprovalDetail is the part of a view that only approvals have.
type ApprovalDetail struct {
	Flow       string   `json:"flow"`
	Round      int      `json:"round"`
	Stage      string   `json:"stage,omitempty"`      // the open one
	WaitingFor []string `json:"waitingFor,omitempty"` // who has yet to decide it
	Next       []Due    `json:"next,omitempty"`       // what happens by itself, and when; only the nearest few
	Stages     []Stage  `json:"stages"`
}

// nearest is how many coming instants a view shows.
const nearest = 5

// View shows the approval as it stands at an instant. The base carries what
// never changes: service, parent and definitions.
func (a *Approval) View(base View, at time.Time) View {
	v := base
	v.ID, v.Kind, v.Summary = a.ID, KindApproval, a.Summary
	v.State, v.Outcome, v.Blocked = a.State, a.Outcome, a.Blocked
	v.Requester, v.Subject = a.Requester, a.Subject
	v.Updated, v.Closed, v.LastEvent = a.Updated, a.Closed, a.LastEvent
	detail := ApprovalDetail{Round: a.Round, Stages: a.shownStages()}
	for _, d := range base.Definitions {
		if d.Kind == "ApprovalFlow" {
			detail.Flow = d.Name
		}
	}
	if stage := a.Current(); stage != nil && a.State == StateOpen {
		v.Due = stage.Deadline
		detail.Stage = stage.Name
		detail.WaitingFor = a.waitingFor(stage, at)
		detail.Next = stage.Timetable[:min(len(stage.Timetable), nearest)]
	}
	raw, err := json.Marshal(detail)
	if err == nil {
		v.Detail = raw
	}
	return v
}

// shownStages leaves out the timetables, of which a view shows the nearest part.
func (a *Approval) shownStages() []Stage {
	shown := make([]Stage, len(a.Stages))
	copy(shown, a.Stages)
	for i := range shown {
		shown[i].Timetable = nil
	}
	return shown
}

// Inbox lists whom the approval waits for at an instant.
func (a *Approval) Inbox(at time.Time) []InboxItem {
	stage := a.Current()
	if a.State != StateOpen || stage == nil {
		return nil
	}
	var items []InboxItem
	for i, holder := range a.holders(stage, at) {
		if stage.Seats[i].Decision != nil {
			continue
		}
		items = append(items, InboxItem{
			Process: a.ID, Task: stage.task(), Person: holder, Seat: stage.Seats[i].Person,
			Action: ActionDecide, Title: a.Summary, Since: stage.Opened, Due: stage.Deadline,
		})
	}
	return items
}

// task names the stage's work in the inbox, in each round anew.
func (s *Stage) task() string { return s.Name + "/" + strconv.Itoa(s.Round) }

// Receipt answers the command that the numbered event recorded.
func (a *Approval) Receipt(c Command, number int) Receipt {
	r := Receipt{Process: a.ID, Event: number, State: a.State, Outcome: a.Outcome, Fingerprint: c.Fingerprint}
	if stage := a.Current(); stage != nil && a.State == StateOpen {
		r.Stage = stage.Name
	}
	return r
}

// NotificationsSent is the data of EventNotificationsSent.
type NotificationsSent struct {
	Sent []Sent `json:"sent"`
}

// Sent is what became of one notice.
type Sent struct {
	About    int             `json:"about"` // the number of the event that was told of
	Type     EventType       `json:"type"`
	Outcomes json.RawMessage `json:"outcomes"` // one for each recipient and channel, also where it failed
}

// Line is the line under which the approval is listed.
func (a *Approval) Line() string { return a.Summary }

// IsClosed reports whether the approval is over.
func (a *Approval) IsClosed() bool { return a.State == StateClosed }

// Restore replaces the state by one that was written as JSON. The rules stay.
func (a *Approval) Restore(snapshot json.RawMessage) error {
	state := Approval{Rules: a.Rules}
	if err := json.Unmarshal(snapshot, &state); err != nil {
		return fmt.Errorf("reading the state of an approval: %w", err)
	}
	*a = state
	return nil
}
