package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
	"github.com/steward-itsm/steward/workflows"
)

// FindForIncident looks up what an incident wants to know, and nothing else.
// What a process owner must mend is among the Problems of the answer, which
// holds all that could be found besides; any error is worth another try.
func (a *Activities) FindForIncident(ctx context.Context, request workflows.FindRequest) (itsm.IncidentFindings, error) {
	s, err := a.newSearch(ctx, request)
	if err != nil {
		return itsm.IncidentFindings{}, err
	}
	for _, part := range []struct {
		wanted bool
		find   func() error
	}{
		{request.Wanted.People, s.people},
		{request.Wanted.Clocks, s.clocks},
		{request.Wanted.Major, s.major},
		{request.Wanted.Rung, s.rung},
		{request.Wanted.Transitions, s.transitions},
	} {
		if !part.wanted {
			continue
		}
		if err := part.find(); err != nil {
			return itsm.IncidentFindings{}, err
		}
	}
	return s.found, nil
}

// HandOverAlerts gives the alerts of a merged incident to the one that goes on,
// or notes that those of a resolved one are over.
// Doing it again changes nothing.
func (a *Activities) HandOverAlerts(ctx context.Context, request workflows.HandOverRequest) error {
	if request.To == "" {
		return a.Store.AlertsAreOver(ctx, request.From)
	}
	if err := a.Store.HandOverAlerts(ctx, request.From, request.To); err != nil {
		return workflows.Refuse(fmt.Errorf("handing the alerts of %s over to %s: %w", request.From, request.To, err))
	}
	return nil
}

// search finds what one request asks for.
type search struct {
	request    workflows.FindRequest
	store      *store.Store
	directory  *directory
	service    *definition.Document
	policy     *definition.Document // nil where the service has none
	escalation *definition.Document // nil where the service has none
	calendars  []definition.Document
	facts      definition.Facts
	found      itsm.IncidentFindings
}

func (a *Activities) newSearch(ctx context.Context, request workflows.FindRequest) (*search, error) {
	s := &search{
		request: request, store: a.Store,
		directory: &directory{ctx: ctx, store: a.Store, requester: request.Reporter},
	}
	for _, one := range []struct {
		carried *workflows.Definition
		into    **definition.Document
	}{{&request.Service, &s.service}, {request.Policy, &s.policy}, {request.Escalation, &s.escalation}} {
		doc, err := document(one.carried)
		if err != nil {
			return nil, err
		}
		*one.into = doc
	}
	for _, carried := range request.Calendars {
		doc, err := document(&carried)
		if err != nil {
			return nil, err
		}
		s.calendars = append(s.calendars, *doc)
	}
	incident, err := json.Marshal(request.Facts)
	if err != nil {
		return nil, fmt.Errorf("writing the facts of %s: %w", request.Process, err)
	}
	s.facts = definition.FactsOf(nil, s.service, request.Reporter)
	s.facts.Also = map[string]json.RawMessage{"incident": incident}
	return s, nil
}

// mend notes what a process owner must mend, so that the rest can be found all
// the same: the incident does not wait for it. Any other error stays one.
func (s *search) mend(what string, err error) error {
	problem, err := problemOf(err)
	if problem != "" {
		s.found.Problems = append(s.found.Problems, what+": "+strings.TrimSuffix(problem, thenResume))
	}
	return err
}

// people finds who answers for the service, and who supports it.
func (s *search) people() error {
	spec := s.service.Spec.(*definition.Service)
	var err error
	s.found.Owner, err = s.directory.named(spec.Owner)
	if err := s.mend("the owner of service "+s.service.Name, err); err != nil {
		return err
	}
	s.found.Support, err = s.directory.named(spec.SupportGroup)
	return s.mend("the support group of service "+s.service.Name, err)
}

// clocks reads the clocks as they stand, by what the policy promises for the
// priority.
func (s *search) clocks() error {
	if s.policy == nil {
		return nil
	}
	rules, err := s.policy.Spec.(*definition.IncidentPolicy).ClockRules(s.request.Facts.Priority, s.calendars)
	if err != nil {
		return s.mend("the clocks of "+s.request.Facts.Priority, err)
	}
	read := func(name itsm.ClockName, clock itsm.Clock) *itsm.Reading {
		rule, promised := rules[name]
		if !promised {
			return nil
		}
		reading := rule.Read(clock, s.request.At)
		return &reading
	}
	s.found.Respond = read(itsm.ClockRespond, s.request.Respond)
	s.found.Resolve = read(itsm.ClockResolve, s.request.Resolve)
	return nil
}

// major judges whether the policy makes it a major incident.
func (s *search) major() error {
	if s.policy == nil {
		return nil
	}
	expression := s.policy.Spec.(*definition.IncidentPolicy).Major
	if expression == "" {
		return nil
	}
	fault := func(err error) error {
		return s.mend("whether it is a major incident", itsm.Errorf(itsm.CodeDefinitionInvalid, "%v; declare it by hand if it is one", err))
	}
	expressions, err := s.policy.Expressions()
	if err != nil {
		return fault(err)
	}
	if err := s.countRepeats(); err != nil {
		return err
	}
	holds, err := expressions.Bool(expression, s.facts)
	if err != nil {
		return fault(err)
	}
	s.found.Major = holds
	return nil
}

// countRepeats lets expressions see how often the incident's alerts came again.
func (s *search) countRepeats() error {
	alerts, err := s.store.AlertsOf(s.directory.ctx, s.request.Process)
	if err != nil {
		return fmt.Errorf("counting the alerts of %s: %w", s.request.Process, err)
	}
	facts := s.request.Facts
	for _, alert := range alerts {
		facts.Repeats += alert.Repeats
	}
	incident, err := json.Marshal(facts)
	if err != nil {
		return fmt.Errorf("writing the facts of %s: %w", s.request.Process, err)
	}
	s.facts.Also["incident"] = incident
	return nil
}

// transitions finds those in whose early life the incident comes.
func (s *search) transitions() error {
	views, err := s.store.TransitionsIn(s.directory.ctx, s.service.Name, itsm.PhaseEarlyLife)
	if err != nil {
		return fmt.Errorf("looking for transitions of %s in early life: %w", s.service.Name, err)
	}
	for _, view := range views {
		s.found.Transitions = append(s.found.Transitions, view.ID)
	}
	return nil
}
