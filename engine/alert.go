package engine

import (
	"context"
	"encoding/json"
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

// detailsAtMost is how much an alert may say beside its title, in bytes of JSON:
// histories carry it.
const detailsAtMost = 16 << 10

// Raise takes an alert in. The same key while an incident is open is the same
// incident, whoever races; a repetition is counted, and nothing else happens.
// What changes something is answered when the incident has recorded it.
//
// The error has CodeDefinitionUnknown where there is no such service, or
// CodeUnavailable.
func (e *Engine) Raise(ctx context.Context, call Call, alert itsm.Alert) (Raised, error) {
	if len(alert.Details) > detailsAtMost {
		alert.Details = json.RawMessage(`{"omitted":"the details took too much room; see where the alert came from"}`)
	}
	const attempts = 3
	for attempt := 1; ; attempt++ {
		answer, err := e.raise(ctx, call, alert)
		switch {
		case itsm.ErrorCode(err) != itsm.CodeProcessClosed:
			return answer, err
		case attempt == attempts:
			return Raised{}, itsm.Errorf(itsm.CodeUnavailable, "the incident of this alert closed as it came; raise it again")
		}
		// The incident closed meanwhile, or was merged into another: now the alert belongs elsewhere.
	}
}

func (e *Engine) raise(ctx context.Context, call Call, alert itsm.Alert) (Raised, error) {
	raised, err := e.alerts.raise(ctx, e, alert)
	if err != nil || raised.Incident == "" {
		return Raised{}, err
	}
	answer := Raised{Incident: raised.Incident, Opened: raised.New, Repeats: raised.Repeats}
	if raised.New {
		err = e.openForAlert(ctx, call, raised)
	}
	if err == nil && raised.Changed {
		err = e.tellOfAlert(ctx, call, raised)
	}
	return answer, err
}

// openForAlert starts the incident of a new alert as it was when it first came,
// or finds that another who raised it did.
func (e *Engine) openForAlert(ctx context.Context, call Call, raised store.Raised) error {
	first := raised.Alert
	first.Status, first.Change = itsm.AlertFiring, 0
	class := first.Severity.Class()
	input, err := e.incidentInput(ctx, call.Actor, StartIncident{
		Service: first.Service, Title: first.Title, Impact: class.Impact, Urgency: class.Urgency,
	})
	if err != nil {
		return err
	}
	input.ID, input.Alert = raised.Incident, &first
	input.Command = alertCommand(call, raised.Incident, first)
	_, err = e.start(ctx, workflows.IncidentWorkflow, input.ID, input.Command, input)
	return err
}

// tellOfAlert tells an incident what changed of its alert.
func (e *Engine) tellOfAlert(ctx context.Context, call Call, raised store.Raised) error {
	command := alertCommand(call, raised.Incident, raised.Alert)
	_, err := e.update(ctx, raised.Incident, workflows.UpdateAlert, command, workflows.AlertArgs{Command: command, Alert: raised.Alert})
	if err != nil {
		return err
	}
	return e.store.AlertTold(ctx, raised.Alert.Service, raised.Alert.Key, raised.Incident, raised.Alert.Change)
}

// alertCommand is the same for everybody who raises the same change.
func alertCommand(call Call, incident string, alert itsm.Alert) itsm.Command {
	key := fmt.Sprintf("alert/%s/%s/%d", incident, alert.Key, alert.Change)
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
