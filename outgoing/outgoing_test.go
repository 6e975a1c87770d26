package outgoing

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/notify"
	"github.com/steward-itsm/steward/store"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// bundle is a database, a clock that only the test moves, and a dispatcher.
type bundle struct {
	*Dispatcher
	t     *testing.T
	clock atomic.Int64 // after noon
	last  map[string]int
}

func setup(t *testing.T) *bundle {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "steward.db"), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	_, err = db.Migrate(t.Context())
	require.NoError(t, err)
	b := &bundle{t: t, last: map[string]int{}}
	b.Dispatcher = &Dispatcher{Store: db, Poster: notify.NewPoster(nil), Log: slog.New(slog.DiscardHandler), Now: b.now}
	return b
}

func (b *bundle) now() time.Time { return noon.Add(time.Duration(b.clock.Load())) }

func (b *bundle) pass(d time.Duration) { b.clock.Add(int64(d)) }

// once has the dispatcher deliver what it can now.
func (b *bundle) once() {
	b.t.Helper()
	require.NoError(b.t, b.Once(b.t.Context()))
}

// happen records so many more events of a process.
func (b *bundle) happen(process string, events int) {
	b.t.Helper()
	kind, _ := itsm.KindOf(process)
	r := itsm.Record{Process: process, Snapshot: json.RawMessage(`{}`)}
	for range events {
		b.last[process]++
		r.Events = append(r.Events, itsm.Event{
			Process: process, Number: b.last[process], Time: b.now(), Type: "stage.opened", Actor: itsm.Person("raj"),
		})
	}
	r.View = itsm.View{ID: process, Kind: kind, State: itsm.StateOpen, Requester: itsm.Person("raj"), Opened: noon, LastEvent: b.last[process]}
	_, err := b.Store.Record(b.t.Context(), r)
	require.NoError(b.t, err)
}

func (b *bundle) hook(id, url string) {
	b.t.Helper()
	_, err := b.Store.CreateWebhook(b.t.Context(), store.Webhook{ID: id, URL: url, Secret: secret, CreatedAt: noon, CreatedBy: itsm.Integration("admin")})
	require.NoError(b.t, err)
}

// open tells what is not delivered: "APR-1/2 pending 3" after three attempts.
func (b *bundle) open(id string) (all []string) {
	b.t.Helper()
	page, err := b.Store.Deliveries(b.t.Context(), id, "", "", 0)
	require.NoError(b.t, err)
	for _, d := range page.Items {
		all = append(all, fmt.Sprintf("%s/%d %s %d", d.Event.Process, d.Event.Number, d.State, d.Attempts))
	}
	return all
}

func (b *bundle) disabled(id string) bool {
	b.t.Helper()
	page, err := b.Store.Webhooks(b.t.Context(), "", 0)
	require.NoError(b.t, err)
	for _, w := range page.Items {
		if w.ID == id {
			return w.DisabledAt != nil
		}
	}
	return false
}

// receiver notes the IDs of what it gets, and answers as it is told.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []string
	answer func(w http.ResponseWriter, id string)
}

