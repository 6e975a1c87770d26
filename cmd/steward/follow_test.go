package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

// frameOf is an event as a stream sends it.
func frameOf(t *testing.T, cursor, process string, number int) string {
	t.Helper()
	envelope, err := itsm.Event{
		Process: process, Number: number, Time: noon, Type: "step.failed", Actor: itsm.Person("raj"), Comment: "why",
		Data: []byte(`{"step":"migration.2"}`),
	}.CloudEvent()
	require.NoError(t, err)
	return fmt.Sprintf("id: %s\nevent: step.failed\ndata: {\"id\": %q, \"data\": %s}\n\n", cursor, envelope.ID, envelope.Data)
}

// broken gives the shell a server whose streams have the given texts, each cut
// off at its end. The run is interrupted when there is no other.
func broken(t *testing.T, s *shell, texts ...string) (asked *[]string) {
	t.Helper()
	var mutex sync.Mutex
	var interrupt context.CancelFunc
	s.ctx, interrupt = context.WithCancel(t.Context())
	asked = new([]string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		*asked = append(*asked, strings.TrimSuffix(r.URL.RawQuery+" "+r.Header.Get("Last-Event-ID"), " "))
		if len(texts) == 0 {
			interrupt()
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, texts[0])
		texts = texts[1:]
	}))
	t.Cleanup(server.Close)
	s.vars["STEWARD_URL"] = server.URL
	return asked
}

func TestFollowGoesOnAfterABreakWithoutRepetition(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	cut := frameOf(t, "0.3", "CHG-2", 1)
	asked := broken(t, s,
		"retry: 1\nid: 0.1\n\n"+frameOf(t, "0.2", "CHG-1", 7)+cut[:len(cut)-1],
		": still here\nid: 0.2\n\n"+cut+": still here\nid: 0.9\n\n")
	got := s.run("events", "--follow", "--kind", "transition", "--type", "step.failed")
	assert.Equal(t, exitDone, got.code, got.errOut)
	assert.Equal(t, ""+
		"2026-11-30 13:00:00 CET  CHG-1/7       step.failed               person:raj  step=migration.2 “why”\n"+
		"2026-11-30 13:00:00 CET  CHG-2/1       step.failed               person:raj  step=migration.2 “why”\n", got.out)
	const filter = "kind=transition&type=step.failed"
	assert.Equal(t, []string{filter, filter + " 0.2", filter + " 0.9"}, *asked)
}

func TestFollowOfAProcessBeginsWithWhatThereIs(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	asked := broken(t, s, "retry: 1\n\n"+frameOf(t, "0.2", "CHG-1", 7)+frameOf(t, "0.3", "CHG-1", 8))
	got := s.run("events", "CHG-1", "--follow", "--after", "7", "-o", "json")
	assert.Equal(t, exitDone, got.code, got.errOut)
	assert.Equal(t, 1, strings.Count(got.out, "\n"), "one line for each event")
	assert.JSONEq(t, `{"process": "CHG-1", "number": 8, "time": "2026-11-30T12:00:00Z", "type": "step.failed",
		"actor": {"kind": "person", "name": "raj"}, "comment": "why", "data": {"step": "migration.2"}}`, got.out)
	assert.Equal(t, "from=start&process=CHG-1", (*asked)[0])
}

func TestFollowThatIsRefusedEnds(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("GET /v1/events", 403, problem(403, itsm.CodeForbidden, "not for you"))
	got := s.run("events", "--follow")
	assert.Equal(t, exitRefused, got.code)
	assert.Contains(t, got.errOut, "not for you")
}

func TestFollowEndsAtWhatItCannotRead(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	asked := broken(t, s, "data: {\"half\n\n")
	got := s.run("events", "--follow")
	assert.Equal(t, exitUnavailable, got.code)
	assert.Len(t, *asked, 1)
}

func TestEventsOfAllProcessesAreOnlyFollowed(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"events", "events --kind approval", "events APR-1 --type step.failed", "events APR-1 --from-start", "events --follow --after 3"} {
		assert.Equal(t, exitUsage, newShell(t).run(strings.Fields(line)...).code, line)
	}
}
