package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/notify"
	"github.com/steward-itsm/steward/store"
)

// channelsAtMost bounds how many Channel documents one notice looks through.
const channelsAtMost = 500

// channelsFor lists the Channels that are for any of the persons at an instant,
// as far as their way of telling is set up.
func (a *Activities) channelsFor(ctx context.Context, persons []string, at time.Time) ([]notify.Target, error) {
	page, err := a.Store.Definitions(ctx, definition.KindChannel, "", channelsAtMost)
	if err != nil {
		return nil, fmt.Errorf("reading channels: %w", err)
	}
	d := &directory{ctx: ctx, store: a.Store}
	var targets []notify.Target
	for _, row := range page.Items {
		target, refs, err := readChannel(row)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(a.Sender.Channels(), target.Channel) {
			continue
		}
		concerned, err := d.concerns(refs, persons, at)
		if err != nil {
			return nil, err
		}
		if concerned {
			targets = append(targets, target)
		}
	}
	return targets, nil
}

// readChannel gives where a Channel leads, and whom it is for.
func readChannel(row store.Definition) (notify.Target, []definition.Ref, error) {
	doc, err := definition.FromCanonical(row.Spec)
	if err != nil {
		return notify.Target{}, nil, fmt.Errorf("reading channel %s: %w", row.Name, err)
	}
	channel := doc.Spec.(*definition.Channel)
	itself := notify.Recipient{Person: doc.Name, Name: doc.Title, Email: channel.Email}
	var target notify.Target
	switch {
	case channel.Webhook != "":
		target = notify.ToWebhook(doc.Name, channel.Webhook)
	case channel.Email != "":
		target = notify.ToEmail(itself)
	default:
		target = notify.ToLog(itself)
	}
	target.Name = doc.Name
	return target, channel.For, nil
}

// concerns reports whether the references name any of the persons. None are
// everyone. Who is not in the directory is nobody's concern: one bad reference
// must not keep all others from being told.
func (d *directory) concerns(refs []definition.Ref, persons []string, at time.Time) (bool, error) {
	for _, ref := range refs {
		named, err := d.persons(ref, nil, at)
		if err != nil && itsm.ErrorCode(err) != itsm.CodeDefinitionUnknown {
			return false, err
		}
		if slices.ContainsFunc(named, func(person string) bool { return slices.Contains(persons, person) }) {
			return true, nil
		}
	}
	return len(refs) == 0, nil
}
