package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
	"github.com/steward-itsm/steward/store"
)

// change puts a transition into the store, as a workflow would: its n-th event,
// and, where a slot is given, its place in the schedule.
func (b *bundle) change(t *testing.T, id string, n int, view itsm.View, claim *itsm.Claim) {
	t.Helper()
	view.ID, view.Kind, view.Requester, view.LastEvent = id, itsm.KindTransition, itsm.Person("raj"), n
	view.Opened, view.Updated = noon, noon.Add(time.Duration(n)*time.Minute)
	if view.State == itsm.StateClosed {
		view.Closed = &view.Updated
	}
	_, err := b.store.Record(t.Context(), itsm.Record{Process: id, View: view, Claim: claim, Events: []itsm.Event{{
		Process: id, Number: n, Time: view.Updated, Type: itsm.EventPhaseEntered, Actor: itsm.Person("raj"), Key: fmt.Sprint("k", n), Data: json.RawMessage(`{}`),
	}}})
	require.NoError(t, err)
}

// planned is a transition of a service, hours after noon for an hour.
func (b *bundle) planned(t *testing.T, id, service string, hours int) {
	t.Helper()
	start := noon.Add(time.Duration(hours) * time.Hour)
	b.change(t, id, 1, itsm.View{State: itsm.StateOpen, Phase: itsm.PhaseAuthorize, Service: service, Summary: "Release of " + service},
		&itsm.Claim{Slot: &itsm.Slot{Process: id, Title: "Release of " + service, Service: service, Needs: []string{"network"}, Start: start, End: start.Add(time.Hour), Exclusive: true}})
}

func TestCalendarIsTheScheduleOfChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raj := b.person(t, "raj")
	b.planned(t, "CHG-1", "payments", 2)
	b.planned(t, "CHG-2", "webshop", -2) // is over by now
	b.planned(t, "CHG-3", "webshop", 5)
	b.planned(t, "CHG-4", "webshop", 24*31) // later than 30 days
	b.change(t, "CHG-3", 2, itsm.View{State: itsm.StateClosed, Phase: itsm.PhaseCancelled, Outcome: itsm.OutcomeCancelled, Service: "webshop"}, &itsm.Claim{})
	read := func(query string) api.CalendarPage {
		return into[api.CalendarPage](t, b.do(t, "GET", "/v1/calendar"+query, "", raj).is(t, http.StatusOK))
	}
	ids := func(page api.CalendarPage) (ids []string) {
		for _, item := range page.Items {
			ids = append(ids, item.Process)
		}
		return ids
	}
	page := read("")
	require.Equal(t, []string{"CHG-1", "CHG-3"}, ids(page))
	assert.Equal(t, api.PlannedChange{
		Process: "CHG-1", Title: "Release of payments", Service: "payments", Needs: []string{"network"},
		Start: noon.Add(2 * time.Hour), End: noon.Add(3 * time.Hour), Phase: itsm.PhaseAuthorize, State: itsm.StateOpen, Held: true, Exclusive: true,
	}, page.Items[0])
	assert.False(t, page.Items[1].Held)
	assert.Equal(t, itsm.OutcomeCancelled, page.Items[1].Outcome)

	assert.Equal(t, []string{"CHG-2", "CHG-1", "CHG-3", "CHG-4"}, ids(read("?from=2026-03-02T09:00:00Z&to=2027-01-01T00:00:00%2B08:00")))
	assert.Equal(t, []string{"CHG-3"}, ids(read("?service=webshop")))
	assert.Equal(t, []string{"CHG-1"}, ids(read("?to=2026-03-02T17:00:00Z")), "what starts then is not before")
	first := read("?limit=1")
	require.Equal(t, []string{"CHG-1"}, ids(first))
	assert.Equal(t, []string{"CHG-3"}, ids(read("?limit=1&cursor="+first.Next)))
}

func TestCalendarRefusesTimesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raj := b.person(t, "raj")
	for query, field := range map[string]string{
		"from=2026-03-02T12:00:00Z&to=2026-03-02T12:00:00Z": "/to", "to=2026-03-01T00:00:00Z": "/to",
		"from=2026-01-01T00:00:00Z&to=2027-02-05T00:00:01Z": "/to", "from=today": "/from", "format=pdf": "/format", "cursor=x": "/cursor", "limit=0": "/limit",
	} {
		p := b.do(t, "GET", "/v1/calendar?"+query, "", raj).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
		require.Len(t, p.Errors, 1, query)
		assert.Equal(t, field, p.Errors[0].Field, query)
	}
	b.do(t, "GET", "/v1/calendar?from=2026-01-01T00:00:00Z&to=2027-02-05T00:00:00Z", "", raj).is(t, http.StatusOK)
}

