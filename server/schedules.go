package server

import (
	"context"
	"fmt"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
	"github.com/steward-itsm/steward/store"
)

const (
	scheduleDays  = 28 // as the contract says
	scheduleYears = 10 // from now on; who is on call then nobody knows
)

// GetSchedule tells who is on call, in the form asked for.
func (o operations) GetSchedule(ctx context.Context, r api.GetScheduleRequestObject) (api.GetScheduleResponseObject, error) {
	at := o.now()
	if r.Params.At != nil {
		at = r.Params.At.UTC()
	}
	asked, err := o.period(r.Params.From, r.Params.To, scheduleDays)
	if err == nil {
		err = o.checkNear(at, asked.Start)
	}
	if err != nil {
		return nil, err
	}
	found, err := o.store.Definition(ctx, definition.KindSchedule, r.Name, "")
	if err != nil {
		return nil, err
	}
	spec, schedule, err := scheduleOf(found)
	if err != nil {
		return nil, err
	}
	shifts := inUTC(schedule.Shifts(asked.Start, asked.End))
	if wantsFeed(r.Params.Format, callerOf(ctx).accept) {
		text := o.shiftFeed(found, shifts)
		return api.GetSchedule200TextcalendarResponse{Body: strings.NewReader(text), ContentLength: int64(len(text))}, nil
	}
	shown := api.GetSchedule200JSONResponse{
		Name: found.Name, Title: found.Title, Timezone: spec.Timezone, At: at,
		Now: inUTC(schedule.OnCall(at)), Shifts: shifts, Gaps: []api.Gap{},
	}
	for _, gap := range schedule.Gaps(asked.Start, asked.End) {
		shown.Gaps = append(shown.Gaps, api.Gap{From: gap.From, To: gap.To})
	}
	return shown, nil
}

// checkNear refuses times so far away that counting up to them takes long, with
// itsm.CodeInvalid.
func (o operations) checkNear(at, from time.Time) error {
	last := o.now().AddDate(scheduleYears, 0, 0)
	for field, asked := range map[string]time.Time{"/at": at, "/from": from} {
		if asked.After(last) {
			return itsm.FieldErrorf(itsm.CodeInvalid, field, "this is more than %d years away; ask for a nearer time", scheduleYears)
		}
	}
	return nil
}

func scheduleOf(found store.Definition) (*definition.Schedule, *itsm.Schedule, error) {
	doc, err := definition.FromCanonical(found.Spec)
	if err != nil {
		return nil, nil, fmt.Errorf("reading schedule %s: %w", found.Name, err)
	}
	spec, ok := doc.Spec.(*definition.Schedule)
	if !ok {
		return nil, nil, fmt.Errorf("schedule %s has a spec of type %T", found.Name, doc.Spec)
	}
	schedule, err := spec.Build()
	if err != nil {
		return nil, nil, fmt.Errorf("reading schedule %s: %w", found.Name, err)
	}
	return spec, schedule, nil
}

func inUTC(shifts []itsm.Shift) []itsm.Shift {
	all := make([]itsm.Shift, len(shifts)) // never null in JSON
	for i, shift := range shifts {
		shift.From, shift.To = shift.From.UTC(), shift.To.UTC()
		all[i] = shift
	}
	return all
}

// shiftFeed writes shifts as an iCalendar (RFC 5545). A shift keeps its UID as
// long as it begins at the same time.
func (o operations) shiftFeed(d store.Definition, shifts []itsm.Shift) string {
	calendar := newFeed("On call: " + d.Name)
	for _, shift := range shifts {
		layer := shift.Layer
		if shift.Override {
			layer = "override"
		}
		event := calendar.AddEvent(fmt.Sprintf("%s.%s.%s.%d@%s", d.Name, printable(layer), shift.Person, shift.From.Unix(), o.host()))
		event.SetDtStampTime(d.AppliedAt)
		event.SetModifiedAt(d.AppliedAt)
		event.SetSequence(d.Number)
		event.SetStartAt(shift.From)
		event.SetEndAt(shift.To)
		event.SetStatus(ics.ObjectStatusConfirmed)
		event.SetSummary(printable(shift.Person + " is on call (" + d.Name + ")"))
		event.SetURL(o.publicURL + "/v1/schedules/" + d.Name)
		event.AddCategory(printable(layer))
	}
	return serialized(calendar)
}

// warningsOf tells of schedules among documents, which were found to be right,
// that leave time open in the next weeks.
func (o operations) warningsOf(sources []definition.Source) []api.Warning {
	docs, _ := definition.Parse(sources...)
	var warnings []api.Warning
	for _, doc := range docs {
		spec, ok := doc.Spec.(*definition.Schedule)
		if !ok {
			continue
		}
		schedule, err := spec.Build()
		if err != nil {
			continue
		}
		if gaps := schedule.Gaps(o.now(), o.now().AddDate(0, 0, scheduleDays)); len(gaps) > 0 {
			warnings = append(warnings, api.Warning{Kind: doc.Kind, Name: doc.Name, Message: openTime(gaps)})
		}
	}
	return warnings
}

// openTime tells of the first times at which nobody is on call.
func openTime(gaps []itsm.Interval) string {
	const shown = 3
	var times []string
	for _, gap := range gaps[:min(shown, len(gaps))] {
		times = append(times, gap.From.UTC().Format(time.RFC3339)+" to "+gap.To.UTC().Format(time.RFC3339))
	}
	if len(gaps) > shown {
		times = append(times, fmt.Sprintf("and %d more", len(gaps)-shown))
	}
	return fmt.Sprintf("nobody is on call at times in the next %d days: %s; add people or an override, unless it is meant so", scheduleDays, strings.Join(times, ", "))
}
