// Package outgoing sends the journal to webhooks: every event that one asks
// for, at least once, the first time in the journal's order. What fails is
// tried again for a day, and then waits for somebody to send it again by hand.
//
// It is not a process and needs no workflow: where each webhook stands is in
// the database, so any number of dispatchers work in any number of processes,
// one at a time on each webhook.
//
// What does not belong here: who is to be told of what (the rules of a process,
// which notify then reaches), how a request is signed and sent (notify), and
// the stream that readers ask for themselves (server).
package outgoing

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/notify"
	"github.com/steward-itsm/steward/store"
)

const (
	pollEvery      = time.Second
	defaultTimeout = 10 * time.Second
	// leaseMargin is how much longer than an attempt a lease lasts. After that,
	// another dispatcher takes over from one that was killed.
	leaseMargin = 20 * time.Second
	// atOnce is how much of the journal is read at a time.
	atOnce = 100
)

// Dispatcher delivers events to webhooks. It holds no state of its own and is
// safe for concurrent use.
type Dispatcher struct {
	Store   *store.Store
	Poster  *notify.Poster
	Log     *slog.Logger
	Timeout time.Duration    // of one attempt; 0: 10 s
	Now     func() time.Time // time.Now where nil
}

// Run delivers until ctx ends, and returns when what was begun is over. An
// outage of the database delays it.
func (d *Dispatcher) Run(ctx context.Context) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var turns sync.WaitGroup
	defer turns.Wait()
	for failing := false; ; {
		err := d.start(ctx, &turns)
		if err != nil && !failing && ctx.Err() == nil { // an outage is told of once
			d.Log.Warn("looking for webhooks that have something to deliver; it is tried again every second", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Once delivers what can be delivered now, and returns when that is done.
func (d *Dispatcher) Once(ctx context.Context) error {
	var turns sync.WaitGroup
	defer turns.Wait()
	return d.start(ctx, &turns)
}

// start begins a turn for each webhook that has something to deliver, side by
// side, so that a slow one does not hold up the others.
func (d *Dispatcher) start(ctx context.Context, turns *sync.WaitGroup) error {
	ready, err := d.Store.ReadyWebhooks(ctx, d.now())
	if err != nil {
		return err
	}
	for _, id := range ready {
		l, err := d.Store.LeaseWebhook(ctx, id, rand.Text(), d.now(), d.leaseEnd())
		if err != nil {
			return err
		}
		if l != nil { // else another dispatcher was faster
			turns.Go(func() { d.turn(ctx, l) })
		}
	}
	return nil
}

// turn works on a webhook and gives it back.
func (d *Dispatcher) turn(ctx context.Context, l *store.Lease) {
	err := d.work(ctx, l)
	if err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrLeaseLost) {
		d.Log.Warn("delivering to a webhook", "webhook", l.ID, "error", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.timeout())
	defer cancel()
	if err := d.Store.ReleaseWebhook(ctx, l); err != nil {
		d.Log.Warn("giving a webhook back, which else is free again when its lease ends", "webhook", l.ID, "error", err)
	}
}

// errRest ends a turn after a failure: the receiver needs time.
var errRest = errors.New("the receiver rests")

// work delivers first what is due again, then what is new, until nothing is
// left or the receiver needs rest.
func (d *Dispatcher) work(ctx context.Context, l *store.Lease) error {
	for {
		due, err := d.again(ctx, l)
		if err != nil {
			return rested(err)
		}
		before := l.Reached
		if err := d.goOn(ctx, l); err != nil {
			return rested(err)
		}
		if due == 0 && l.Reached == before {
			return nil
		}
	}
}

func rested(err error) error {
	if errors.Is(err, errRest) {
		return nil
	}
	return err
}

// again delivers what failed before and is due, and tells how much that was.
func (d *Dispatcher) again(ctx context.Context, l *store.Lease) (int, error) {
	due, err := d.Store.DueDeliveries(ctx, l.ID, d.now(), atOnce)
	for _, delivery := range due {
		if err == nil {
			err = d.deliver(ctx, l, delivery, l.Reached)
		}
	}
	return len(due), err
}

// goOn delivers the next part of the journal, and moves the cursor over what
// the webhook does not ask for.
func (d *Dispatcher) goOn(ctx context.Context, l *store.Lease) error {
	page, err := d.Store.Stream(ctx, l.Reached, store.StreamFilter{Kinds: l.Kinds, Types: l.Types}, atOnce)
	if err != nil {
		return err
	}
	for _, e := range page.Events {
		if err := d.deliver(ctx, l, store.Delivery{StreamEvent: e}, e.Cursor); err != nil {
			return err
		}
	}
	if page.Next == l.Reached {
		return nil
	}
	return d.keep(ctx, l, store.Progress{Reached: page.Next, Failures: l.Failures})
}

// deliver makes one attempt and keeps what became of it; reached is how far the
// journal is done then. The error is errRest where the next attempt must wait.
func (d *Dispatcher) deliver(ctx context.Context, l *store.Lease, delivery store.Delivery, reached string) error {
	failure := d.post(ctx, l, delivery.Event)
	if failure != nil && ctx.Err() != nil { // we stop; that says nothing about the receiver
		return ctx.Err()
	}
	now := d.now()
	switch {
	case failure == nil:
		p := store.Progress{Reached: reached}
		if delivery.State != "" {
			p.Done = &delivery
		}
		return d.keep(ctx, l, p)
	case notify.IsGone(failure):
		d.Log.Warn("a webhook is disabled: its receiver is gone", "webhook", l.ID)
		return errors.Join(d.keep(ctx, l, store.Progress{Reached: l.Reached, Gone: &now}), errRest)
	}
	delivery = failed(delivery, failure, now)
	p := store.Progress{Reached: reached, Failed: &delivery, Failures: l.Failures}
	if !notify.IsPermanent(failure) { // the receiver is away, it does not dislike the event
		p.Failures++
		p.NotBefore = now.Add(max(rest(p.Failures), notify.Wait(failure)))
	}
	if err := d.keep(ctx, l, p); err != nil || p.NotBefore.IsZero() {
		return err
	}
	return errRest
}

func (d *Dispatcher) post(ctx context.Context, l *store.Lease, e itsm.Event) error {
	envelope, err := e.CloudEvent()
	if err != nil {
		return notify.Permanent(err)
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout())
	defer cancel()
	return d.Poster.Post(ctx, l.URL, l.Secret, envelope)
}

// keep stores where the turn is, also when we stop: what was delivered is then
// not delivered again. The lease goes on from there.
func (d *Dispatcher) keep(ctx context.Context, l *store.Lease, p store.Progress) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.timeout())
	defer cancel()
	p.Until = d.leaseEnd()
	if err := d.Store.KeepProgress(ctx, l, p); err != nil {
		return fmt.Errorf("keeping what was delivered: %w", err)
	}
	l.Reached, l.Failures = p.Reached, p.Failures
	return nil
}

func (d *Dispatcher) leaseEnd() time.Time { return d.now().Add(d.timeout() + leaseMargin) }

func (d *Dispatcher) timeout() time.Duration {
	if d.Timeout <= 0 {
		return defaultTimeout
	}
	return d.Timeout
}

func (d *Dispatcher) now() time.Time {
	if d.Now == nil {
		return time.Now().UTC()
	}
	return d.Now()
}
