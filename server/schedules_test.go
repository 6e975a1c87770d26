package server

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

func TestScheduleSaysWhoIsOnCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.services(t)
	raj := b.person(t, "raj")
	found := into[api.OnCall](t, b.do(t, "GET", "/v1/schedules/payments-primary", "", raj).is(t, http.StatusOK))
	week := func(n int, person string) itsm.Shift {
		monday := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC).AddDate(0, 0, 7*n) // nine in Berlin
		return itsm.Shift{From: monday, To: monday.AddDate(0, 0, 7), Person: person, Layer: "weekly"}
	}
	shifts := []itsm.Shift{week(0, "chen"), week(1, "alice"), week(2, "bob"), week(3, "chen"), week(4, "alice")}
	for i := range shifts { // Berlin's clocks go forward on the 29th
		if i == 3 {
			shifts[i].To = shifts[i].To.Add(-time.Hour)
		}
		if i == 4 {
			shifts[i].From, shifts[i].To = shifts[i].From.Add(-time.Hour), shifts[i].To.Add(-time.Hour)
		}
	}
	assert.Equal(t, api.OnCall{
		Name: "payments-primary", Title: "Payments, first on call", Timezone: "Europe/Berlin", At: noon,
		Now: found.Now, Shifts: shifts, Gaps: []api.Gap{},
	}, found)
	require.Len(t, found.Now, 1)
	assert.Equal(t, found.Shifts[0], found.Now[0])

	christmas := into[api.OnCall](t, b.do(t, "GET", "/v1/schedules/payments-primary?at=2026-12-25T10:00:00%2B01:00&from=2026-12-25T00:00:00Z&to=2026-12-26T00:00:00Z", "", raj).is(t, http.StatusOK))
	require.Len(t, christmas.Now, 1)
	assert.Equal(t, "chen", christmas.Now[0].Person)
	assert.True(t, christmas.Now[0].Override)
	assert.Equal(t, christmas.Now, christmas.Shifts)

	early := into[api.OnCall](t, b.do(t, "GET", "/v1/schedules/payments-primary?at=2026-01-01T00:00:00Z&from=2026-01-01T00:00:00Z&to=2026-01-06T00:00:00Z", "", raj).is(t, http.StatusOK))
	assert.Empty(t, early.Now)
	assert.Equal(t, []api.Gap{{From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)}}, early.Gaps)
}

func TestSchedulesThatAreAskedForWronglyAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.services(t)
	raj := b.person(t, "raj")
	b.do(t, "GET", "/v1/schedules/nobody", "", raj).problem(t, http.StatusNotFound, itsm.CodeNotFound)
	for query, field := range map[string]string{
		"at=now": "/at", "from=2026-03-02T12:00:00Z&to=2026-03-02T12:00:00Z": "/to", "to=2020-01-01T00:00:00Z": "/to", "to=2027-06-01T00:00:00Z": "/to",
		"at=9999-01-01T00:00:00Z": "/at", "from=9000-01-01T00:00:00Z": "/from", "format=xml": "/format",
	} {
		p := b.do(t, "GET", "/v1/schedules/payments-primary?"+query, "", raj).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
		assert.Equal(t, field, p.Errors[0].Field, query)
	}
}

func TestCalendarsSubscribeToASchedule(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.services(t)
	raj := b.person(t, "raj")
	path := "/v1/schedules/payments-primary?from=2026-12-23T00:00:00Z&to=2026-12-25T00:00:00Z"
	want := strings.Join([]string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Steward//On call: payments-primary//EN", "METHOD:PUBLISH", "NAME:On call: payments-primary", "X-WR-CALNAME:On call: payments-primary",
		"BEGIN:VEVENT", "UID:payments-primary.weekly.chen.1797840000@steward.acme.test", "DTSTAMP:20260302T120000Z", "LAST-MODIFIED:20260302T120000Z", "SEQUENCE:1",
		"DTSTART:20261221T080000Z", "DTEND:20261224T080000Z", "STATUS:CONFIRMED", "SUMMARY:chen is on call (payments-primary)",
		"URL:https://steward.acme.test/v1/schedules/payments-primary", "CATEGORIES:weekly", "END:VEVENT",
		"BEGIN:VEVENT", "UID:payments-primary.override.chen.1798099200@steward.acme.test", "DTSTAMP:20260302T120000Z", "LAST-MODIFIED:20260302T120000Z", "SEQUENCE:1",
		"DTSTART:20261224T080000Z", "DTEND:20261227T080000Z", "STATUS:CONFIRMED", "SUMMARY:chen is on call (payments-primary)",
		"URL:https://steward.acme.test/v1/schedules/payments-primary", "CATEGORIES:override", "END:VEVENT", "END:VCALENDAR", "",
	}, "\r\n")
	for range 2 {
		a := b.do(t, "GET", path, "", raj, header("Accept", calendarMedia)).is(t, http.StatusOK)
		assert.Equal(t, calendarMedia, a.Header().Get("Content-Type"))
		unfolded := strings.ReplaceAll(a.Body.String(), "\r\n ", "")
		assert.Equal(t, want, unfolded)
	}
	b.do(t, "GET", path+"&format=json", "", raj, header("Accept", calendarMedia)).is(t, http.StatusOK)
}

func TestApplyingAScheduleWarnsOfGaps(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nights := func(name, hours string) string {
		return fmt.Sprintf("apiVersion: steward/v1\nkind: Schedule\nmetadata: {name: %s}\nspec:\n  timezone: UTC\n  rotations:\n    - {name: one, people: [alice], starts: 2026-01-05T09:00, every: 1w%s}\n", name, hours)
	}
	text := nights("always", "") + "---\n" + nights("days", `, hours: [{days: [mon, tue, wed, thu, fri], from: "08:00", to: "18:00"}]`)
	for _, query := range []string{"?dryRun=true", "", ""} {
		applied := into[api.Applied](t, b.do(t, "POST", "/v1/definitions"+query, text, asToken(b.admin), header("Content-Type", yamlMedia), header(keyHeader, "k")).is(t, http.StatusOK))
		require.Len(t, applied.Warnings, 1, query)
		warning := applied.Warnings[0]
		assert.Equal(t, "Schedule", warning.Kind)
		assert.Equal(t, "days", warning.Name)
		assert.Contains(t, warning.Message, "2026-03-02T18:00:00Z to 2026-03-03T08:00:00Z")
		assert.Contains(t, warning.Message, "and 17 more")
	}
	applied := b.do(t, "POST", "/v1/definitions", nights("always", ""), asToken(b.admin), header("Content-Type", yamlMedia)).is(t, http.StatusOK)
	assert.NotContains(t, applied.Body.String(), "warnings")
}
