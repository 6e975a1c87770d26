package engine

import (
	"context"
	"fmt"
	"sync"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
	"github.com/steward-itsm/steward/workflows"
)

// Raised is what became of an alert.
type Raised struct {
	Incident string // the incident that it belongs to; "" where it is over and nothing was open
	Opened   bool   // by this alert
	Repeats  int    // how often it came again
}

// Raise takes an alert in. The same key while an incident is open is the same
// incident, whoever races; a repetition is counted, and nothing else happens.
// What changes something is answered when the incident has recorded it.
//
// The error has CodeDefinitionUnknown where there is no such service, or
// CodeUnavailable.
func (e *Engine) Raise(ctx context.Context, call Call, alert itsm.Alert) (Raised, error) {
	raised, err := e.alerts.raise(ctx, e, alert)
	if err != nil || raised.Incident == "" {
		return Raised{}, err
	}
	answer := Raised{Incident: raised.Incident, Repeats: raised.Repeats}
	switch {
	case raised.New:
		answer.Opened = true
		err = e.openForAlert(ctx, call, raised)
	case raised.Changed:
		err = e.tellOfAlert(ctx, call, raised)
	}
	return answer, err
}

// openForAlert starts the incident of a new alert, or finds that another who
// raised it did.
func (e *Engine) openForAlert(ctx context.Context, call Call, raised store.Raised) error {
	alert := raised.Alert
	class := alert.Severity.Class()
	input, err := e.incidentInput(ctx, call.Actor, StartIncident{
		Service: alert.Service, Title: alert.Title, Impact: class.Impact, Urgency: class.Urgency,
	})
	if err != nil {
		return err
	}
	input.ID, input.Alert = raised.Incident, &alert
	input.Command = alertCommand(call, raised)
	if _, err := e.start(ctx, workflows.IncidentWorkflow, input.ID, input.Command, input); err != nil {
		return err
	}
	return e.store.AlertTold(ctx, alert.Service, alert.Key, raised.Incident, alert.Change)
}

// tellOfAlert tells an incident what changed of its alert. One that closed
// meanwhile need not know.
func (e *Engine) tellOfAlert(ctx context.Context, call Call, raised store.Raised) error {
	command := alertCommand(call, raised)
	_, err := e.update(ctx, raised.Incident, workflows.UpdateAlert, command, workflows.AlertArgs{Command: command, Alert: raised.Alert})
	if err != nil && itsm.ErrorCode(err) != itsm.CodeProcessClosed {
		return err
	}
	return e.store.AlertTold(ctx, raised.Alert.Service, raised.Alert.Key, raised.Incident, raised.Alert.Change)
}

// alertCommand is the same for everybody who raises the same change.
func alertCommand(call Call, raised store.Raised) itsm.Command {
	key := fmt.Sprintf("alert/%s/%s/%d", raised.Incident, raised.Alert.Key, raised.Alert.Change)
	return itsm.Command{Actor: call.Actor, Key: key, Fingerprint: key}
}

// intake counts alerts that come while an earlier one of the same kind is being
// written together, with one statement: in a storm most are repetitions.
type intake struct {
	mu      sync.Mutex
	waiting map[alertKind]*batch
	busy    map[alertKind]bool
}

func newIntake() *intake {
	return &intake{waiting: map[alertKind]*batch{}, busy: map[alertKind]bool{}}
}

// alertKind is what alerts have in common that are counted together.
type alertKind struct {
	service, key string
	severity     itsm.Severity
	status       itsm.AlertStatus
}

// batch is alerts that are written together.
type batch struct {
	times int
	alert itsm.Alert
	done  chan struct{}

	raised store.Raised
	err    error
}

// raise writes the alert with those like it, and tells each what became of all.
func (n *intake) raise(ctx context.Context, e *Engine, alert itsm.Alert) (store.Raised, error) {
	kind := alertKind{alert.Service, alert.Key, alert.Severity, alert.Status}
	n.mu.Lock()
	b := n.waiting[kind]
	if b == nil {
		b = &batch{done: make(chan struct{})}
		n.waiting[kind] = b
	}
	b.times++
	b.alert = alert
	leads := !n.busy[kind]
	if leads {
		n.busy[kind] = true
	}
	n.mu.Unlock()
	if leads {
		go n.write(context.WithoutCancel(ctx), e, kind) // for others too: nobody waits for more than their own
	}
	select {
	case <-b.done:
		return b.raised, b.err
	case <-ctx.Done():
		return store.Raised{}, unavailable(ctx.Err(), "the alert")
	}
}

// write writes batches until none waits.
func (n *intake) write(ctx context.Context, e *Engine, kind alertKind) {
	for {
		n.mu.Lock()
		b := n.waiting[kind]
		delete(n.waiting, kind)
		if b == nil {
			delete(n.busy, kind)
			n.mu.Unlock()
			return
		}
		n.mu.Unlock()
		b.raised, b.err = e.store.Raise(ctx, store.Raise{Alert: b.alert, Times: b.times, At: e.now()})
		close(b.done)
	}
}
