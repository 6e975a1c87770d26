package activities

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
)

// rung finds whom the next rung of the ladder tells, and why nobody is told now
// unless somebody asked for it by hand.
func (s *search) rung() (err error) {
	if s.found.Suppressed, err = s.suppressed(); err != nil {
		return err
	}
	if s.escalation == nil {
		return nil
	}
	steps := s.escalation.Spec.(*definition.EscalationPolicy).Steps
	if s.request.Rung < 0 || s.request.Rung >= len(steps) {
		return nil
	}
	named, err := s.named(steps[s.request.Rung].Tell)
	if err != nil {
		return err
	}
	s.found.Rung, err = s.directory.present(named, s.request.At)
	return err
}

// named resolves the references of a rung. One that leads nowhere keeps nobody
// else from being told.
func (s *search) named(refs []definition.Ref) ([]string, error) {
	what := fmt.Sprintf("rung %d of the ladder", s.request.Rung+1)
	expressions, err := s.escalation.Expressions()
	if err != nil {
		return nil, s.mend(what, itsm.Errorf(itsm.CodeDefinitionInvalid, "its policy does not compile: %v", err))
	}
	r := resolver{expressions: expressions, facts: s.facts, directory: s.directory, at: s.request.At}
	var persons []string
	for _, ref := range refs {
		found, err := r.named(ref)
		if err := s.mend(what, err); err != nil {
			return nil, err
		}
		for _, one := range found {
			names, err := s.directory.persons(one, nil, s.request.At)
			if err := s.mend(what, err); err != nil {
				return nil, err
			}
			persons = append(persons, names...)
		}
	}
	return distinct(persons), nil
}

// present puts in the place of everybody who is away at an instant whoever
// stands in for them. Who has nobody that is there is told all the same: better
// an absent person than none.
func (d *directory) present(persons []string, at time.Time) ([]string, error) {
	delegates := map[string]string{} // of those who are away and have one
	for asked := persons; len(asked) > 0; {
		absences, err := d.store.Absences(d.ctx, asked, at, at.Add(time.Microsecond))
		if err != nil {
			return nil, fmt.Errorf("reading absences: %w", err)
		}
		asked = nil
		for _, absence := range absences {
			if _, known := delegates[absence.Person]; known || absence.Delegate == "" {
				continue
			}
			delegates[absence.Person] = absence.Delegate
			asked = append(asked, absence.Delegate)
		}
	}
	told := make([]string, len(persons))
	for i, person := range persons {
		told[i] = standIn(person, delegates)
	}
	return distinct(told), nil
}

// standIn follows delegates to the last of them; the person is their own where
// they lead in a circle.
func standIn(person string, delegates map[string]string) string {
	seen := []string{person}
	for {
		delegate, away := delegates[seen[len(seen)-1]]
		switch {
		case !away:
			return seen[len(seen)-1]
		case slices.Contains(seen, delegate):
			return person
		}
		seen = append(seen, delegate)
	}
}

// suppressed says why nobody is paged for the service now: a maintenance, or a
// transition that is being implemented, whatever lasts longest. It is nil where
// there is neither.
func (s *search) suppressed() (*itsm.PagingSuppressed, error) {
	longest, err := s.maintained()
	if err != nil {
		return nil, err
	}
	implemented, err := s.implemented()
	if err != nil {
		return nil, err
	}
	for _, one := range implemented {
		if longest == nil || one.Until != nil && (longest.Until == nil || one.Until.After(*longest.Until)) {
			longest = &one
		}
	}
	return longest, nil
}

func (s *search) maintained() (*itsm.PagingSuppressed, error) {
	m, err := s.store.MaintenanceAt(s.directory.ctx, s.service.Name, s.request.At)
	if err != nil {
		return nil, fmt.Errorf("looking for a maintenance of %s: %w", s.service.Name, err)
	}
	if m == nil {
		return nil, nil
	}
	return &itsm.PagingSuppressed{
		Until: &m.To, Why: fmt.Sprintf("maintenance %s until %s: %s", m.ID, m.To.UTC().Format(time.RFC3339), m.Reason),
	}, nil
}

// implemented lists the transitions that are under way as they were planned.
// One that is blocked, has no planned end or goes on beyond it suppresses
// nothing: the outage is not what was agreed to.
func (s *search) implemented() ([]itsm.PagingSuppressed, error) {
	lines, err := s.store.TransitionsIn(s.directory.ctx, s.service.Name, itsm.PhaseImplement)
	if err != nil {
		return nil, fmt.Errorf("looking for transitions of %s that are being implemented: %w", s.service.Name, err)
	}
	var all []itsm.PagingSuppressed
	for _, line := range lines {
		if line.State == itsm.StateBlocked {
			continue
		}
		planned, err := s.planned(line.ID)
		if err != nil {
			return nil, err
		}
		if planned != nil && s.request.At.Before(planned.End) {
			all = append(all, itsm.PagingSuppressed{
				Until: &planned.End, Why: fmt.Sprintf("%s is being implemented (%s)", line.ID, line.Summary),
			})
		}
	}
	return all, nil
}

// planned gives the planned time of a transition; nil where it has none.
func (s *search) planned(id string) (*itsm.Period, error) {
	view, err := s.store.View(s.directory.ctx, id)
	if err != nil {
		return nil, fmt.Errorf("reading when %s is planned: %w", id, err)
	}
	var detail itsm.TransitionDetail
	if err := json.Unmarshal(view.Detail, &detail); err != nil {
		return nil, fmt.Errorf("reading when %s is planned: %w", id, err)
	}
	return detail.Planned, nil
}
