package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/notify"
	"github.com/steward-itsm/steward/workflows"
)

// Notify tells people over all their channels what happened. An attempt that
// fails for a moment is made again by Temporal's retries; what was reached
// stays reached, because each attempt hands its outcomes on. After a day it
// gives up, and the outcome says so.
func (a *Activities) Notify(ctx context.Context, request workflows.NotifyRequest) (workflows.Notified, error) {
	notices := noticesOf(request.Events)
	attempt, err := newAttempt(ctx, len(notices))
	if err != nil {
		return workflows.Notified{}, err
	}
	defer attempt.keepAlive()()
	for i, notice := range notices {
		outcomes, err := a.deliver(ctx, request, notice, attempt.reached[i])
		if err != nil {
			return workflows.Notified{}, err
		}
		attempt.note(i, outcomes)
	}
	if wait, again := attempt.next(isPage(notices)); again {
		a.warnOfUnreached(request.Process, attempt.reached)
		return workflows.Notified{}, temporal.NewApplicationErrorWithOptions("some could not be reached yet", "notify.retry",
			// Benign, because it is told already, by whom and why.
			temporal.ApplicationErrorOptions{NextRetryDelay: wait, Category: temporal.ApplicationErrorCategoryBenign})
	}
	return notified(notices, attempt.reached)
}

// isPage reports whether somebody is called for help.
func isPage(notices []itsm.Notice) bool {
	return slices.ContainsFunc(notices, func(n itsm.Notice) bool { return n.Type == itsm.EventPageSent })
}

// warnOfUnreached tells the operators who could not be reached, and why.
func (a *Activities) warnOfUnreached(process string, reached [][]notify.Outcome) {
	for _, outcome := range slices.Concat(reached...) {
		if outcome.Retry {
			a.Log.Warn("not told yet; it is tried again", "process", process, "recipient", outcome.Recipient,
				"channel", outcome.Channel, "address", outcome.Address, "attempts", outcome.Attempts, "error", outcome.Detail)
		}
	}
}

// notified says what became of each notice.
func notified(notices []itsm.Notice, reached [][]notify.Outcome) (workflows.Notified, error) {
	var all workflows.Notified
	for i, notice := range notices {
		raw, err := json.Marshal(reached[i])
		if err != nil {
			return workflows.Notified{}, fmt.Errorf("writing outcomes: %w", err)
		}
		all.Sent = append(all.Sent, itsm.Sent{About: notice.Event, Type: notice.Type, Outcomes: raw})
	}
	return all, nil
}

// noticesOf lists who is to be told of what, in order.
func noticesOf(events []itsm.Event) []itsm.Notice {
	var notices []itsm.Notice
	for _, event := range events {
		notices = append(notices, event.Tell...)
	}
	return notices
}

// deliver makes one attempt at one notice, at whatever earlier ones left.
func (a *Activities) deliver(ctx context.Context, request workflows.NotifyRequest, notice itsm.Notice, earlier []notify.Outcome) ([]notify.Outcome, error) {
	event := eventOf(request.Events, notice)
	targets, err := a.targets(ctx, notice, event.Time)
	if err != nil {
		return nil, err
	}
	if len(earlier) != len(targets) {
		earlier = nil // the directory changed meanwhile; better told twice than not at all
	}
	if earlier, err = a.spareOvertaken(ctx, event, notice, targets, earlier); err != nil {
		return nil, err
	}
	return a.Sender.Redeliver(ctx, message(request, notice), targets, earlier), nil
}

// message says what happened, for people.
func message(request workflows.NotifyRequest, notice itsm.Notice) notify.Message {
	event := eventOf(request.Events, notice)
	event.Tell = nil // who else is told is not for those outside
	title, text := wording(request, notice, event)
	return notify.Message{
		ID:      fmt.Sprintf("%s/%d", request.Process, notice.Event),
		Process: request.Process, Event: notice.Event, Kind: string(notice.Type),
		Title: title, Text: text, Link: "/v1/processes/" + request.Process,
		Data: eventJSON(event), Time: event.Time,
	}
}

// eventOf finds the event that a notice is about.
func eventOf(events []itsm.Event, notice itsm.Notice) itsm.Event {
	if i := slices.IndexFunc(events, func(e itsm.Event) bool { return e.Number == notice.Event }); i >= 0 {
		return events[i]
	}
	return itsm.Event{}
}

// targets lists every channel of every person of a notice, and every Channel
// that is for any of them when it happened: the same for each attempt.
func (a *Activities) targets(ctx context.Context, notice itsm.Notice, at time.Time) ([]notify.Target, error) {
	people, err := a.recipients(ctx, notice.To)
	if err != nil {
		return nil, err
	}
	var targets []notify.Target
	channels := a.Sender.Channels()
	for _, person := range people {
		if slices.Contains(channels, notify.ChannelLog) {
			targets = append(targets, notify.ToLog(person))
		}
		if slices.Contains(channels, notify.ChannelEmail) && person.Email != "" {
			targets = append(targets, notify.ToEmail(person))
		}
	}
	shared, err := a.channelsFor(ctx, notice.To, at)
	return append(targets, shared...), err
}

// reachable reports whether anybody who is to be told has a channel at all, so
// that nothing is put into the history where nobody can be told.
func (a *Activities) reachable(ctx context.Context, events []itsm.Event) (bool, error) {
	notices := noticesOf(events)
	if a.Sender == nil || len(notices) == 0 || len(a.Sender.Channels()) == 0 {
		return false, nil
	}
	for _, notice := range notices {
		targets, err := a.targets(ctx, notice, eventOf(events, notice).Time)
		if err != nil {
			return false, err
		}
		if len(targets) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// recipients reads names and addresses as they are now.
func (a *Activities) recipients(ctx context.Context, names []string) ([]notify.Recipient, error) {
	d := &directory{ctx: ctx, store: a.Store}
	docs, err := d.lookUpAll(definition.KindPerson, names)
	if err != nil {
		return nil, err
	}
	people := make([]notify.Recipient, len(names))
	for i, doc := range docs {
		people[i] = notify.Recipient{Person: names[i], Name: names[i]}
		if doc == nil {
			continue
		}
		person := doc.Spec.(*definition.Person)
		people[i].Email, people[i].Timezone = person.Email, person.Timezone
		if doc.Title != "" {
			people[i].Name = doc.Title
		}
	}
	return people, nil
}

func eventJSON(event itsm.Event) json.RawMessage {
	raw, err := json.Marshal(event)
	if err != nil { // an event is a plain struct; this can't happen
		return json.RawMessage(`{}`)
	}
	return raw
}
