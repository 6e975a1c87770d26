package engine

import (
	"context"
	"fmt"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
	"github.com/steward-itsm/steward/workflows"
)

// StartIncident tells of something that is wrong.
type StartIncident struct {
	Service     string     `json:"service"`
	Title       string     `json:"title"`
	Description string     `json:"description,omitempty"`
	Category    string     `json:"category,omitempty"`
	Impact      itsm.Level `json:"impact,omitempty"`   // medium where empty
	Urgency     itsm.Level `json:"urgency,omitempty"`  // medium where empty
	Reporter    string     `json:"reporter,omitempty"` // a person, where an integration tells of it
}

// StartIncident opens an incident and answers when its opening is recorded.
//
// The error has CodeDefinitionUnknown, CodePersonUnknown, CodeInvalid,
// CodeKeyReused or CodeUnavailable.
func (e *Engine) StartIncident(ctx context.Context, call Call, start StartIncident) (itsm.Receipt, error) {
	command := call.command(workflows.UpdateStart, "", start)
	input, err := e.incidentInput(ctx, call.Actor, start)
	if err != nil {
		return e.answerStart(ctx, call, command, err)
	}
	input.Command = command
	input.ID, _, err = e.store.Reserve(ctx, store.Reservation{
		Actor: call.Actor, Key: call.Key, Fingerprint: command.Fingerprint, Kind: itsm.KindIncident,
	}, e.now())
	if err != nil {
		return itsm.Receipt{}, err
	}
	return e.start(ctx, workflows.IncidentWorkflow, input.ID, command, input)
}

// incidentInput gathers what the incident runs under, as it is now.
func (e *Engine) incidentInput(ctx context.Context, actor itsm.Actor, start StartIncident) (workflows.IncidentInput, error) {
	input := workflows.IncidentInput{
		Title: definition.OneLine(start.Title), Description: start.Description,
		Class: itsm.Classification{Category: start.Category, Impact: start.Impact, Urgency: start.Urgency},
	}
	for field, level := range map[string]*itsm.Level{"/impact": &input.Class.Impact, "/urgency": &input.Class.Urgency} {
		if *level == "" {
			*level = itsm.LevelMedium
		}
		if !level.IsKnown() {
			return input, itsm.FieldErrorf(itsm.CodeInvalid, field, "%q is no level; give high, medium or low", *level)
		}
	}
	var err error
	if input.Reporter, err = e.requester(ctx, actor, start.Reporter); err != nil {
		return input, err
	}
	return input, e.addPolicies(ctx, &input, start.Service)
}

// addPolicies adds the service, and the policies that it names.
func (e *Engine) addPolicies(ctx context.Context, input *workflows.IncidentInput, service string) error {
	docs, err := e.named(ctx, definition.KindService, []string{service})
	if err != nil {
		return err
	}
	if docs[0] == nil {
		return itsm.FieldErrorf(itsm.CodeDefinitionUnknown, "/service",
			"there is no Service %q; `steward get definitions --kind Service` lists those that are applied", service)
	}
	input.Service = carry(*docs[0])
	spec := docs[0].Spec.(*definition.Service)
	if input.Policy, err = e.policy(ctx, definition.KindIncidentPolicy, spec.Incidents); err != nil {
		return err
	}
	if input.Escalation, err = e.policy(ctx, definition.KindEscalationPolicy, spec.Escalation); err != nil || input.Policy == nil {
		return err
	}
	policy, err := definition.FromCanonical(input.Policy.Document)
	if err != nil {
		return fmt.Errorf("reading policy %s: %w", input.Policy.Name, err)
	}
	calendars, err := e.load(ctx, definition.KindCalendar, policy.Spec.(*definition.IncidentPolicy).Needs())
	for _, calendar := range calendars {
		input.Calendars = append(input.Calendars, carry(calendar))
	}
	return err
}

// policy loads a policy by its name; nil where none is named.
func (e *Engine) policy(ctx context.Context, kind, name string) (*workflows.Definition, error) {
	if name == "" {
		return nil, nil
	}
	docs, err := e.load(ctx, kind, []string{name})
	if err != nil {
		return nil, err
	}
	carried := carry(docs[0])
	return &carried, nil
}

// Acknowledge has the caller take an incident on. The error is that of update.
func (e *Engine) Acknowledge(ctx context.Context, call Call, id string) (itsm.Receipt, error) {
	return e.plain(ctx, call, workflows.UpdateAcknowledge, id)
}

// Note adds the call's comment to an incident. The error is that of update.
func (e *Engine) Note(ctx context.Context, call Call, id string) (itsm.Receipt, error) {
	return e.plain(ctx, call, workflows.UpdateNote, id)
}

