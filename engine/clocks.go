package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
)

// ClockReading is what a clock of an incident shows, and how that comes.
type ClockReading struct {
	Name     itsm.ClockName
	Target   string // as the policy has it: "4h"
	Calendar string // "" for around the clock
	Started  time.Time
	Stopped  *time.Time
	itsm.Reading
	Intervals []itsm.Counted // every stretch that counts, and every one that is left out, with why
}

// Clocks reads the clocks of an incident at an instant, by the versions of
// policy and calendars that it runs under. The error has CodeNotFound.
func (e *Engine) Clocks(ctx context.Context, id string, at time.Time) ([]ClockReading, error) {
	view, err := e.store.View(ctx, id)
	if err != nil {
		return nil, err
	}
	if view.Kind != itsm.KindIncident {
		return nil, itsm.Errorf(itsm.CodeNotFound, "%s is no incident; only incidents have clocks", id)
	}
	var detail itsm.IncidentDetail
	if err := json.Unmarshal(view.Detail, &detail); err != nil {
		return nil, fmt.Errorf("reading %s: %w", id, err)
	}
	policy, calendars, err := e.clockRules(ctx, view)
	if err != nil || policy == nil {
		return nil, err
	}
	rules, err := policy.ClockRules(detail.Class.Priority, calendars)
	if err != nil || rules == nil {
		return nil, err
	}
	var readings []ClockReading
	for _, name := range []itsm.ClockName{itsm.ClockRespond, itsm.ClockResolve} {
		clock, rule := detail.Clocks[name], rules[name]
		if clock.Stopped != nil && clock.Target != "" { // it was measured by what was promised then
			if rule, err = policy.ClockRule(clock.Target, clock.Calendar, calendars); err != nil {
				return nil, err
			}
		}
		readings = append(readings, ClockReading{
			Name: name, Target: rule.Target.String(), Calendar: clock.Calendar, Started: clock.Started, Stopped: clock.Stopped,
			Reading: rule.Read(clock.Clock, at), Intervals: rule.Explain(clock.Clock, at),
		})
	}
	return readings, nil
}

// clockRules loads the policy and the calendars that an incident runs under.
func (e *Engine) clockRules(ctx context.Context, view itsm.View) (policy *definition.IncidentPolicy, calendars []definition.Document, err error) {
	for _, ref := range view.Definitions {
		if ref.Kind != definition.KindIncidentPolicy && ref.Kind != definition.KindCalendar {
			continue
		}
		row, err := e.store.Definition(ctx, ref.Kind, ref.Name, ref.Digest)
		if err != nil {
			return nil, nil, fmt.Errorf("reading the version of %s %s that %s runs under: %w", ref.Kind, ref.Name, view.ID, err)
		}
		doc, err := definition.FromCanonical(row.Spec)
		if err != nil {
			return nil, nil, fmt.Errorf("reading %s %s: %w", ref.Kind, ref.Name, err)
		}
		if spec, ok := doc.Spec.(*definition.IncidentPolicy); ok {
			policy = spec
		} else {
			calendars = append(calendars, doc)
		}
	}
	return policy, calendars, nil
}
