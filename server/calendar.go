package server

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	ics "github.com/arran4/golang-ical"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
	"github.com/steward-itsm/steward/store"
)

const (
	calendarDays  = 30     // as the contract says
	calendarMost  = 400    // days
	feedMost      = 10_000 // events of an iCalendar
	feedPage      = 500    // rows of one question to the store
	calendarMedia = "text/calendar"
)

// GetCalendar answers with the schedule of change in the form asked for.
func (o operations) GetCalendar(ctx context.Context, r api.GetCalendarRequestObject) (api.GetCalendarResponseObject, error) {
	filter, err := o.calendarFilter(r.Params)
	if err != nil {
		return nil, err
	}
	if wantsFeed(r.Params.Format, callerOf(ctx).accept) {
		changes, err := o.allPlanned(ctx, filter)
		if err != nil {
			return nil, err
		}
		text := o.feed(changes)
		return api.GetCalendar200TextcalendarResponse{Body: strings.NewReader(text), ContentLength: int64(len(text))}, nil
	}
	page, err := o.store.Calendar(ctx, filter)
	if err != nil {
		return nil, err
	}
	shown := api.GetCalendar200JSONResponse{Items: make([]api.PlannedChange, len(page.Items)), Next: page.Next}
	for i, change := range page.Items {
		shown.Items[i] = shownPlanned(change)
	}
	return shown, nil
}

// calendarFilter gives the time that is asked for; the error has itsm.CodeInvalid.
func (o operations) calendarFilter(p api.GetCalendarParams) (store.CalendarFilter, error) {
	asked, err := o.period(p.From, p.To, calendarDays)
	return store.CalendarFilter{From: asked.Start, To: asked.End, Service: given(p.Service), Cursor: given(p.Cursor), Limit: given(p.Limit)}, err
}

// period is from now on and for so many days, where the caller says nothing
// else. The error has itsm.CodeInvalid.
func (o operations) period(from, to *time.Time, days int) (itsm.Period, error) {
	asked := itsm.Period{Start: o.now()}
	if from != nil {
		asked.Start = from.UTC()
	}
	asked.End = asked.Start.AddDate(0, 0, days)
	if to != nil {
		asked.End = to.UTC()
	}
	switch {
	case !asked.Start.Before(asked.End):
		return asked, itsm.FieldErrorf(itsm.CodeInvalid, "/to", "to is not after from; swap them or leave one out")
	case asked.End.After(asked.Start.AddDate(0, 0, calendarMost)):
		return asked, itsm.FieldErrorf(itsm.CodeInvalid, "/to", "to is more than %d days after from; ask for less at a time", calendarMost)
	}
	return asked, nil
}

// wantsFeed reports whether an iCalendar is asked for. Programs that subscribe to
// calendars send Accept headers of all sorts, so format has the last word.
func wantsFeed(format *string, accept string) bool {
	if format != nil {
		return *format == "ical"
	}
	return prefers(accept, calendarMedia, jsonMedia)
}

// prefers reports whether an Accept header (RFC 9110, 12.5.1) names one media
// type, and does not want the other one as much or more.
func prefers(accept, one, other string) bool {
	weights := map[string]float64{}
	for part := range strings.SplitSeq(accept, ",") {
		media, weight := acceptable(part)
		weights[media] = max(weights[media], weight)
	}
	return weights[one] > weights[other]
}

// acceptable reads one part of an Accept header.
func acceptable(part string) (media string, weight float64) {
	media, parameters, _ := strings.Cut(part, ";")
	weight = 1
	for parameter := range strings.SplitSeq(parameters, ";") {
		if q, ok := strings.CutPrefix(strings.TrimSpace(strings.ToLower(parameter)), "q="); ok {
			weight, _ = strconv.ParseFloat(q, 64) // what is no number is not wanted
		}
	}
	return strings.ToLower(strings.TrimSpace(media)), weight
}

func shownPlanned(c store.PlannedChange) api.PlannedChange {
	return api.PlannedChange{
		Process: c.Slot.Process, Title: c.Slot.Title, Service: c.Slot.Service, Needs: append([]string{}, c.Slot.Needs...),
		Start: c.Slot.Start, End: c.Slot.End, Phase: c.View.Phase, State: c.View.State, Outcome: c.View.Outcome,
		Held: c.Held, Exclusive: c.Slot.Exclusive,
	}
}

// allPlanned gives every page of the time, since calendars know no pages. The
// error has itsm.CodeTooLarge where there are too many.
func (o operations) allPlanned(ctx context.Context, filter store.CalendarFilter) ([]store.PlannedChange, error) {
	filter.Cursor, filter.Limit = "", feedPage
	var all []store.PlannedChange
	for {
		page, err := o.store.Calendar(ctx, filter)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		switch {
		case page.Next == "":
			return all, nil
		case len(all) >= feedMost:
			return nil, itsm.Errorf(itsm.CodeTooLarge, "more than %d changes are planned then; ask for a shorter time or for one service", feedMost)
		}
		filter.Cursor = page.Next
	}
}

// feed writes changes as an iCalendar (RFC 5545). The same changes give the same
// text: what differs from one time to the next stands in the processes.
func (o operations) feed(changes []store.PlannedChange) string {
	calendar := newFeed("Schedule of change")
	for _, c := range changes {
		event := calendar.AddEvent(c.Slot.Process + "@" + o.host())
		event.SetDtStampTime(c.View.Updated)
		event.SetModifiedAt(c.View.Updated)
		event.SetSequence(c.View.LastEvent)
		event.SetStartAt(c.Slot.Start)
		event.SetEndAt(c.Slot.End)
		event.SetStatus(feedStatus(c))
		event.SetSummary(printable(c.Slot.Process + " " + c.Slot.Title))
		event.SetURL(o.publicURL + "/v1/processes/" + c.Slot.Process)
		event.AddCategory(printable(c.Slot.Service))
	}
	return serialized(calendar)
}

// newFeed is an empty iCalendar.
func newFeed(name string) *ics.Calendar {
	calendar := ics.NewCalendar()
	calendar.SetProductId("-//Steward//" + name + "//EN")
	calendar.SetMethod(ics.MethodPublish)
	calendar.SetName(name)
	return calendar
}

func serialized(calendar *ics.Calendar) string { return calendar.Serialize(ics.WithNewLine("\r\n")) }

// host is the part of UIDs that tells one Steward from another.
func (o operations) host() string {
	if public, err := url.Parse(o.publicURL); err == nil && public.Hostname() != "" {
		return public.Hostname()
	}
	return "steward"
}

// feedStatus tells by the words of RFC 5545 how sure it is that a change takes
// place, or took place.
func feedStatus(c store.PlannedChange) ics.ObjectStatus {
	authorized, over := itsm.GoalAuthorized.ReachedBy(c.View)
	took := slices.Contains([]string{itsm.OutcomeUnsuccessful, itsm.OutcomeRolledBack, itsm.OutcomeFailed}, c.View.Outcome)
	switch {
	case authorized, took:
		return ics.ObjectStatusConfirmed
	case over, !c.Held:
		return ics.ObjectStatusCancelled
	}
	return ics.ObjectStatusTentative
}

// printable leaves out what an iCalendar can't hold, line ends above all: one in
// a title could else be read as the begin of another property.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, ""))
}
