package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
	"github.com/steward-itsm/steward/workflows"
)

// StartTransition asks for a change under a model. Times are UTC.
type StartTransition struct {
	Model        string          `json:"model"`
	Service      string          `json:"service"`
	Title        string          `json:"title,omitempty"` // of the model and the service where empty
	Description  string          `json:"description,omitempty"`
	Subject      json.RawMessage `json:"subject,omitempty"` // as the model's input wants it
	PlannedStart *time.Time      `json:"plannedStart,omitempty"`
	PlannedEnd   *time.Time      `json:"plannedEnd,omitempty"`
	Requester    string          `json:"requester,omitempty"` // a person, where an integration asks for one
	Override     bool            `json:"override,omitempty"`  // of what the schedule refuses
}

// StartTransition starts a transition and answers when its start is recorded.
//
// The error has CodeDefinitionUnknown, CodeSubjectInvalid, CodePersonUnknown,
// CodePlanRequired, CodeSchedule, CodeScheduleConflict, CodeKeyReused or
// CodeUnavailable.
func (e *Engine) StartTransition(ctx context.Context, call Call, start StartTransition) (itsm.Receipt, error) {
	command := call.command(workflows.UpdateStart, "", start)
	input, err := e.transitionInput(ctx, call, start)
	if err != nil {
		return e.answerStart(ctx, call, command, err)
	}
	input.Command = command
	input.ID, _, err = e.store.Reserve(ctx, store.Reservation{
		Actor: call.Actor, Key: call.Key, Fingerprint: command.Fingerprint, Kind: itsm.KindTransition,
	}, e.now())
	if err != nil {
		return itsm.Receipt{}, err
	}
	return e.start(ctx, workflows.TransitionWorkflow, input.ID, command, input)
}

// transitionInput gathers what the transition runs under, as it is now.
func (e *Engine) transitionInput(ctx context.Context, call Call, start StartTransition) (workflows.TransitionInput, error) {
	var none workflows.TransitionInput
	model, service, err := e.modelAndService(ctx, start)
	if err != nil {
		return none, err
	}
	spec := model.Spec.(*definition.TransitionModel)
	input := workflows.TransitionInput{
		Title: definition.OneLine(start.title(model, service)), Description: start.Description,
		Model: carry(model), Service: carry(service), Override: start.Override,
	}
	if input.Input, err = checkSubject(spec, start.Subject); err != nil {
		return none, err
	}
	if input.Planned, err = planned(start.PlannedStart, start.PlannedEnd, spec.Rules(model.Name).NeedsTimes); err != nil {
		return none, err
	}
	if input.Requester, err = e.requester(ctx, call.Actor, start.Requester); err != nil {
		return none, err
	}
	needed, err := e.neededBy(ctx, spec)
	if err != nil {
		return none, err
	}
	for _, doc := range needed {
		input.Also = append(input.Also, carry(doc))
	}
	return input, e.refusePlanned(ctx, input, service, spec, needed)
}

func (e *Engine) modelAndService(ctx context.Context, start StartTransition) (model, service definition.Document, err error) {
	docs, err := e.current(ctx, store.Ref{Kind: definition.KindTransitionModel, Name: start.Model}, store.Ref{Kind: definition.KindService, Name: start.Service})
	switch {
	case err != nil:
		return model, service, err
	case docs[0] == nil:
		return model, service, itsm.FieldErrorf(itsm.CodeDefinitionUnknown, "/model",
			"there is no TransitionModel %q; `steward get definitions --kind TransitionModel` lists those that are applied", start.Model)
	case docs[1] == nil:
		return model, service, itsm.FieldErrorf(itsm.CodeDefinitionUnknown, "/service",
			"there is no Service %q; `steward get definitions --kind Service` lists those that are applied", start.Service)
	}
	return *docs[0], *docs[1], nil
}

// title is what people see of the transition in lists.
func (s StartTransition) title(model, service definition.Document) string {
	if s.Title != "" {
		return s.Title
	}
	named := func(doc definition.Document) string {
		if doc.Title != "" {
			return doc.Title
		}
		return doc.Name
	}
	return named(model) + ": " + named(service)
}

// planned checks the planned time, of which a model may need one.
func planned(start, end *time.Time, needed bool) (*itsm.Period, error) {
	switch {
	case start == nil && end == nil && !needed:
		return nil, nil
	case start == nil:
		return nil, itsm.FieldErrorf(itsm.CodePlanRequired, "/plannedStart", "the model needs to know when; give plannedStart and plannedEnd")
	case end == nil:
		return nil, itsm.FieldErrorf(itsm.CodePlanRequired, "/plannedEnd", "give plannedEnd together with plannedStart")
	}
	period, err := checkPeriod(itsm.Period{Start: *start, End: *end})
	return &period, err
}

// checkPeriod gives a planned time in whole seconds UTC. The error has
// CodePlanRequired.
func checkPeriod(p itsm.Period) (itsm.Period, error) {
	p = itsm.Period{Start: p.Start.UTC().Truncate(time.Second), End: p.End.UTC().Truncate(time.Second)}
	switch {
	case p.Start.Year() < 2000 || p.End.Year() > 2200:
		return p, itsm.FieldErrorf(itsm.CodePlanRequired, "/plannedStart", "a transition is planned between the years 2000 and 2200; correct the times")
	case !p.End.After(p.Start):
		return p, itsm.FieldErrorf(itsm.CodePlanRequired, "/plannedEnd", "plannedEnd is not after plannedStart; correct one of them")
	case p.End.Sub(p.Start) > itsm.SlotAtMost:
		return p, itsm.FieldErrorf(itsm.CodePlanRequired, "/plannedEnd", "a transition may be planned for %d days at most; plan it in parts", itsm.SlotAtMost/(24*time.Hour))
	}
	return p, nil
}

