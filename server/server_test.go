package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStoppingLetsRequestsFinish(t *testing.T) {
	t.Parallel()
	b := setup(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	b.engine.do = func(context.Context) { close(entered); <-leave }
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- b.Serve(ctx, listener) }()

	answered := make(chan int, 1)
	raj := b.person(t, "raj")
	go func() {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+listener.Addr().String()+"/v1/approvals", strings.NewReader(`{"flow": "purchase"}`))
		if !assert.NoError(t, err) {
			return
		}
		r.Header.Set("Content-Type", jsonMedia)
		raj(r)
		response, err := http.DefaultClient.Do(r)
		if !assert.NoError(t, err) {
			answered <- 0
			return
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		answered <- response.StatusCode
	}()
	<-entered
	stop()
	select {
	case err := <-stopped:
		t.Fatalf("stopped with a request in flight: %v", err)
	default:
	}
	close(leave)
	assert.Equal(t, http.StatusCreated, <-answered)
	require.NoError(t, <-stopped)
}

func TestHeadIsAnsweredWithoutABody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- b.Serve(ctx, listener) }()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, "http://"+listener.Addr().String()+healthPath, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, response.StatusCode)
	assert.Empty(t, body)
	assert.Positive(t, response.ContentLength)
	stop()
	require.NoError(t, <-stopped)
}
