package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

const (
	fireIncidents = 20

	// afterReturn is how late a rung that came due while Steward was away may be
	// once it is back: whoever was killed over it is waited for, and the machine
	// may be busy.
	afterReturn = 30 * time.Second
)

// fireLadder has three rungs, which are climbed twice. Whoever is told is told
// in a room of their own.
const fireLadder = `---
apiVersion: steward/v1
kind: Group
metadata: {name: team}
spec: {members: [a, b, c]}
---
apiVersion: steward/v1
kind: EscalationPolicy
metadata: {name: ladder}
spec:
  steps:
    - {tell: [{person: a}], wait: 2s}
    - {tell: [{person: b}], wait: 3s}
    - {tell: [{person: c}], wait: 2s}
  repeat: 1
---
apiVersion: steward/v1
kind: Service
metadata: {name: shop}
spec: {owner: d, supportGroup: team, escalation: ladder}
---
apiVersion: steward/v1
kind: Channel
metadata: {name: room}
spec: {webhook: "HOOK", for: [{group: team}]}
`

var fireWaits = []time.Duration{2 * time.Second, 3 * time.Second, 2 * time.Second}

// TestPagesComeThroughTheFire kills the whole of Steward with SIGKILL while
// ladders run: over pages that are on their way, and while rungs come due. None
// is skipped, none is told twice, and whoever gets a page again can tell.
func TestPagesComeThroughTheFire(t *testing.T) {
	t.Parallel()
	f := &pageFire{at: []int{5, 30, 60, 95}, pages: map[string]map[string]int{}}
	d := startDev(t, "STEWARD_NOTIFY_LOG=false", "STEWARD_NOTIFY_WEBHOOK_SECRET="+hookSecret)
	f.dev = d
	d.apply(firePeople() + strings.Replace(fireLadder, "HOOK", f.listen(t), 1))
	ids := make([]string, fireIncidents)
	for i := range ids {
		ids[i] = d.raise(alarm{Service: "shop", Key: fmt.Sprintf("key-%d", i), Title: "It is down", Severity: itsm.SeverityError}).Incident
	}
	for _, id := range ids {
		d.awaitIncident(id, "the end of its ladder", func(i itsm.IncidentDetail) bool {
			return i.Ladder.Exhausted && i.Ladder.Next == nil && isDelivered(i)
		})
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	assert.Empty(t, f.at, "all kills happened while pages were on their way")
	for _, id := range ids {
		f.check(t, id)
	}
	assert.Len(t, f.pages, fireIncidents*2*len(fireWaits), "nobody got a page that is not in a journal")
	assert.Len(t, all[itsm.View](d, "/v1/processes?"), fireIncidents)
}

// isDelivered tells whether it is known what became of all pages.
func isDelivered(i itsm.IncidentDetail) bool {
	return !slices.ContainsFunc(i.Pages, func(p itsm.Page) bool { return len(p.Outcomes) == 0 })
}

// absence is a time in which Steward was away.
type absence struct{ from, to time.Time }

// pageFire is a chat room that kills Steward at some of the pages that it gets.
type pageFire struct {
	dev *devProcess

	mutex sync.Mutex
	at    []int // at which requests it kills
	seen  int
	away  []absence
	pages map[string]map[string]int // process/round/rung: webhook-id: how often
}

func (f *pageFire) listen(t *testing.T) (url string) {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(hookSecret)
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the sender was killed, and sends it again
		}
		assert.NoError(t, verifier.Verify(body, r.Header))
		var event itsm.CloudEvent
		assert.NoError(t, json.Unmarshal(body, &event), "%s", body)
		f.take(t, r.Header.Get(standardwebhooks.HeaderWebhookID), event)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func (f *pageFire) take(t *testing.T, id string, event itsm.CloudEvent) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	var told itsm.Event
	var page itsm.PageSent
	if !assert.NoError(t, json.Unmarshal(event.Data, &told)) || told.Type != itsm.EventPageSent || !assert.NoError(t, json.Unmarshal(told.Data, &page)) {
		return
	}
	assert.Equal(t, id, event.ID)
	what := fmt.Sprintf("%s/%d/%d", event.Subject, page.Round, page.Rung)
	if f.pages[what] == nil {
		f.pages[what] = map[string]int{}
	}
	f.pages[what][id]++
	f.seen++
	if len(f.at) > 0 && f.seen >= f.at[0] {
		f.at = f.at[1:]
		f.kill()
	}
}

// kill takes Steward away; every other time until all rungs are due.
func (f *pageFire) kill() {
	gone := absence{from: time.Now()}
	f.dev.kill(syscall.SIGKILL)
	if len(f.at)%2 == 0 {
		pause(3 * time.Second)
	}
	f.dev.start()
	gone.to = time.Now()
	f.away = append(f.away, gone)
}

// check holds one incident to its ladder.
func (f *pageFire) check(t *testing.T, id string) {
	t.Helper()
	events := f.dev.eventsOf(id, itsm.EventPageSent)
	require.Len(t, events, 2*len(fireWaits), "%s: none is skipped, none comes twice", id)
	var due time.Time
	for n, event := range events {
		var page itsm.PageSent
		require.NoError(t, json.Unmarshal(event.Data, &page))
		round, rung := 1+n/len(fireWaits), 1+n%len(fireWaits)
		assert.Equal(t, itsm.PageSent{Round: round, Rung: rung, Of: len(fireWaits), To: []string{string(rune('a' + rung - 1))}}, page, id)
		if n > 0 {
			f.checkTime(t, id, due, event.Time)
		}
		due = event.Time.Add(fireWaits[rung-1])

		got := f.pages[fmt.Sprintf("%s/%d/%d", id, round, rung)]
		webhookID := fmt.Sprintf("%s/%d", id, event.Number)
		assert.Len(t, got, 1, "%s: round %d, rung %d has one ID", id, round, rung)
		assert.GreaterOrEqual(t, got[webhookID], 1, "%s: %s reached the room", id, webhookID)
	}
	assert.Len(t, f.dev.eventsOf(id, itsm.EventLadderExhausted), 1)
	f.dev.checkJournal(id)
}

// checkTime holds a page to its moment: never too soon, and soon where Steward
// was away when it was due.
func (f *pageFire) checkTime(t *testing.T, id string, due, sent time.Time) {
	t.Helper()
	assert.False(t, sent.Before(due), "%s: paged at %s, before %s", id, sent, due)
	for _, gone := range f.away {
		if !due.Before(gone.from) && due.Before(gone.to) {
			assert.Less(t, sent.Sub(gone.to), afterReturn, "%s: due at %s, sent at %s, though Steward was back at %s", id, due, sent, gone.to)
		}
	}
}