// Reopen goes on with an incident that is not resolved after all. The error is
// that of update.
func (e *Engine) Reopen(ctx context.Context, call Call, id string) (itsm.Receipt, error) {
	return e.plain(ctx, call, workflows.UpdateReopen, id)
}

func (e *Engine) plain(ctx context.Context, call Call, update, id string) (itsm.Receipt, error) {
	command := call.command(update, id, nil)
	return e.update(ctx, id, update, command, workflows.PlainArgs{Command: command})
}

// Assign gives an incident to a person. The error is that of update, or has
// CodePersonUnknown.
func (e *Engine) Assign(ctx context.Context, call Call, id, person string) (itsm.Receipt, error) {
	return e.naming(ctx, call, workflows.UpdateAssign, id, person, func() error { return e.checkPerson(ctx, "/to", person) })
}

// Hold has an incident wait for the user or a supplier. The error is that of
// update.
func (e *Engine) Hold(ctx context.Context, call Call, id string, phase itsm.IncidentPhase) (itsm.Receipt, error) {
	return e.naming(ctx, call, workflows.UpdateHold, id, string(phase), nil)
}

// DeclareMajor makes it a major incident, under a commander where one is named.
// The error is that of update, or has CodePersonUnknown.
func (e *Engine) DeclareMajor(ctx context.Context, call Call, id, commander string) (itsm.Receipt, error) {
	return e.naming(ctx, call, workflows.UpdateDeclareMajor, id, commander, func() error {
		if commander == "" {
			return nil
		}
		return e.checkPerson(ctx, "/commander", commander)
	})
}

// Merge ends an incident as a duplicate of another. The error is that of update,
// or has CodeNotFound or CodeProcessClosed of the other.
func (e *Engine) Merge(ctx context.Context, call Call, id, into string) (itsm.Receipt, error) {
	return e.naming(ctx, call, workflows.UpdateMerge, id, into, func() error {
		return e.checkOther(ctx, "/into", into, itsm.KindIncident)
	})
}

// Attach notes that an incident belongs to a transition. The error is that of
// Merge.
func (e *Engine) Attach(ctx context.Context, call Call, id, transition string) (itsm.Receipt, error) {
	return e.naming(ctx, call, workflows.UpdateAttach, id, transition, func() error {
		return e.checkOther(ctx, "/transition", transition, itsm.KindTransition)
	})
}

// checkOther refuses to name a process that is none of its kind, or over.
func (e *Engine) checkOther(ctx context.Context, field, id string, kind itsm.Kind) error {
	view, err := e.store.View(ctx, id)
	switch {
	case err != nil:
		return err
	case view.Kind != kind:
		return itsm.FieldErrorf(itsm.CodeInvalid, field, "%s is not one of kind %s; name another", id, kind)
	case view.State == itsm.StateClosed:
		return itsm.FieldErrorf(itsm.CodeProcessClosed, field, "%s is closed; name one that is open", id)
	}
	return nil
}

// naming sends a command that names one thing, which check may refuse. A retry
// of one that was answered before is told the same.
func (e *Engine) naming(ctx context.Context, call Call, update, id, name string, check func() error) (itsm.Receipt, error) {
	command := call.command(update, id, name)
	if check != nil {
		if err := check(); err != nil {
			return e.answeredBefore(ctx, id, command, err)
		}
	}
	return e.update(ctx, id, update, command, workflows.NamedArgs{Command: command, Name: name})
}

// Classify changes category, impact or urgency; what is empty stays. The error
// is that of update.
func (e *Engine) Classify(ctx context.Context, call Call, id string, class itsm.Classification) (itsm.Receipt, error) {
	class.Priority = "" // follows
	command := call.command(workflows.UpdateClassify, id, class)
	return e.update(ctx, id, workflows.UpdateClassify, command, workflows.ClassifyArgs{Command: command, Class: class})
}

// Escalate pages a rung of the ladder at once: the one given, from 1, or the
// next where it is 0. The error is that of update.
func (e *Engine) Escalate(ctx context.Context, call Call, id string, rung int) (itsm.Receipt, error) {
	command := call.command(workflows.UpdateEscalate, id, rung)
	return e.update(ctx, id, workflows.UpdateEscalate, command, workflows.EscalateArgs{Command: command, Rung: rung})
}

// Resolve ends the work on an incident. The error is that of update.
func (e *Engine) Resolve(ctx context.Context, call Call, id, cause, fix string) (itsm.Receipt, error) {
	command := call.command(workflows.UpdateResolve, id, []string{cause, fix})
	return e.update(ctx, id, workflows.UpdateResolve, command, workflows.ResolveArgs{Command: command, Cause: cause, Fix: fix})
}
