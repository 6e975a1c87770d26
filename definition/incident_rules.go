package definition

import (
	"strconv"
	"strings"

	"github.com/steward-itsm/steward/itsm"
)

// IncidentRulesOf gives the policies as the rules of incidents see them. Either
// may be nil: without a policy there are no priorities and no clocks, without an
// escalation there is nobody to be told. It is pure: the same text gives the
// same rules for ever.
func IncidentRulesOf(policy *IncidentPolicy, escalation *EscalationPolicy) itsm.IncidentRules {
	var rules itsm.IncidentRules
	if policy != nil {
		policy.rules(&rules)
	}
	if escalation != nil {
		escalation.rules(&rules)
	}
	return rules
}

func (p *IncidentPolicy) rules(into *itsm.IncidentRules) {
	into.Priority, into.Targets = map[itsm.Level]map[itsm.Level]string{}, map[string]itsm.IncidentTarget{}
	levels := []itsm.Level{itsm.LevelHigh, itsm.LevelMedium, itsm.LevelLow}
	for _, impact := range levels {
		row := map[itsm.Level]string{}
		for _, urgency := range levels {
			priority := p.Priority[string(impact)][string(urgency)]
			row[urgency] = priority
			if target, ok := p.Targets[priority]; ok {
				into.Targets[priority] = itsm.IncidentTarget{Respond: target.Respond, Resolve: target.Resolve, Calendar: target.calendar()}
			}
		}
		into.Priority[impact] = row
	}
	for _, phase := range p.Pause {
		into.Pauses = append(into.Pauses, itsm.IncidentPhase(phase))
	}
	into.Major = p.Major != ""
	if p.AutoClose != nil {
		into.AutoClose = *p.AutoClose
	}
}

func (p *EscalationPolicy) rules(into *itsm.IncidentRules) {
	for _, step := range p.Steps {
		into.Rungs = append(into.Rungs, step.Wait)
	}
	into.Repeat = p.Repeat
	if p.AcknowledgedFor != nil {
		into.Silence = *p.AcknowledgedFor
	}
}

// calendar gives the Calendar in whose hours time counts; "" for around the
// clock.
func (t Target) calendar() string {
	if t.Clock == clockAlways {
		return ""
	}
	return t.Clock
}

// Needs lists the calendars that an incident under the policy carries, each once.
func (p *IncidentPolicy) Needs() (calendars []string) {
	for _, target := range p.Targets {
		if calendar := target.calendar(); calendar != "" {
			calendars = append(calendars, calendar)
		}
	}
	return once(calendars)
}

// WarnShare is the share of a target's time after which somebody is warned,
// such as 0.75; 0 where nobody is.
func (p *IncidentPolicy) WarnShare() float64 {
	percent, err := strconv.Atoi(strings.TrimSuffix(p.WarnAt, "%"))
	if err != nil {
		return 0
	}
	return float64(percent) / 100
}

// ClockRule gives how a clock runs that has a target and a calendar, as the
// process keeps them; "" is around the clock. The error is that of ClockRules, or
// has CodeDefinitionInvalid.
func (p *IncidentPolicy) ClockRule(target, calendar string, docs []Document) (itsm.ClockRule, error) {
	rule := itsm.ClockRule{WarnAt: p.WarnShare()}
	var err error
	if rule.Target, err = itsm.ParseDuration(target); err != nil || calendar == "" {
		return rule, err
	}
	found, err := calendarsNamed(docs, []string{calendar})
	if err != nil {
		return rule, err
	}
	rule.Calendar = found[0].Calendar
	return rule, nil
}

// ClockRules gives how the clocks of an incident run that has a priority, by
// the calendars among the documents; none where the policy promises nothing for
// it. It needs the time zone database, so workflows must not call it. The error
// has CodeDefinitionUnknown where the calendar is not among the documents.
func (p *IncidentPolicy) ClockRules(priority string, docs []Document) (map[itsm.ClockName]itsm.ClockRule, error) {
	target, ok := p.Targets[priority]
	if !ok {
		return nil, nil
	}
	rule := itsm.ClockRule{WarnAt: p.WarnShare()}
	if name := target.calendar(); name != "" {
		found, err := calendarsNamed(docs, []string{name})
		if err != nil {
			return nil, err
		}
		rule.Calendar = found[0].Calendar
	}
	respond, resolve := rule, rule
	respond.Target, resolve.Target = target.Respond, target.Resolve
	return map[itsm.ClockName]itsm.ClockRule{itsm.ClockRespond: respond, itsm.ClockResolve: resolve}, nil
}
