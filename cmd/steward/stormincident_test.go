package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/audit"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

const (
	stormAlerts  = 10_000
	stormClients = 50
	manyKeys     = 200
	manyClients  = 20
)

// stormPolicy calls one person, and then nobody for a day.
const stormPolicy = `---
apiVersion: steward/v1
kind: Group
metadata: {name: team}
spec: {members: [a]}
---
apiVersion: steward/v1
kind: EscalationPolicy
metadata: {name: ladder}
spec: {steps: [{tell: [{person: a}], wait: 1d}]}
---
apiVersion: steward/v1
kind: Service
metadata: {name: shop}
spec: {owner: a, supportGroup: team, escalation: ladder}
`

// rain is many clients that raise alerts, and every answer that they got.
type rain struct {
	t      *testing.T
	url    string
	client *http.Client

	mutex    sync.Mutex
	statuses map[int]int
	answers  map[string]map[string]int // key: incident: how often
}

func newRain(t *testing.T, d *devProcess) *rain {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: stormClients}
	t.Cleanup(transport.CloseIdleConnections)
	return &rain{
		t: t, url: d.url() + "/v1/alerts", client: &http.Client{Transport: transport, Timeout: time.Minute},
		statuses: map[int]int{}, answers: map[string]map[string]int{},
	}
}

// fall has the clients work at the same time.
func (r *rain) fall(clients int, work func()) {
	var falling sync.WaitGroup
	for range clients {
		falling.Go(work)
	}
	falling.Wait()
}

// raise raises an alert once, and notes the answer.
func (r *rain) raise(key string) {
	body, err := json.Marshal(alarm{Service: "shop", Key: key, Title: "It is down", Severity: itsm.SeverityCritical})
	if !assert.NoError(r.t, err) {
		return
	}
	status, raised := 0, api.Raised{}
	response, err := r.client.Post(r.url, "application/json", bytes.NewReader(body))
	if assert.NoError(r.t, err) {
		status = response.StatusCode
		text, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		_ = json.Unmarshal(text, &raised) // what is no answer names no incident
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.statuses[status]++
	if r.answers[key] == nil {
		r.answers[key] = map[string]int{}
	}
	r.answers[key][raised.Incident]++
}

func TestStormOfOneAlertIsOneIncident(t *testing.T) {
	t.Parallel()
	d := startDev(t)
	d.apply(firePeople() + stormPolicy)
	r := newRain(t, d)
	r.raise("alone")
	r.fall(stormClients, func() {
		for range stormAlerts / stormClients {
			r.raise("storm")
		}
	})
	require.Equal(t, map[int]int{http.StatusAccepted: stormAlerts + 1}, r.statuses)
	require.Len(t, r.answers["storm"], 1, "all were told the same incident")
	id, alone := onlyOf(r.answers["storm"]), onlyOf(r.answers["alone"])
	assert.Len(t, all[itsm.View](d, "/v1/processes?"), 2)
	assert.Equal(t, stormAlerts-1, d.alertsOf(id)["storm"].Repeats)

	for _, one := range []string{id, alone} {
		d.awaitIncident(one, "what became of its page", func(i itsm.IncidentDetail) bool { return isPaged(i) && len(i.Pages[0].Outcomes) > 0 })
	}
	assert.Len(t, d.eventsOf(id, itsm.EventPageSent), 1)
	assert.Len(t, all[itsm.Event](d, "/v1/processes/"+id+"/events?"), len(all[itsm.Event](d, "/v1/processes/"+alone+"/events?")),
		"its journal is that of an alert that came once")
	assert.LessOrEqual(t, d.historyLength(id), d.historyLength(alone)+5, "its history too, but for a workflow task")
}

func TestManyAlertsFromManyClientsAreOneIncidentEach(t *testing.T) {
	t.Parallel()
	d := startDev(t, "STEWARD_NOTIFY_LOG=false")
	d.apply(firePeople() + stormPolicy)
	r := newRain(t, d)
	r.fall(manyClients, func() {
		for _, n := range rand.Perm(manyKeys) {
			r.raise(fmt.Sprintf("key-%d", n))
		}
	})
	require.Equal(t, map[int]int{http.StatusAccepted: manyKeys * manyClients}, r.statuses)
	incidents := map[string]bool{}
	for key, answers := range r.answers {
		require.Len(t, answers, 1, "%s has one incident", key)
		incidents[onlyOf(answers)] = true
		assert.Equal(t, manyClients-1, d.alertsOf(onlyOf(answers))[key].Repeats, key)
	}
	assert.Len(t, incidents, manyKeys)
	assert.Len(t, all[itsm.View](d, "/v1/processes?"), manyKeys)
}

// TestAlertsThatWereTakenAreNotLostToSIGKILL has clients raise alerts and send
// them again until they are taken, while Steward is killed over them.
func TestAlertsThatWereTakenAreNotLostToSIGKILL(t *testing.T) {
	t.Parallel()
	d := startDev(t, "STEWARD_NOTIFY_LOG=false")
	d.apply(firePeople() + stormPolicy)
	var falling sync.WaitGroup
	var taken atomic.Int64
	kill := make(chan struct{}, 3)
	incidents := make([]sync.Map, 30) // of each key
	for range 8 {
		falling.Go(func() {
			for _, n := range rand.Perm(len(incidents)) {
				r := d.insist(http.MethodPost, "/v1/alerts", "", "", alarm{Service: "shop", Key: fmt.Sprint(n), Title: "It is down", Severity: itsm.SeverityError})
				var raised api.Raised
				assert.NoError(t, json.Unmarshal(r.body, &raised), "%d %s", r.status, r.body)
				incidents[n].Store(raised.Incident, r.status)
				if n := taken.Add(1); n == 20 || n == 90 || n == 160 { // of 240
					kill <- struct{}{}
				}
			}
		})
	}
	for range cap(kill) {
		<-kill
		d.kill(syscall.SIGKILL)
		d.start()
	}
	falling.Wait()
	assert.Len(t, all[itsm.View](d, "/v1/processes?"), len(incidents))
	for n := range incidents {
		incidents[n].Range(func(id, status any) bool {
			assert.Equal(t, http.StatusAccepted, status)
			alerts := d.alertsOf(fmt.Sprint(id))
			assert.Len(t, alerts, 1)
			assert.GreaterOrEqual(t, alerts[fmt.Sprint(n)].Repeats, 7, "%v of key %d", id, n)
			d.awaitIncident(fmt.Sprint(id), "its page", isPaged)
			assert.Len(t, d.eventsOf(fmt.Sprint(id), itsm.EventPageSent), 1)
			d.checkJournal(fmt.Sprint(id))
			return true
		})
	}
}

// onlyOf gives one of the incidents, where there is only one.
func onlyOf(incidents map[string]int) string {
	for id := range incidents {
		return id
	}
	return ""
}

// historyLength counts the events of a process's history.
func (d *devProcess) historyLength(id string) int {
	d.t.Helper()
	history, err := audit.ParseHistory(d.insist(http.MethodGet, "/v1/processes/"+id+"/history", "", "", nil).body)
	require.NoError(d.t, err)
	return len(history.Events)
}