func TestCalendarSpeaksICalendarToThoseWhoAskForIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raj := b.person(t, "raj")
	for _, test := range []struct{ query, accept, media string }{
		{"", "", jsonMedia},
		{"", "*/*", jsonMedia},
		{"", "application/json", jsonMedia},
		{"", "text/calendar", calendarMedia},
		{"", "Text/Calendar; charset=utf-8", calendarMedia},
		{"", "text/calendar, application/json;q=0.5", calendarMedia},
		{"", "text/calendar;q=0.3, application/json;q=0.5", jsonMedia},
		{"", "text/calendar;q=0", jsonMedia},
		{"", "text/calendar;q=no", jsonMedia},
		{"", "text/html, text/calendar;q=0.9, */*;q=0.1", calendarMedia},
		{"?format=ical", "", calendarMedia},
		{"?format=ical", "application/json", calendarMedia},
		{"?format=json", "text/calendar", jsonMedia},
	} {
		a := b.do(t, "GET", "/v1/calendar"+test.query, "", raj, header("Accept", test.accept)).is(t, http.StatusOK)
		assert.Equal(t, test.media, a.Header().Get("Content-Type"), test)
	}
}

func TestICalendarOfTheScheduleLooksLikeThis(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raj := b.person(t, "raj")
	b.planned(t, "CHG-1", "payments", 2)
	want := strings.Join([]string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Steward//Schedule of change//EN", "METHOD:PUBLISH", "NAME:Schedule of change", "X-WR-CALNAME:Schedule of change",
		"BEGIN:VEVENT", "UID:CHG-1@steward.acme.test", "DTSTAMP:20260302T120100Z", "LAST-MODIFIED:20260302T120100Z", "SEQUENCE:1",
		"DTSTART:20260302T140000Z", "DTEND:20260302T150000Z", "STATUS:TENTATIVE", "SUMMARY:CHG-1 Release of payments",
		"URL:https://steward.acme.test/v1/processes/CHG-1", "CATEGORIES:payments", "END:VEVENT", "END:VCALENDAR", "",
	}, "\r\n")
	for range 2 {
		a := b.do(t, "GET", "/v1/calendar?format=ical", "", raj).is(t, http.StatusOK)
		assert.Equal(t, want, a.Body.String())
	}
}

func TestICalendarSaysHowSureAChangeIs(t *testing.T) {
	t.Parallel()
	for status, views := range map[ics.ObjectStatus][]itsm.View{
		ics.ObjectStatusTentative: {{Phase: itsm.PhaseAssess}, {Phase: itsm.PhaseAuthorize}, {Phase: itsm.PhaseAuthorize, State: itsm.StateBlocked}},
		ics.ObjectStatusConfirmed: {
			{Phase: itsm.PhaseScheduled}, {Phase: itsm.PhaseImplement}, {Phase: itsm.PhaseReview},
			{Phase: itsm.PhaseClosed, State: itsm.StateClosed, Outcome: itsm.OutcomeSuccessful},
			{Phase: itsm.PhaseRolledBack, State: itsm.StateClosed, Outcome: itsm.OutcomeRolledBack},
		},
		ics.ObjectStatusCancelled: {
			{Phase: itsm.PhaseClosed, State: itsm.StateClosed, Outcome: itsm.OutcomeNotApproved},
			{Phase: itsm.PhaseCancelled, State: itsm.StateClosed, Outcome: itsm.OutcomeCancelled},
		},
	} {
		for _, view := range views {
			assert.Equal(t, status, feedStatus(store.PlannedChange{View: view, Held: view.State != itsm.StateClosed}), view)
		}
	}
}

// Whatever people write into a title, the lines are those that we wrote, none is
// longer than 75 bytes, and a reader gets the title back.
func TestICalendarHoldsAnyTitle(t *testing.T) {
	t.Parallel()
	s := operations{&Server{publicURL: "https://steward.acme.test"}}
	rapid.Check(t, func(t *rapid.T) {
		title := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune("\r\n\\,;:\"' 验收")))).Draw(t, "title")
		text := s.feed([]store.PlannedChange{{Held: true, View: itsm.View{Phase: itsm.PhaseNew}, Slot: itsm.Slot{Process: "CHG-1", Title: title, Service: "a", Start: noon, End: noon}}})
		for line := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
			assert.LessOrEqual(t, len(line), 75)
			assert.NotContains(t, line, "\n")
			assert.NotContains(t, line, "\r")
		}
		read, err := ics.ParseCalendar(strings.NewReader(text))
		require.NoError(t, err)
		require.Len(t, read.Events(), 1)
		assert.Len(t, read.Events()[0].Properties, 10)
		unfolded := strings.ReplaceAll(text, "\r\n ", "")
		assert.Contains(t, unfolded, "SUMMARY:"+ics.ToText(printable("CHG-1 "+title))+"\r\n")
	})
}

func TestICalendarIsNotDividedIntoPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n := range feedPage + 5 {
		b.planned(t, fmt.Sprint("CHG-", n+1), fmt.Sprint("s", n), 1)
	}
	a := b.do(t, "GET", "/v1/calendar?format=ical&limit=2", "", b.person(t, "raj")).is(t, http.StatusOK)
	assert.Equal(t, feedPage+5, strings.Count(a.Body.String(), "BEGIN:VEVENT"))
}

func TestWaitAnswersWhenTheGoalIsReachedOrOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raj := b.person(t, "raj")
	b.change(t, "CHG-1", 1, itsm.View{State: itsm.StateOpen, Phase: itsm.PhaseImplement}, nil)
	b.change(t, "CHG-2", 1, itsm.View{State: itsm.StateClosed, Phase: itsm.PhaseClosed, Outcome: itsm.OutcomeNotApproved}, nil)
	b.change(t, "CHG-3", 1, itsm.View{State: itsm.StateBlocked, Phase: itsm.PhaseScheduled, Blocked: "taken; reschedule it"}, nil)
	for target, want := range map[string]api.Waited{
		"CHG-1/wait?for=authorized":          {Process: "CHG-1", Reached: true, Phase: itsm.PhaseImplement, State: itsm.StateOpen},
		"CHG-2/wait?for=authorized":          {Process: "CHG-2", Over: true, Phase: itsm.PhaseClosed, State: itsm.StateClosed, Outcome: itsm.OutcomeNotApproved},
		"CHG-1/wait?for=closed&timeout=0":    {Process: "CHG-1", Phase: itsm.PhaseImplement, State: itsm.StateOpen},
		"CHG-3/wait?for=scheduled&timeout=0": {Process: "CHG-3", Phase: itsm.PhaseScheduled, State: itsm.StateBlocked, Blocked: "taken; reschedule it"},
	} {
		assert.Equal(t, want, into[api.Waited](t, b.do(t, "GET", "/v1/transitions/"+target, "", raj).is(t, http.StatusOK)), target)
	}
	b.do(t, "GET", "/v1/transitions/CHG-9/wait?for=closed", "", raj).problem(t, http.StatusNotFound, itsm.CodeNotFound)
	for _, query := range []string{"", "?for=lunch", "?for=closed&timeout=61", "?for=closed&timeout=-1"} {
		b.do(t, "GET", "/v1/transitions/CHG-1/wait"+query, "", raj).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
	}
}

// waiting asks for the end of CHG-1, and gives a function that gives the answer.
func (b *bundle) waiting(t *testing.T) func() *answered {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/transitions/CHG-1/wait?for=closed&timeout=60", nil)
	b.person(t, "raj")(r)
	w, done := httptest.NewRecorder(), make(chan struct{})
	go func() {
		defer close(done)
		b.Handler().ServeHTTP(w, r)
	}()
	return func() *answered {
		<-done
		b.conforms(t, r, w)
		return &answered{w}
	}
}

func TestWaitSeesWhatHappensMeanwhile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.change(t, "CHG-1", 1, itsm.View{State: itsm.StateOpen, Phase: itsm.PhaseReview}, nil)
	answer := b.waiting(t)
	b.change(t, "CHG-1", 2, itsm.View{State: itsm.StateClosed, Phase: itsm.PhaseClosed, Outcome: itsm.OutcomeWithIssues}, nil)
	assert.True(t, into[api.Waited](t, answer()).Reached)
}

func TestWaitersAreLetGoWhenTheServerStops(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.change(t, "CHG-1", 1, itsm.View{State: itsm.StateOpen, Phase: itsm.PhaseReview}, nil)
	answer := b.waiting(t)
	close(b.stopping)
	got := into[api.Waited](t, answer().is(t, http.StatusOK))
	assert.False(t, got.Reached || got.Over)
}

func TestWaitLeavesTimeToAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Limits.RequestTimeout = waitReserve + 10*time.Millisecond })
	b.change(t, "CHG-1", 1, itsm.View{State: itsm.StateOpen, Phase: itsm.PhaseReview}, nil)
	b.waiting(t)().is(t, http.StatusOK)
	minute := 60
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	assert.Equal(t, time.Minute, waitOf(ctx, &minute))
	assert.Equal(t, defaultWait, waitOf(ctx, nil))
}