func receive(t *testing.T, answer func(w http.ResponseWriter, id string)) *receiver {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		assert.NoError(t, err)
		assert.NoError(t, verifier.Verify(body, q.Header))
		var e itsm.CloudEvent
		assert.NoError(t, json.Unmarshal(body, &e))
		assert.Equal(t, e.ID, q.Header.Get("webhook-id"))
		r.mu.Lock()
		r.got = append(r.got, e.ID)
		now := r.answer
		r.mu.Unlock()
		if now != nil {
			now(w, e.ID)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// take gives what came since the last time.
func (r *receiver) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}

func (r *receiver) is(answer func(w http.ResponseWriter, id string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func status(code int) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, _ string) { w.WriteHeader(code) }
}

func TestEventsAreDeliveredOnceInOrderFromTheCreationOn(t *testing.T) {
	t.Parallel()
	b, r := setup(t), receive(t, nil)
	b.happen("APR-1", 2)
	b.hook("wh_1", r.URL)
	b.happen("APR-1", 2)
	b.happen("CHG-1", 1)
	b.once()
	assert.Equal(t, []string{"APR-1/3", "APR-1/4", "CHG-1/1"}, r.take())
	b.once()
	b.happen("APR-1", 1)
	b.once()
	assert.Equal(t, []string{"APR-1/5"}, r.take())
	assert.Empty(t, b.open("wh_1"))
}

func TestWebhookGetsOnlyWhatItAsksFor(t *testing.T) {
	t.Parallel()
	b, r := setup(t), receive(t, nil)
	_, err := b.Store.CreateWebhook(t.Context(), store.Webhook{
		ID: "wh_1", URL: r.URL, Secret: secret, Kinds: []itsm.Kind{itsm.KindTransition}, CreatedBy: itsm.Integration("admin"),
	})
	require.NoError(t, err)
	b.happen("APR-1", 3*atOnce)
	b.happen("CHG-1", 1)
	b.happen("APR-2", 1)
	b.once()
	assert.Equal(t, []string{"CHG-1/1"}, r.take())
	ready, err := b.Store.ReadyWebhooks(t.Context(), b.now())
	require.NoError(t, err)
	assert.Empty(t, ready, "what it does not ask for is behind it")
}

func TestWhatFailsIsTriedAgainWhileTheRestGoesOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := receive(t, func(w http.ResponseWriter, id string) {
		if id == "APR-1/2" {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	b.hook("wh_1", r.URL)
	b.happen("APR-1", 3)
	b.once()
	assert.Equal(t, []string{"APR-1/1", "APR-1/2", "APR-1/3"}, r.take())
	assert.Equal(t, []string{"APR-1/2 pending 1"}, b.open("wh_1"))
	b.pass(4 * time.Second)
	b.once()
	assert.Empty(t, r.take(), "not before its time")
	b.pass(time.Second)
	b.once()
	assert.Equal(t, []string{"APR-1/2"}, r.take())
	r.is(nil)
	b.pass(30 * time.Second)
	b.once()
	assert.Equal(t, []string{"APR-1/2"}, r.take())
	assert.Empty(t, b.open("wh_1"))
}

func TestReceiverThatIsAwayIsNotSentEveryEventInVain(t *testing.T) {
	t.Parallel()
	b, r := setup(t), receive(t, status(http.StatusInternalServerError))
	b.hook("wh_1", r.URL)
	b.happen("APR-1", 50)
	tried := 0
	for range 120 { // ten minutes
		b.once()
		tried += len(r.take())
		b.pass(5 * time.Second)
	}
	assert.Less(t, tried, 25)
	r.is(nil)
	got := map[string]bool{}
	for range 3 {
		b.once()
		for _, id := range r.take() {
			assert.False(t, got[id], "%s came twice", id)
			got[id] = true
		}
		b.pass(2 * time.Hour)
	}
	assert.Len(t, got, 50)
	assert.Empty(t, b.open("wh_1"))
}

func TestReceiverMayAskToWait(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := receive(t, func(w http.ResponseWriter, _ string) {
		w.Header().Set("Retry-After", "600")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	b.hook("wh_1", r.URL)
	b.happen("APR-1", 2)
	b.once()
	assert.Equal(t, []string{"APR-1/1"}, r.take())
	b.pass(599 * time.Second)
	b.once()
	assert.Empty(t, r.take())
	r.is(nil)
	b.pass(time.Second)
	b.once()
	assert.Equal(t, []string{"APR-1/1", "APR-1/2"}, r.take())
}

func TestAfterADayADeliveryIsDeadUntilSomebodySendsItAgain(t *testing.T) {
	t.Parallel()
	b, r := setup(t), receive(t, status(http.StatusNotFound))
	b.hook("wh_1", r.URL)
	b.happen("APR-1", 1)
	for range 25 * 60 {
		b.once()
		b.pass(time.Minute)
	}
	const attempts = 19 // at 0 s, 5 s, 35 s, 2:35, 12:35, 42:35, 1:42:35 and from then on every two hours, at last after a day
	assert.Len(t, r.take(), attempts)
	assert.Equal(t, []string{fmt.Sprintf("APR-1/1 dead %d", attempts)}, b.open("wh_1"))
	b.pass(24 * time.Hour)
	b.once()
	assert.Empty(t, r.take())

	r.is(nil)
	_, err := b.Store.ResendDead(t.Context(), store.Command{Actor: itsm.Person("raj"), Key: "k"}, "wh_1", b.now())
	require.NoError(t, err)
	b.once()
	assert.Equal(t, []string{"APR-1/1"}, r.take())
	assert.Empty(t, b.open("wh_1"))
}

func TestReceiverThatIsGoneIsSentNothingMore(t *testing.T) {
	t.Parallel()
	b, r := setup(t), receive(t, status(http.StatusGone))
	b.hook("wh_1", r.URL)
	b.happen("APR-1", 2)
	b.once()
	b.pass(time.Hour)
	b.once()
	assert.Equal(t, []string{"APR-1/1"}, r.take())
	assert.True(t, b.disabled("wh_1"))

	r.is(nil)
	b.happen("APR-1", 1)
	_, err := b.Store.ResendDead(t.Context(), store.Command{Actor: itsm.Person("raj"), Key: "k"}, "wh_1", b.now())
	require.NoError(t, err)
	b.once()
	assert.Equal(t, []string{"APR-1/1", "APR-1/2", "APR-1/3"}, r.take(), "it goes on where it stopped")
	assert.False(t, b.disabled("wh_1"))
}

func TestSlowReceiverDoesNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	free := make(chan struct{})
	others := make(chan string, 1)
	slow := receive(t, func(http.ResponseWriter, string) { <-free })
	quick := receive(t, func(_ http.ResponseWriter, id string) { others <- id })
	b.hook("wh_1", slow.URL)
	b.hook("wh_2", quick.URL)
	b.happen("APR-1", 1)
	done := make(chan error, 1)
	go func() { done <- b.Once(t.Context()) }()
	assert.Equal(t, "APR-1/1", <-others)
	close(free)
	require.NoError(t, <-done)
}

func TestManyDispatchersDeliverEachEventOnceInOrder(t *testing.T) {
	t.Parallel()
	b, r := setup(t), receive(t, nil)
	b.hook("wh_1", r.URL)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var dispatchers sync.WaitGroup
	for range 4 {
		dispatchers.Go(func() {
			for ctx.Err() == nil {
				_ = b.Once(ctx) // ends with an error when it is cancelled
			}
		})
	}
	var want, got []string
	for i := range 30 {
		b.happen("APR-1", 2)
		want = append(want, fmt.Sprintf("APR-1/%d", 2*i+1), fmt.Sprintf("APR-1/%d", 2*i+2))
	}
	require.Eventually(t, func() bool {
		got = append(got, r.take()...)
		return len(got) >= len(want)
	}, time.Minute, time.Millisecond)
	cancel()
	dispatchers.Wait()
	assert.Equal(t, want, append(got, r.take()...))
}

// A dispatcher that stalls between delivery and note is taken over from; then
// the event comes again, under the same ID, and nothing is left out.
func TestTakeoverRepeatsAnEventUnderItsID(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := receive(t, nil)
	r.is(func(http.ResponseWriter, string) {
		r.is(nil)
		b.pass(b.timeout() + leaseMargin)
		assert.NoError(t, b.Once(t.Context()))
	})
	b.hook("wh_1", r.URL)
	b.happen("APR-1", 2)
	b.once()
	assert.Equal(t, []string{"APR-1/1", "APR-1/1", "APR-1/2"}, r.take())
	assert.Empty(t, b.open("wh_1"))
}

func TestStoppingIsNoFailureOfTheReceiver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, stop := context.WithCancel(t.Context())
	free := make(chan struct{})
	r := receive(t, func(http.ResponseWriter, string) { stop(); <-free })
	b.hook("wh_1", r.URL)
	b.happen("APR-1", 1)
	b.Run(ctx)
	close(free)
	assert.Empty(t, b.open("wh_1"))
	r.is(nil)
	b.once() // at once: the lease was given back
	assert.Equal(t, []string{"APR-1/1", "APR-1/1"}, r.take())
}

func TestRunDeliversWithoutBeingTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	came := make(chan string, 2)
	r := receive(t, func(_ http.ResponseWriter, id string) { came <- id })
	b.hook("wh_1", r.URL)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { b.Run(ctx) })
	b.happen("APR-1", 1)
	assert.Equal(t, "APR-1/1", <-came)
	stop()
	running.Wait()
}