// neededBy loads the flows that the model asks, and all calendars.
func (e *Engine) neededBy(ctx context.Context, model *definition.TransitionModel) ([]definition.Document, error) {
	flows, calendars := model.Needs()
	docs, err := e.load(ctx, definition.KindApprovalFlow, flows)
	if err != nil {
		return nil, err
	}
	for _, flow := range docs {
		if spec, ok := flow.Spec.(*definition.ApprovalFlow); ok && spec.Calendar != "" && !slices.Contains(calendars, spec.Calendar) {
			calendars = append(calendars, spec.Calendar)
		}
	}
	found, err := e.load(ctx, definition.KindCalendar, calendars)
	return append(docs, found...), err
}

// load loads definitions of one kind, of which each must be there.
func (e *Engine) load(ctx context.Context, kind string, names []string) ([]definition.Document, error) {
	docs, err := e.named(ctx, kind, names)
	if err != nil {
		return nil, err
	}
	found := make([]definition.Document, 0, len(docs))
	for i, name := range names {
		if docs[i] == nil {
			return nil, itsm.Errorf(itsm.CodeDefinitionUnknown, "%s %q is needed, and there is none; apply it", kind, name)
		}
		found = append(found, *docs[i])
	}
	return found, nil
}

// named loads definitions of one kind, nil for those that there are not.
func (e *Engine) named(ctx context.Context, kind string, names []string) ([]*definition.Document, error) {
	refs := make([]store.Ref, len(names))
	for i, name := range names {
		refs[i] = store.Ref{Kind: kind, Name: name}
	}
	return e.current(ctx, refs...)
}

// amendTransition changes the input of a transition.
func (e *Engine) amendTransition(ctx context.Context, call Call, view itsm.View, subject json.RawMessage) (itsm.Receipt, error) {
	command := call.command(workflows.UpdateAmend, view.ID, subject)
	model, err := e.modelOf(ctx, view)
	if err != nil {
		return itsm.Receipt{}, err
	}
	checked, err := checkSubject(model, subject)
	if err != nil {
		return e.answeredBefore(ctx, view.ID, command, err)
	}
	return e.update(ctx, view.ID, workflows.UpdateAmend, command, workflows.ReviseArgs{Command: command, Input: checked})
}

// modelOf loads the version of the model that a transition runs under.
func (e *Engine) modelOf(ctx context.Context, view itsm.View) (*definition.TransitionModel, error) {
	i := slices.IndexFunc(view.Definitions, func(d itsm.DefinitionRef) bool { return d.Kind == definition.KindTransitionModel })
	if i < 0 {
		return nil, itsm.Errorf(itsm.CodeNotFound, "%s is not a transition", view.ID)
	}
	ref := view.Definitions[i]
	row, err := e.store.Definition(ctx, ref.Kind, ref.Name, ref.Digest)
	if err != nil {
		return nil, fmt.Errorf("reading the version of %s %s that %s runs under: %w", ref.Kind, ref.Name, view.ID, err)
	}
	doc, err := definition.FromCanonical(row.Spec)
	if err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", ref.Kind, ref.Name, err)
	}
	return doc.Spec.(*definition.TransitionModel), nil
}

// Reschedule gives a transition another planned time; with override, also one
// that the schedule refuses. The error is that of update, or has
// CodePlanRequired.
func (e *Engine) Reschedule(ctx context.Context, call Call, id string, to itsm.Period, override bool) (itsm.Receipt, error) {
	to, err := checkPeriod(to)
	if err != nil {
		return itsm.Receipt{}, err
	}
	command := call.command(workflows.UpdateReschedule, id, []any{to, override})
	return e.update(ctx, id, workflows.UpdateReschedule, command, workflows.ReviseArgs{Command: command, Planned: &to, Override: override})
}

// Cancel ends a transition that is not being implemented yet. The error is that
// of update.
func (e *Engine) Cancel(ctx context.Context, call Call, id string) (itsm.Receipt, error) {
	command := call.command(workflows.UpdateCancel, id, nil)
	return e.update(ctx, id, workflows.UpdateCancel, command, workflows.PlainArgs{Command: command})
}

// Rollback has everything that a transition did taken back, in reverse. The
// error is that of update.
func (e *Engine) Rollback(ctx context.Context, call Call, id string) (itsm.Receipt, error) {
	command := call.command(workflows.UpdateRollback, id, nil)
	return e.update(ctx, id, workflows.UpdateRollback, command, workflows.PlainArgs{Command: command})
}

// refusePlanned refuses a planned time that the schedule does not allow now, so
// that nothing is begun. The process checks it again: of two that race, one
// loses only there.
func (e *Engine) refusePlanned(ctx context.Context, input workflows.TransitionInput, service definition.Document, spec *definition.TransitionModel, calendars []definition.Document) error {
	if input.Planned == nil || input.Override {
		return nil
	}
	rules, err := spec.ScheduleRules(calendars)
	if err != nil {
		return err
	}
	checked := itsm.Checked{Blocks: spec.ConflictsBlock(), Problems: itsm.CheckSchedule(rules, input.Planned, e.now(), itsm.GatePlanned)}
	if checked.Blocks {
		slot := itsm.Slot{Service: service.Name, Start: input.Planned.Start, End: input.Planned.End}
		if slot.Needs, err = definition.NeedsOf(service, func(names []string) ([]*definition.Document, error) {
			return e.named(ctx, definition.KindService, names)
		}); err != nil {
			return err
		}
		others, err := e.store.Conflicts(ctx, slot)
		if err != nil {
			return fmt.Errorf("looking for conflicts: %w", err)
		}
		checked.Conflicts = slot.DescribeConflicts(others)
	}
	return checked.Refusal()
}
