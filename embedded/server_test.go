//go:build !noembed

package embedded_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/embedded"
)

const queue = "test"

// approve waits for one decision, then for a deadline, and tells the decision
// and how late the deadline was noticed.
func approve(ctx workflow.Context, grace time.Duration) (outcome, error) {
	decision := ""
	err := workflow.SetUpdateHandler(ctx, "decide", func(_ workflow.Context, d string) (string, error) {
		decision = d
		return "heard " + d, nil
	})
	if err != nil {
		return outcome{}, err
	}
	if err := workflow.Await(ctx, func() bool { return decision != "" }); err != nil {
		return outcome{}, err
	}
	due := workflow.Now(ctx).Add(grace)
	if err := workflow.Sleep(ctx, grace); err != nil {
		return outcome{}, err
	}
	return outcome{Decision: decision, Late: workflow.Now(ctx).Sub(due)}, nil
}

type outcome struct {
	Decision string
	Late     time.Duration
}

func TestWorkflowsSurviveARestartQuietly(t *testing.T) {
	t.Parallel()
	var log logBuffer
	dir := filepath.Join(t.TempDir(), "data #1, 100%?")
	require.NoError(t, os.Mkdir(dir, 0o700))
	// What a kill in the middle of the first start leaves behind.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "temporal.db"), nil, 0o600))
	options := embedded.Options{Dir: dir, Logger: log.logger()}

	began := time.Now()
	first, err := embedded.Start(t.Context(), options)
	require.NoError(t, err)
	t.Logf("ready after %s", time.Since(began))
	c := dial(t, first)
	_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "APR-1", TaskQueue: queue}, approve, time.Second)
	require.NoError(t, err)
	c.Close()
	require.NoError(t, first.Stop())
	require.NoError(t, first.Stop(), "stopping twice is no fault")

	options.Retention = 90 * 24 * time.Hour
	second, err := embedded.Start(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, second.Stop()) })
	c = dial(t, second)
	t.Cleanup(c.Close)
	runWorker(t, c)
	handle, err := c.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: "APR-1", UpdateName: "decide", Args: []any{"approve"}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	require.NoError(t, err)
	var answer string
	require.NoError(t, handle.Get(t.Context(), &answer))
	assert.Equal(t, "heard approve", answer)
	var got outcome
	require.NoError(t, c.GetWorkflow(t.Context(), "APR-1", "").Get(t.Context(), &got))
	assert.Equal(t, "approve", got.Decision)
	assert.Less(t, got.Late, time.Second, "a deadline fires within a second of being due")
	assert.Equal(t, options.Retention, retention(t, c), "a longer retention applies to a folder that exists")
	assert.Empty(t, log.String(), "a healthy server says nothing")
}

func TestUpdateCanStartItsWorkflow(t *testing.T) {
	t.Parallel()
	server := startInMemory(t, embedded.Options{Namespace: "other"})
	c, err := client.DialContext(t.Context(), client.Options{HostPort: server.Address(), Namespace: "other", Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	assert.Equal(t, embedded.DefaultRetention, retention(t, c, "other"))
	runWorker(t, c)
	start := c.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
		ID: "APR-2", TaskQueue: queue, WorkflowIDConflictPolicy: 1,
	}, approve, time.Duration(0))
	handle, err := c.UpdateWithStartWorkflow(t.Context(), client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: start,
		UpdateOptions: client.UpdateWorkflowOptions{
			WorkflowID: "APR-2", UpdateName: "decide", Args: []any{"reject"}, WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	require.NoError(t, err)
	var answer string
	require.NoError(t, handle.Get(t.Context(), &answer))
	assert.Equal(t, "heard reject", answer)
}

func TestServersStartAtOnceOnOneMachine(t *testing.T) {
	t.Parallel()
	var group sync.WaitGroup
	addresses := make([]string, 2)
	for i := range addresses {
		group.Go(func() {
			server, err := embedded.Start(t.Context(), embedded.Options{Logger: slog.New(slog.DiscardHandler)})
			if assert.NoError(t, err) {
				addresses[i] = server.Address()
				assert.NoError(t, server.Stop())
			}
		})
	}
	group.Wait()
	assert.NotEqual(t, addresses[0], addresses[1])
}

func TestStartGivesUpWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	server, err := embedded.Start(ctx, embedded.Options{})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Nil(t, server)
}

func TestGivenPortIsUsedOrRefused(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	_, err = embedded.Start(t.Context(), embedded.Options{Port: listener.Addr().(*net.TCPAddr).Port})
	assert.ErrorContains(t, err, "address already in use")
}

func TestRetentionThatTemporalRefusesIsAnError(t *testing.T) {
	t.Parallel()
	_, err := embedded.Start(t.Context(), embedded.Options{Retention: time.Minute})
	assert.ErrorContains(t, err, "an hour or more")
}

func startInMemory(t *testing.T, o embedded.Options) *embedded.Server {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	server, err := embedded.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Stop()) })
	return server
}

func dial(t *testing.T, server *embedded.Server) client.Client {
	t.Helper()
	c, err := client.DialContext(t.Context(), client.Options{
		HostPort: server.Address(), Namespace: "steward", Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	return c
}

func runWorker(t *testing.T, c client.Client) {
	t.Helper()
	w := worker.New(c, queue, worker.Options{})
	w.RegisterWorkflow(approve)
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
}

func retention(t *testing.T, c client.Client, namespace ...string) time.Duration {
	t.Helper()
	name := append(namespace, "steward")[0]
	answer, err := c.WorkflowService().DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: name})
	require.NoError(t, err)
	return answer.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
}

// logBuffer is a log that many may write and a test may read.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

func (b *logBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
