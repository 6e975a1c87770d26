package server

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

func TestMaintenanceIsAnnouncedOnceAndEnded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.services(t)
	alice := b.person(t, "alice")
	body := `{"service": "payments", "to": "2026-03-02T16:00:00+02:00", "reason": "New disks"}`
	want := api.Maintenance{
		Id: "MNT-1", Service: "payments", From: noon, To: noon.Add(2 * time.Hour), Reason: "New disks", By: itsm.Person("alice"), At: noon,
	}
	later := noon
	b.Server.now = func() time.Time { return later }
	for range 2 {
		assert.Equal(t, want, into[api.Maintenance](t, b.do(t, "POST", "/v1/maintenances", body, alice, header(keyHeader, "k")).is(t, http.StatusCreated)))
		later = later.Add(time.Minute)
	}
	other := `{"service": "ledger", "from": "2026-03-03T12:00:00Z", "to": "2026-03-03T13:00:00Z", "reason": "New disks"}`
	b.do(t, "POST", "/v1/maintenances", other, alice, header(keyHeader, "k")).problem(t, http.StatusUnprocessableEntity, itsm.CodeKeyReused)
	b.do(t, "POST", "/v1/maintenances", other, alice).is(t, http.StatusCreated)

	raj := b.person(t, "raj")
	list := func(query string) (ids []string) {
		for _, m := range into[api.MaintenancePage](t, b.do(t, "GET", "/v1/maintenances"+query, "", raj).is(t, http.StatusOK)).Items {
			ids = append(ids, m.Id)
		}
		return ids
	}
	assert.Equal(t, []string{"MNT-1", "MNT-2"}, list(""))
	assert.Equal(t, []string{"MNT-2"}, list("?service=ledger"))
	assert.Equal(t, []string{"MNT-2"}, list("?from=2026-03-03T00:00:00Z"))

	want.Ended = &later
	for range 2 {
		assert.Equal(t, want, into[api.Maintenance](t, b.do(t, "POST", "/v1/maintenances/MNT-1/end", "", alice).is(t, http.StatusOK)))
	}
	b.do(t, "POST", "/v1/maintenances/MNT-9/end", "", alice).problem(t, http.StatusNotFound, itsm.CodeNotFound)
}

func TestFaultyMaintenancesAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.services(t)
	alice := b.person(t, "alice")
	for body, want := range map[string]struct {
		code  itsm.Code
		field string
	}{
		`{"service": "payments", "to": "2026-03-02T14:00:00Z"}`:                                                {itsm.CodeInvalid, "/reason"},
		`{"service": "payments", "reason": "x"}`:                                                               {itsm.CodeInvalid, "/to"},
		`{"service": "payments", "to": "2026-03-02T11:00:00Z", "reason": "x"}`:                                 {itsm.CodeInvalid, "/to"},
		`{"service": "payments", "from": "2026-03-04T11:00:00Z", "to": "2026-03-03T11:00:00Z", "reason": "x"}`: {itsm.CodeInvalid, "/to"},
		`{"service": "nothing", "to": "2026-03-02T14:00:00Z", "reason": "x"}`:                                  {itsm.CodeDefinitionUnknown, "/service"},
	} {
		p := b.do(t, "POST", "/v1/maintenances", body, alice).problem(t, http.StatusUnprocessableEntity, want.code)
		assert.Equal(t, want.field, p.Errors[0].Field, body)
	}
}

func TestOnlyTokensOfIntegrationsAreOfAService(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.services(t)
	as := asToken(b.admin)
	made := into[api.NewToken](t, b.do(t, "POST", "/v1/tokens", `{"integration": "prometheus", "service": "payments"}`, as).is(t, http.StatusCreated))
	assert.Equal(t, "payments", made.Token.Service)
	assert.Contains(t, b.do(t, "GET", "/v1/tokens", "", as).Body.String(), `"service":"payments"`)
	assert.Equal(t, "payments", into[api.Me](t, b.do(t, "GET", "/v1/me", "", asToken(made.Secret)).is(t, http.StatusOK)).Service)
	p := b.do(t, "POST", "/v1/tokens", `{"person": "raj", "service": "payments"}`, as).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
	assert.Equal(t, "/service", p.Errors[0].Field)
	b.do(t, "POST", "/v1/tokens", `{"integration": "prometheus", "service": "nothing"}`, as).problem(t, http.StatusUnprocessableEntity, itsm.CodeDefinitionUnknown)
}
