package activities

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
	"github.com/steward-itsm/steward/workflows"
)

// replaced changes a document as an author would have written it.
func replaced(t *testing.T, document []byte, from, to string) []byte {
	t.Helper()
	changed := bytes.Replace(document, []byte(from), []byte(to), 1)
	require.NotEqual(t, string(document), string(changed), from)
	return changed
}

// onRung asks whom a rung tells, by index.
func (b bundle) onRung(t *testing.T, rung int, at time.Time) workflows.FindRequest {
	t.Helper()
	request := b.incident(t, "P1", itsm.IncidentWants{Rung: true}, at)
	request.Rung = rung
	return request
}

func TestRungsTellWhomTheyNameNow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, c := range []struct {
		rung int
		at   string
		want []string
	}{
		{0, "2026-01-07 02:00", []string{"alice"}},
		{0, "2026-01-12 07:59", []string{"alice"}}, // the handover is at nine in Berlin
		{0, "2026-01-12 08:00", []string{"bob"}},
		{0, "2026-12-25 02:00", []string{"chen"}}, // an override
		{1, "2026-01-07 02:00", []string{"bob", "tom"}},
		{2, "2026-01-07 02:00", []string{"maria", "tom"}}, // maria twice: as the owner, and in the group
		{0, "2025-12-01 02:00", nil},                      // before anybody was on call
		{3, "2026-01-07 02:00", nil},
	} {
		assert.Equal(t, itsm.IncidentFindings{Rung: c.want}, b.find(t, b.onRung(t, c.rung, utc(t, c.at))), "%+v", c)
	}
}

func TestReferenceThatLeadsNowhereKeepsNobodyElseFromBeingTold(t *testing.T) {
	t.Parallel()
	b := setup(t, `{apiVersion: steward/v1, kind: EscalationPolicy, metadata: {name: worn}, spec: {steps: [{wait: 5m, tell: [
		{from: '["ghost", incident.reporter, "ghosts"]'}, {from: 'string(10 / incident.repeats)'}, {managerOf: requester}]}]}}`)
	request := b.onRung(t, 0, utc(t, "2026-01-07 02:00"))
	worn := b.carried(t, "EscalationPolicy", "worn")
	request.Escalation = &worn
	found := b.find(t, request)
	assert.Equal(t, []string{"alice", "maria"}, found.Rung)
	require.Len(t, found.Problems, 3)
	assert.Equal(t, `rung 1 of the ladder: there is no Person "ghost"; apply one`, found.Problems[0])
	assert.Equal(t, `rung 1 of the ladder: there is no Person "ghosts"; apply one`, found.Problems[1])
	assert.Contains(t, found.Problems[2], "can't be evaluated")
}

func TestWhoeverStandsInIsPaged(t *testing.T) {
	t.Parallel()
	at := utc(t, "2026-01-07 02:00")
	for name, c := range map[string]struct {
		away map[string]string // person: delegate
		rung int
		want []string
	}{
		"nobody is away":                  {nil, 1, []string{"bob", "tom"}},
		"one is":                          {map[string]string{"bob": "raj"}, 1, []string{"raj", "tom"}},
		"who stands in is told already":   {map[string]string{"bob": "tom"}, 1, []string{"tom"}},
		"who stands in is away too":       {map[string]string{"bob": "raj", "raj": "ines"}, 1, []string{"ines", "tom"}},
		"they stand in for each other":    {map[string]string{"bob": "raj", "raj": "bob"}, 1, []string{"bob", "tom"}},
		"nobody stands in":                {map[string]string{"alice": ""}, 0, []string{"alice"}},
		"nobody stands in for a delegate": {map[string]string{"alice": "raj", "raj": ""}, 0, []string{"raj"}},
	} {
		b := setup(t)
		for person, delegate := range c.away {
			absence := itsm.Absence{Person: person, From: at, To: at.Add(time.Hour), Delegate: delegate}
			require.NoError(t, b.Store.AddAbsence(t.Context(), store.Command{Actor: itsm.Person(person), Key: "away"}, absence, at))
		}
		assert.Equal(t, c.want, b.find(t, b.onRung(t, c.rung, at)).Rung, name)
	}
	b := setup(t)
	back := itsm.Absence{Person: "alice", From: at.Add(-time.Hour), To: at, Delegate: "raj"}
	require.NoError(t, b.Store.AddAbsence(t.Context(), store.Command{Actor: itsm.Person("alice"), Key: "away"}, back, at))
	assert.Equal(t, []string{"alice"}, b.find(t, b.onRung(t, 0, at)).Rung, "who is back is told")
}

