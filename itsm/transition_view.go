package itsm

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"
)

// NextDue gives the next instant at which the transition acts by itself.
func (t *Transition) NextDue() (time.Time, bool) {
	if t.State == StateClosed {
		return time.Time{}, false
	}
	due, ok := t.Steps.nextDue()
	if start, waits := t.startDue(); waits && (!ok || start.Before(due)) {
		due, ok = start, true
	}
	if until, watches := t.earlyLifeEnds(); watches && (!ok || until.Before(due)) {
		due, ok = until, true
	}
	return due, ok
}

func (t *Transition) earlyLifeEnds() (time.Time, bool) {
	if t.Phase != PhaseEarlyLife || t.Rollback != nil || t.Held.By != "" || t.EarlyLife.Unjudged {
		return time.Time{}, false
	}
	return t.EarlyLife.Until, true
}

// Pass does what is due at an instant.
func (t *Transition) Pass(at time.Time) {
	if t.State == StateClosed {
		return
	}
	t.pass(at)
	t.afterSteps(at)
}

func (t *Transition) pass(at time.Time) {
	if t.Steps.pass(at, t.Started) {
		t.Check = GateStart
	}
	if start, waits := t.startDue(); waits && !at.Before(start) {
		t.Check = GateStart
	}
	if until, watches := t.earlyLifeEnds(); watches && !at.Before(until) {
		t.review(at)
	}
}

// Line is the line under which the transition is listed.
func (t *Transition) Line() string { return t.Title }

// IsClosed reports whether the transition is over.
func (t *Transition) IsClosed() bool { return t.State == StateClosed }

// Restore replaces the state by one that was written as JSON. The rules stay.
func (t *Transition) Restore(snapshot json.RawMessage) error {
	state := Transition{}
	if err := json.Unmarshal(snapshot, &state); err != nil {
		return fmt.Errorf("reading the state of a transition: %w", err)
	}
	rules := t.Rules
	*t = state
	t.Attach(rules)
	return nil
}

// Receipt answers the command that the numbered event recorded.
func (t *Transition) Receipt(c Command, number int) Receipt {
	return Receipt{Process: t.ID, Event: number, State: t.State, Stage: string(t.Phase), Outcome: t.Outcome, Fingerprint: c.Fingerprint}
}

// Subject is what expressions see of the transition: its input, and what every
// transition has by itself.
func (t *Transition) Subject() json.RawMessage {
	subject := map[string]json.RawMessage{}
	_ = json.Unmarshal(t.Input, &subject) // an object, as it was checked; nothing where there is none
	subject["input"] = t.Input
	for _, own := range []struct {
		field string
		value any
	}{
		{"id", t.ID}, {"title", t.Title}, {"type", t.Rules.Type}, {"model", t.Rules.Model},
		{"service", t.Service}, {"requester", t.Requester.Name},
	} {
		subject[own.field] = asOutput(own.value)
	}
	if t.Description != "" {
		subject["description"] = asOutput(t.Description)
	}
	if t.Planned != nil {
		subject["plannedStart"], subject["plannedEnd"] = asOutput(t.Planned.Start), asOutput(t.Planned.End)
	}
	if t.Risk != nil {
		subject["risk"], subject["riskScore"] = asOutput(t.Risk.Level), asOutput(math.Round(t.Risk.Score))
	}
	return asOutput(subject)
}

// TransitionDetail is the part of a view that only transitions have.
type TransitionDetail struct {
	Model         string            `json:"model"`
	Type          string            `json:"type"`
	Phase         Phase             `json:"phase"`
	Description   string            `json:"description,omitempty"`
	Planned       *Period           `json:"planned,omitempty"`
	Risk          *Risk             `json:"risk,omitempty"`
	Authorization *Authorization    `json:"authorization,omitempty"`
	Warnings      []string          `json:"warnings,omitempty"` // of the schedule
	Override      *ScheduleOverride `json:"override,omitempty"`
	WaitingFor    []Waiting         `json:"waitingFor,omitempty"`
	Next          []Coming          `json:"next,omitempty"` // what happens by itself, and when; only the nearest few
	Steps         []ShownStep       `json:"steps"`          // all of the model's, in order, and what became of each
	Rollback      *Rollback         `json:"rollback,omitempty"`
	EarlyLife     *EarlyLife        `json:"earlyLife,omitempty"`
	Review        *ReviewCompleted  `json:"review,omitempty"`
}

// Waiting is one thing that a transition waits for.
type Waiting struct {
	For   string     `json:"for"`            // in words
	Step  string     `json:"step,omitempty"` //
	Who   []string   `json:"who,omitempty"`
	Since time.Time  `json:"since"`
	Due   *time.Time `json:"due,omitempty"`
}

// Coming is something that happens by itself.
type Coming struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
	Step string    `json:"step,omitempty"`
}

// ShownStep is a step of the model, and what became of it.
type ShownStep struct {
	ID     string     `json:"id"`
	Title  string     `json:"title"`
	Kind   StepKind   `json:"kind"`
	Status string     `json:"status"` // of the step; "waiting" before its turn
	Run    *StepRun   `json:"run,omitempty"`
	Undo   *ShownStep `json:"undo,omitempty"`
}

