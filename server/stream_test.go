package server

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// happen records the events of a process from first to last.
func (b *bundle) happen(t *testing.T, process string, first, last int, comment string) {
	t.Helper()
	kind, _ := itsm.KindOf(process)
	r := itsm.Record{Process: process, Snapshot: json.RawMessage(`{}`)}
	for n := first; n <= last; n++ {
		r.Events = append(r.Events, itsm.Event{
			Process: process, Number: n, Time: noon, Type: "stage.opened", Actor: itsm.Person("raj"), Comment: comment,
			Answer: &itsm.Receipt{Fingerprint: "f00d"},
		})
	}
	r.View = itsm.View{ID: process, Kind: kind, State: itsm.StateOpen, Requester: itsm.Person("raj"), Opened: noon, LastEvent: last}
	_, err := b.store.Record(t.Context(), r)
	assert.NoError(t, err)
}

// listening serves the API as Serve does, but with times so short that a stream
// which they bind would end in the middle of a test.
func (b *bundle) listening(t *testing.T) string {
	t.Helper()
	web := httptest.NewUnstartedServer(b.Handler())
	web.Config.ReadTimeout, web.Config.WriteTimeout = 250*time.Millisecond, 250*time.Millisecond
	web.Start()
	t.Cleanup(web.Close)
	return web.URL
}

// reading is a stream as its reader sees it.
type reading struct {
	t      *testing.T
	body   io.ReadCloser
	lines  *bufio.Scanner
	lastID string // also of what is no event
}

func (b *bundle) stream(t *testing.T, target string, options ...option) *reading {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+b.admin)
	for _, o := range options {
		o(request)
	}
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	t.Cleanup(func() { _ = answer.Body.Close() })
	require.Equal(t, http.StatusOK, answer.StatusCode)
	assert.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
	s := &reading{t: t, body: answer.Body, lines: bufio.NewScanner(answer.Body)}
	s.lines.Buffer(nil, 1<<20)
	return s
}

// frame reads up to the next blank line; false at the end of the stream.
func (s *reading) frame() (fields map[string]string, ok bool) {
	fields = map[string]string{}
	for s.lines.Scan() {
		line := s.lines.Text()
		if line == "" {
			return fields, true
		}
		name, value, _ := strings.Cut(line, ": ")
		fields[name] = value
		if name == "id" {
			s.lastID = value
		}
	}
	return nil, false
}

// event reads the next event, over what is none, and gives its ID.
func (s *reading) event() string {
	s.t.Helper()
	for {
		fields, ok := s.frame()
		require.True(s.t, ok, "the stream ended")
		if data, is := fields["data"]; is {
			var e itsm.CloudEvent
			require.NoError(s.t, json.Unmarshal([]byte(data), &e))
			assert.Equal(s.t, "itsm.steward."+fields["event"], e.Type)
			assert.NotContains(s.t, data, "f00d")
			return e.ID
		}
	}
}

func TestStreamFollowsTheJournalFromNowOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.happen(t, "APR-1", 1, 2, "")
	s := b.stream(t, b.listening(t)+"/v1/events")
	_, ok := s.frame()
	require.True(t, ok)
	require.NotEmpty(t, s.lastID, "it can be gone on with before the first event")
	b.happen(t, "APR-1", 3, 3, "")
	assert.Equal(t, "APR-1/3", s.event())
	b.happen(t, "CHG-1", 1, 1, "")
	assert.Equal(t, "CHG-1/1", s.event())
}

func TestStreamHasOnlyWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.happen(t, "APR-1", 1, 2, "")
	b.happen(t, "CHG-1", 1, 2, "")
	b.happen(t, "CHG-2", 1, 1, "")
	url := b.listening(t) + "/v1/events?from=start&"
	for query, want := range map[string][]string{
		"":                                  {"APR-1/1", "APR-1/2", "CHG-1/1", "CHG-1/2", "CHG-2/1"},
		"process=CHG-1":                     {"CHG-1/1", "CHG-1/2"},
		"kind=transition":                   {"CHG-1/1", "CHG-1/2", "CHG-2/1"},
		"kind=transition&kind=approval":     {"APR-1/1", "APR-1/2", "CHG-1/1", "CHG-1/2", "CHG-2/1"},
		"type=stage.opened&process=APR-1":   {"APR-1/1", "APR-1/2"},
		"type=stage.closed&type=x&after=":   nil,
		"type=stage.opened&kind=transition": {"CHG-1/1", "CHG-1/2", "CHG-2/1"},
	} {
		s := b.stream(t, url+query)
		for _, id := range want {
			assert.Equal(t, id, s.event(), query)
		}
		require.NoError(t, s.body.Close())
	}
}

