package activities

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/notify"
	"github.com/steward-itsm/steward/workflows"
)

// paging is Acme with a chat room of olga's, and a mail server that is away. It
// gives the request to page olga.
func paging(t *testing.T, room http.HandlerFunc) (bundle, workflows.NotifyRequest) {
	t.Helper()
	server := httptest.NewServer(room)
	t.Cleanup(server.Close)
	b := setup(t, `{apiVersion: steward/v1, kind: Channel, metadata: {name: room}, spec: {webhook: "`+server.URL+`", for: [{person: olga}]}}`)
	b.Sender = sender(t, allChannels())
	at := utc(t, "2026-01-07 02:00")
	event := itsm.Event{
		Process: "INC-1", Number: 1, Time: at, Type: itsm.EventPageSent, Actor: itsm.System(), Data: json.RawMessage(`{"round": 1, "rung": 1}`),
		Tell: []itsm.Notice{{Event: 1, Type: itsm.EventPageSent, To: []string{"olga"}}},
	}
	view := itsm.View{ID: "INC-1", Kind: itsm.KindIncident, State: itsm.StateOpen, Requester: itsm.Person("alice"), Opened: at, LastEvent: 1, Detail: []byte(`{}`)}
	_, err := b.Store.Record(t.Context(), itsm.Record{Process: "INC-1", Events: []itsm.Event{event}, View: view, Snapshot: []byte(`{}`)})
	require.NoError(t, err)
	return b, workflows.NotifyRequest{Process: "INC-1", Summary: "P1: No payment", Events: []itsm.Event{event}}
}

// pages makes attempts at a page, each of which goes on from the one before.
type pages struct {
	t       *testing.T
	b       bundle
	request workflows.NotifyRequest
	reached [][]notify.Outcome
}

// again gives how long the next attempt is put off, and the result of each
// channel.
func (a *pages) again() (wait time.Duration, results map[string]string) {
	a.t.Helper()
	suite := testsuite.WorkflowTestSuite{}
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(a.b.Notify)
	if a.reached != nil {
		env.SetHeartbeatDetails(a.reached)
	}
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		var reached [][]notify.Outcome
		assert.NoError(a.t, details.Get(&reached))
		a.reached = reached
	})
	_, err := env.ExecuteActivity(a.b.Notify, a.request)
	var failure *temporal.ApplicationError
	if errors.As(err, &failure) {
		wait = failure.NextRetryDelay()
	} else {
		require.NoError(a.t, err)
	}
	results = map[string]string{}
	for _, outcome := range a.reached[0] {
		results[outcome.Channel] = outcome.Result
	}
	return wait, results
}

func TestPageWaitsForNoReceiverButItsOwn(t *testing.T) {
	t.Parallel()
	var posts atomic.Int32
	b, request := paging(t, func(w http.ResponseWriter, _ *http.Request) {
		if posts.Add(1) == 1 {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	page := pages{t: t, b: b, request: request}
	wait, results := page.again()
	assert.Equal(t, time.Second, wait, "the mail is not put off because the chat room is")
	assert.Equal(t, map[string]string{"log": "sent", "email": "failed", "webhook": "failed"}, results)

	wait, results = page.again()
	assert.Equal(t, time.Second, wait)
	assert.Equal(t, map[string]string{"log": "sent", "email": "failed", "webhook": "sent"}, results)

	taken := itsm.View{ID: "INC-1", Kind: itsm.KindIncident, State: itsm.StateOpen, Requester: itsm.Person("alice"), LastEvent: 2, Detail: []byte(`{"acknowledged": {"by": "bob"}}`)}
	_, err := b.Store.Record(t.Context(), itsm.Record{Process: "INC-1", View: taken, Snapshot: []byte(`{}`), Events: []itsm.Event{
		{Process: "INC-1", Number: 2, Time: request.Events[0].Time, Type: itsm.EventIncidentAcknowledged, Actor: itsm.Person("bob")},
	}})
	require.NoError(t, err)
	wait, results = page.again()
	assert.Zero(t, wait)
	assert.Equal(t, map[string]string{"log": "sent", "email": "skipped", "webhook": "sent"}, results, "bob has taken it on")
	assert.EqualValues(t, 2, posts.Load(), "the room is told once")
}

// The chat room answers once Temporal has heard of the attempt, which without
// signs of life would be made a second time beside the first.
func TestAttemptAtAPageShowsThatItIsAlive(t *testing.T) {
	t.Parallel()
	alive := make(chan struct{})
	heard := sync.OnceFunc(func() { close(alive) })
	b, request := paging(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then is it noticed when the sender hangs up
		select {
		case <-alive:
		case <-r.Context().Done():
		}
	})
	options := allChannels()
	options.SMTP = nil
	b.Sender = sender(t, options)

	suite := testsuite.WorkflowTestSuite{}
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterActivity(b.Notify)
	env.SetOnActivityHeartbeatListener(func(*activity.Info, converter.EncodedValues) { heard() })
	env.ExecuteWorkflow(func(ctx workflow.Context) (notified workflows.Notified, err error) {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			StartToCloseTimeout: time.Minute, HeartbeatTimeout: 2 * time.Second, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1},
		})
		err = workflow.ExecuteActivity(ctx, b.Notify, request).Get(ctx, &notified)
		return notified, err
	})
	require.NoError(t, env.GetWorkflowError())
	var notified workflows.Notified
	require.NoError(t, env.GetWorkflowResult(&notified))
	require.Len(t, notified.Sent, 1)
	var outcomes []notify.Outcome
	require.NoError(t, json.Unmarshal(notified.Sent[0].Outcomes, &outcomes))
	for _, outcome := range outcomes {
		assert.Equal(t, notify.ResultSent, outcome.Result, outcome.Channel)
	}
}

func TestPageWaitsForTheReceiverThatAsksForTheLeast(t *testing.T) {
	t.Parallel()
	failed := func(after time.Duration) notify.Outcome {
		return notify.Outcome{Result: notify.ResultFailed, Retry: true, RetryAfter: after}
	}
	sent := notify.Outcome{Result: notify.ResultSent}
	for name, c := range map[string]struct {
		outcomes []notify.Outcome
		attempt  int32
		want     time.Duration
	}{
		"at first":                      {[]notify.Outcome{sent, failed(0)}, 1, time.Second},
		"then longer":                   {[]notify.Outcome{failed(0)}, 4, 8 * time.Second},
		"never too long":                {[]notify.Outcome{failed(0)}, 1000, 30 * time.Second},
		"as the receiver asks":          {[]notify.Outcome{failed(20 * time.Second)}, 1, 20 * time.Second},
		"a receiver that asks too much": {[]notify.Outcome{failed(time.Hour)}, 1, 30 * time.Second},
		"another need not wait for it":  {[]notify.Outcome{failed(time.Hour), failed(0)}, 1, time.Second},
	} {
		assert.Equal(t, c.want, pageWait(c.outcomes, c.attempt), name)
	}
}
