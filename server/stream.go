package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
	"github.com/steward-itsm/steward/store"
)

const (
	eventsPath = "/v1/events"
	eventMedia = "text/event-stream"

	maxStreams   = 200 // at once on one server
	streamBatch  = 100
	streamRetry  = 2000 // milliseconds after which browsers come back
	heartbeat    = 15 * time.Second
	patienceEach = 10 * time.Second // for one part to reach the reader
)

// streams is what all streams of a server share. The times are fields for the
// tests.
type streams struct {
	slots     chan struct{} // one for each stream
	tide      *tide
	heartbeat time.Duration
	patience  time.Duration
}

func newStreams(db *store.Store) *streams {
	return &streams{
		slots: make(chan struct{}, maxStreams), tide: newTide(db.StreamEnd),
		heartbeat: heartbeat, patience: patienceEach,
	}
}

// StreamEvents begins a stream. What is wrong with the request is told before.
func (o operations) StreamEvents(ctx context.Context, r api.StreamEventsRequestObject) (api.StreamEventsResponseObject, error) {
	after, err := o.beginning(ctx, r.Params)
	if err != nil {
		return nil, err
	}
	f := &follower{Server: o.Server, ctx: ctx, after: after, filter: store.StreamFilter{
		Process: given(r.Params.Process), Kinds: given(r.Params.Kind), Types: typesOf(given(r.Params.Type)),
	}}
	if _, err := o.store.Stream(ctx, after, f.filter, 1); err != nil { // not a cursor, or no database
		return nil, err
	}
	select {
	case o.streams.slots <- struct{}{}:
		return f, nil
	default:
		return nil, itsm.Errorf(itsm.CodeUnavailable, "this server has %d streams, which is all it takes; try again, or close one", cap(o.streams.slots))
	}
}

// beginning is the cursor after which a stream begins. The header goes first:
// browsers send it when they come back to the URL with which they began.
func (o operations) beginning(ctx context.Context, p api.StreamEventsParams) (string, error) {
	for _, cursor := range []string{given(p.LastEventID), given(p.After)} {
		if cursor != "" {
			return cursor, nil
		}
	}
	if given(p.From) == "start" {
		return store.StreamStart, nil
	}
	return o.store.StreamEnd(ctx)
}

func typesOf(names []string) []itsm.EventType {
	types := make([]itsm.EventType, len(names))
	for i, name := range names {
		types[i] = itsm.EventType(name)
	}
	return types
}

// follower is one stream: it sends what is in the journal after a cursor, and
// goes on with what is added.
type follower struct {
	*Server
	ctx    context.Context // of the request, which ends with the stream
	after  string
	filter store.StreamFilter
}

// VisitStreamEventsResponse implements api.StreamEventsResponseObject. Whatever
// ends the stream, its reader comes back with the last ID it got; there is
// nobody to tell of an error once the answer has begun.
func (f *follower) VisitStreamEventsResponse(w http.ResponseWriter) error {
	defer func() { <-f.streams.slots }()
	defer f.streams.tide.join()()
	out := feed{w, http.NewResponseController(w), f.streams.patience}
	if out.open(f.after) != nil {
		return nil
	}
	beat := time.NewTicker(f.streams.heartbeat)
	defer beat.Stop()
	for {
		changed := f.streams.tide.next() // before reading, so that no change is missed
		if f.catchUp(out) != nil {
			return nil
		}
		select {
		case <-changed:
		case <-beat.C:
			if f.stillWelcome() != nil || out.beat(f.after) != nil {
				return nil
			}
		case <-f.stopping:
			return nil
		case <-f.ctx.Done():
			return nil
		}
	}
}

// catchUp sends all there is after the cursor. With the database away it sends
// nothing and waits for the next change. The error is that of the reader.
func (f *follower) catchUp(out feed) error {
	for f.ctx.Err() == nil && !f.isStopping() {
		page, err := f.store.Stream(f.ctx, f.after, f.filter, streamBatch)
		if err != nil || page.Next == f.after {
			return nil //nolint:nilerr // an outage; the next change or beat finds it over
		}
		if err := out.send(page.Events); err != nil {
			return err
		}
		f.after = page.Next
	}
	return nil
}

func (f *follower) isStopping() bool {
	select {
	case <-f.stopping:
		return true
	default:
		return false
	}
}

// stillWelcome looks again whether the caller's token works, because a stream
// may outlive it.
func (f *follower) stillWelcome() error {
	c, ok := f.ctx.(*gin.Context)
	if !ok {
		return nil
	}
	_, err := f.authenticate(c.Request)
	if itsm.ErrorCode(err).Class() == itsm.ClassUnauthenticated { // an outage is no reason
		return err
	}
	return nil
}

// feed writes server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
// A reader that does not take them in time is cut off: what it misses waits in
// the journal and not in memory.
type feed struct {
	w        io.Writer
	control  *http.ResponseController
	patience time.Duration
}

// open sends the head of the answer, and from where on the stream is, so that
// a reader can come back even before the first event.
func (f feed) open(after string) error {
	header := f.w.(http.ResponseWriter).Header()
	header.Set("Content-Type", eventMedia)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would keep events back
	_ = f.control.SetReadDeadline(time.Time{})
	return f.write(fmt.Sprintf("retry: %d\nid: %s\n\n", streamRetry, after))
}

// beat shows that the stream lives, and how far it is where no event passed the
// filter. An ID without data is no event.
func (f feed) beat(after string) error { return f.write(": still here\nid: " + after + "\n\n") }

func (f feed) send(events []store.StreamEvent) error {
	var text strings.Builder
	for _, e := range events {
		envelope, err := e.Event.CloudEvent()
		if err != nil {
			return err
		}
		data, err := json.Marshal(envelope)
		if err != nil {
			return fmt.Errorf("writing event %s: %w", envelope.ID, err)
		}
		fmt.Fprintf(&text, "id: %s\nevent: %s\ndata: %s\n\n", e.Cursor, e.Event.Type, data)
	}
	if text.Len() == 0 {
		return nil
	}
	return f.write(text.String())
}

// write sets its own deadline, in place of the one for whole answers.
func (f feed) write(text string) error {
	_ = f.control.SetWriteDeadline(time.Now().Add(f.patience)) // of the connection, not of the domain
	if _, err := io.WriteString(f.w, text); err != nil {
		return err
	}
	return f.control.Flush()
}