// View shows the transition as it stands at an instant. The base carries what
// never changes.
func (t *Transition) View(base View, at time.Time) View {
	v := base
	v.ID, v.Kind, v.Summary, v.Phase = t.ID, KindTransition, t.Title, t.Phase
	v.State, v.Outcome, v.Blocked = t.State, t.Outcome, t.blockedBy()
	v.Requester, v.Subject, v.Service = t.Requester, t.Input, t.Service
	v.Updated, v.Closed, v.LastEvent = t.Updated, t.Closed, t.LastEvent
	detail := TransitionDetail{
		Model: t.Rules.Model, Type: t.Rules.Type, Phase: t.Phase, Description: t.Description, Planned: t.Planned, Risk: t.Risk,
		Warnings: t.Warnings, Override: t.Override, Steps: t.shown(t.Steps.rules, nil),
		Rollback: t.Rollback, EarlyLife: t.EarlyLife, Review: t.Result,
	}
	if t.Authorization.Status != AuthorizationNone {
		detail.Authorization = &t.Authorization
	}
	if t.State != StateClosed {
		detail.WaitingFor, detail.Next = t.waitingFor(), t.coming()
		v.Due = earliestDue(detail.WaitingFor)
	}
	v.Detail = asOutput(detail)
	return v
}

// shown lists the steps of the model, those inside others after them.
func (t *Transition) shown(rules []StepRule, into []ShownStep) []ShownStep {
	for _, rule := range rules {
		into = append(into, t.shownStep(rule))
		for _, branch := range rule.Branches {
			into = t.shown(branch, into)
		}
	}
	return into
}

func (t *Transition) shownStep(rule StepRule) ShownStep {
	shown := ShownStep{ID: rule.ID, Title: rule.Title, Kind: rule.Kind, Status: "waiting"}
	if run := t.Steps.run(rule.ID); run != nil {
		copied := *run
		copied.Timetable = nil
		shown.Run = &copied
		if run.Status != StepPending {
			shown.Status = string(run.Status)
		}
	} else if t.State == StateClosed || t.Rollback != nil {
		shown.Status = "not-run"
	}
	if rule.Undo != nil && (t.Rollback != nil || t.Steps.run(rule.Undo.ID) != nil) {
		undo := t.shownStep(*rule.Undo)
		shown.Undo = &undo
	}
	return shown
}

// waitingFor lists what the transition waits for.
func (t *Transition) waitingFor() []Waiting {
	var waiting []Waiting
	if t.Authorization.Status == AuthorizationAsked {
		waiting = append(waiting, Waiting{For: "the decision of " + t.Authorization.Approval, Since: *t.Authorization.Asked})
	}
	if start, waits := t.startDue(); waits {
		waiting = append(waiting, Waiting{For: "its planned start", Since: t.PhaseSince, Due: &start})
	}
	for i := range t.Steps.Runs {
		run := &t.Steps.Runs[i]
		if run.Status == StepBlocked {
			waiting = append(waiting, Waiting{For: "an operator: " + run.Reason, Step: run.ID, Who: run.Owner, Since: run.Opened})
		}
		if run.Status == StepRunning && run.Kind != StepStage && run.Kind != StepParallel {
			waiting = append(waiting, Waiting{For: run.waitsFor(), Step: run.ID, Who: run.holders(), Since: run.Opened, Due: run.dueBy()})
		}
	}
	if until, watches := t.earlyLifeEnds(); watches {
		waiting = append(waiting, Waiting{For: "the end of early life", Since: t.PhaseSince, Due: &until})
	}
	return waiting
}

// waitsFor says in words what a step waits for.
func (r *StepRun) waitsFor() string {
	switch {
	case r.Kind == StepTask:
		return "task: " + r.Title
	case r.Kind == StepApprove:
		return "the decision of " + r.Approval
	case r.Kind == StepCall && r.Accepted:
		return "the callback of " + r.Title
	case r.Kind == StepCall:
		return "the answer of " + r.Title
	default:
		return r.Title
	}
}

// dueBy is when a step should end, or will.
func (r *StepRun) dueBy() *time.Time {
	for _, due := range r.Timetable {
		if due.Kind == DueEnd {
			return &due.At
		}
	}
	return r.Deadline
}

func earliestDue(waiting []Waiting) (due *time.Time) {
	for _, one := range waiting {
		if one.Due != nil && (due == nil || one.Due.Before(*due)) {
			due = one.Due
		}
	}
	return due
}

// coming lists the nearest instants at which something happens by itself.
func (t *Transition) coming() []Coming {
	var coming []Coming
	if start, waits := t.startDue(); waits {
		coming = append(coming, Coming{At: start, What: "the implementation begins"})
	}
	if until, watches := t.earlyLifeEnds(); watches {
		coming = append(coming, Coming{At: until, What: "early life ends"})
	}
	for i := range t.Steps.Runs {
		run := &t.Steps.Runs[i]
		for _, due := range run.Timetable {
			coming = append(coming, Coming{At: due.At, What: string(due.Kind), Step: run.ID})
		}
	}
	slices.SortStableFunc(coming, func(a, b Coming) int { return a.At.Compare(b.At) })
	return coming[:min(len(coming), nearest)]
}

// Inbox lists the tasks that wait for people.
func (t *Transition) Inbox(time.Time) []InboxItem {
	if t.State == StateClosed {
		return nil
	}
	return t.Steps.inbox(t.Title)
}
