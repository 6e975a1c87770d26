package definition

import (
	"fmt"
	"slices"

	"github.com/steward-itsm/steward/itsm"
)

// ScheduleRules gives when transitions of the model may happen, by the
// calendars among the documents. It needs the time zone database, so workflows
// must not call it. The error has CodeDefinitionUnknown where a calendar that
// the model names is not among them.
func (m *TransitionModel) ScheduleRules(docs []Document) (itsm.ScheduleRules, error) {
	var rules itsm.ScheduleRules
	if m.Schedule == nil {
		return rules, nil
	}
	var err error
	if rules.Windows, err = calendarsNamed(docs, m.Schedule.Windows); err != nil {
		return rules, err
	}
	if rules.Freezes, err = calendarsNamed(docs, m.Schedule.Freezes); err != nil {
		return rules, err
	}
	if m.Schedule.LeadTime != nil {
		rules.LeadTime = *m.Schedule.LeadTime
	}
	return rules, nil
}

func calendarsNamed(docs []Document, names []string) ([]itsm.NamedCalendar, error) {
	var calendars []itsm.NamedCalendar
	for _, name := range names {
		i := slices.IndexFunc(docs, func(d Document) bool { return d.Kind == KindCalendar && d.Name == name })
		if i < 0 {
			return nil, itsm.Errorf(itsm.CodeDefinitionUnknown, "there is no Calendar %q; apply one", name)
		}
		calendar, err := docs[i].Spec.(*Calendar).Build()
		if err != nil {
			return nil, fmt.Errorf("reading calendar %s: %w", name, err)
		}
		calendars = append(calendars, itsm.NamedCalendar{Name: name, Calendar: calendar})
	}
	return calendars, nil
}