// The reader is cut off again and again, at any place, while others write.
func TestStreamResumesWithoutLossOrRepetition(t *testing.T) {
	t.Parallel()
	b := setup(t)
	url := b.listening(t) + "/v1/events"
	const processes, events = 4, 40
	var writers sync.WaitGroup
	s := b.stream(t, url)
	_, ok := s.frame()
	require.True(t, ok)
	for p := range processes {
		writers.Go(func() {
			for n := range events {
				b.happen(t, itsm.KindApproval.ID(int64(p+1)), n+1, n+1, "")
			}
		})
	}
	got, want := map[string]bool{}, map[string]bool{}
	for n := 0; len(got) < processes*events; n++ {
		id := s.event()
		assert.False(t, got[id], "%s came twice", id)
		got[id] = true
		if n%7 == 6 {
			require.NoError(t, s.body.Close())
			last := s.lastID
			if n%2 == 0 {
				s = b.stream(t, url+"?after=0.0", header("Last-Event-ID", last))
			} else {
				s = b.stream(t, url+"?after="+last)
			}
		}
	}
	writers.Wait()
	for p := range processes {
		for n := range events {
			want[fmt.Sprintf("%s/%d", itsm.KindApproval.ID(int64(p+1)), n+1)] = true
		}
	}
	assert.Equal(t, want, got)
}

func TestStreamShowsThatItLivesAndHowFarItIs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.streams.heartbeat = 5 * time.Millisecond
	s := b.stream(t, b.listening(t)+"/v1/events?kind=incident")
	_, ok := s.frame()
	require.True(t, ok)
	before := s.lastID
	b.happen(t, "APR-1", 1, 1, "")
	for s.lastID == before {
		fields, ok := s.frame()
		require.True(t, ok)
		assert.NotContains(t, fields, "data", "it is not what was asked for")
	}
}

func TestStreamOutlivesTheTimesThatBindOtherAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.limits.RequestTimeout = 50 * time.Millisecond
	b.streams.heartbeat = 20 * time.Millisecond
	s := b.stream(t, b.listening(t)+"/v1/events")
	for range 20 {
		_, ok := s.frame()
		require.True(t, ok)
	}
}

func TestStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.streams.heartbeat = 5 * time.Millisecond
	secret := b.token(t, api.TokenRequest{Integration: "shop"})
	s := b.stream(t, b.listening(t)+"/v1/events", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret) })
	token, err := b.store.TokenByHash(t.Context(), hashOf(secret))
	require.NoError(t, err)
	require.NoError(t, b.store.RevokeToken(t.Context(), token.ID, noon))
	for ok := true; ok; {
		_, ok = s.frame()
	}
}

func TestStreamEndsWhenTheServerStops(t *testing.T) {
	t.Parallel()
	b := setup(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Serve(ctx, listener) }()
	s := b.stream(t, "http://"+listener.Addr().String()+"/v1/events")
	begun := time.Now()
	stop()
	require.NoError(t, <-done)
	assert.Less(t, time.Since(begun), graceTimeout/2)
	for ok := true; ok; {
		_, ok = s.frame()
	}
}

func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.streams.slots = make(chan struct{}, 1)
	url := b.listening(t)
	s := b.stream(t, url+"/v1/events")
	refused := b.do(t, http.MethodGet, "/v1/events", "", asToken(b.admin))
	refused.problem(t, http.StatusServiceUnavailable, itsm.CodeUnavailable)
	assert.NotEmpty(t, refused.Header().Get("Retry-After"))
	require.NoError(t, s.body.Close())
	assert.Eventually(t, func() bool { return len(b.streams.slots) == 0 }, time.Minute, time.Millisecond)
	b.stream(t, url+"/v1/events")
}

func TestReaderThatIsTooSlowIsCutOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.streams.patience = 50 * time.Millisecond
	large := strings.Repeat("x", 500_000)
	for i := range 40 {
		b.happen(t, itsm.KindApproval.ID(int64(i+1)), 1, 1, large)
	}
	b.stream(t, b.listening(t)+"/v1/events?from=start")
	assert.Eventually(t, func() bool { return len(b.streams.slots) == 0 }, time.Minute, time.Millisecond)
}

func TestStreamThatCannotBeginIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, query := range []string{"?after=nonsense", "?from=end", "?kind=party", "?type=Nonsense"} {
		b.do(t, http.MethodGet, "/v1/events"+query, "", asToken(b.admin)).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
	}
	b.do(t, http.MethodGet, "/v1/events", "", asToken(b.admin), header("Last-Event-ID", "7")).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
	b.do(t, http.MethodHead, "/v1/events", "", asToken(b.admin)).is(t, http.StatusMethodNotAllowed)
	assert.Empty(t, b.streams.slots)
}

func TestTideLooksOnlyWhileThereIsAStream(t *testing.T) {
	t.Parallel()
	looked := make(chan struct{})
	tide := newTide(func(ctx context.Context) (string, error) {
		select {
		case looked <- struct{}{}:
		case <-ctx.Done():
		}
		return "1.1", nil
	})
	tide.every = time.Millisecond
	first, second := tide.join(), tide.join()
	changed := tide.next()
	<-looked
	<-changed
	first()
	unchanged := tide.next()
	<-looked
	<-looked
	select {
	case <-unchanged:
		t.Error("nothing changed")
	default:
	}
	second()
	assert.Zero(t, tide.streams)
	third := tide.join()
	<-looked
	third()
}