func TestNobodyIsPagedDuringWorkThatWasAgreedTo(t *testing.T) {
	t.Parallel()
	at := utc(t, "2026-01-07 02:00")
	until := func(d time.Duration) *itsm.Period { return &itsm.Period{Start: at.Add(-time.Hour), End: at.Add(d)} }
	type work struct {
		maintenance time.Duration // from now; 0: none
		phase       itsm.Phase
		state       itsm.State
		planned     *itsm.Period
	}
	changing := func(planned *itsm.Period) work { return work{0, itsm.PhaseImplement, itsm.StateOpen, planned} }
	both := func(maintenance time.Duration, planned *itsm.Period) work {
		return work{maintenance, itsm.PhaseImplement, itsm.StateOpen, planned}
	}
	maintained := func(d time.Duration) string {
		return fmt.Sprintf("maintenance MNT-1 until %s: new disks", at.Add(d).Format(time.RFC3339))
	}
	const changed = "CHG-1 is being implemented (Payments 4.2)"
	for name, c := range map[string]struct {
		work  work
		why   string
		until time.Duration
	}{
		"a maintenance":                    {work{time.Hour, itsm.PhaseScheduled, itsm.StateOpen, nil}, maintained(time.Hour), time.Hour},
		"a transition":                     {changing(until(time.Hour)), changed, time.Hour},
		"one without a planned time":       {changing(nil), "", 0},
		"the transition lasts longer":      {both(time.Hour, until(2*time.Hour)), changed, 2 * time.Hour},
		"the maintenance lasts longer":     {both(2*time.Hour, until(time.Hour)), maintained(2 * time.Hour), 2 * time.Hour},
		"it is unknown how long":           {both(time.Hour, nil), maintained(time.Hour), time.Hour},
		"a transition beyond its end":      {changing(until(0)), "", 0},
		"a transition that is stuck":       {work{0, itsm.PhaseImplement, itsm.StateBlocked, until(time.Hour)}, "", 0},
		"a transition in its early life":   {work{0, itsm.PhaseEarlyLife, itsm.StateOpen, until(time.Hour)}, "", 0},
		"a transition that waits its turn": {work{0, itsm.PhaseScheduled, itsm.StateOpen, until(time.Hour)}, "", 0},
	} {
		b := setup(t)
		b.transitionIn(t, "CHG-1", c.work.phase, c.work.state, c.work.planned)
		if c.work.maintenance > 0 {
			_, err := b.Store.AddMaintenance(t.Context(), store.Command{Actor: itsm.Person("alice"), Key: "k"}, store.Maintenance{
				Service: "payments", From: at, To: at.Add(c.work.maintenance), Reason: "new disks", At: at,
			})
			require.NoError(t, err)
		}
		found := b.find(t, b.onRung(t, 0, at))
		if c.why == "" {
			assert.Equal(t, itsm.IncidentFindings{Rung: []string{"alice"}}, found, name)
			continue
		}
		want := itsm.PagingSuppressed{Why: c.why}
		if c.until > 0 {
			end := at.Add(c.until)
			want.Until = &end
		}
		assert.Equal(t, itsm.IncidentFindings{Suppressed: &want, Rung: []string{"alice"}}, found, "%s: who asks for help by hand gets it", name)
	}
}

func TestMaintenanceOfAnotherServiceSuppressesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := utc(t, "2026-01-07 02:00")
	_, err := b.Store.AddMaintenance(t.Context(), store.Command{Actor: itsm.Person("alice"), Key: "k"}, store.Maintenance{
		Service: "ledger", From: at, To: at.Add(time.Hour), Reason: "new disks", At: at,
	})
	require.NoError(t, err)
	assert.Equal(t, itsm.IncidentFindings{Rung: []string{"alice"}}, b.find(t, b.onRung(t, 0, at)))
}
