package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// visitor is somebody who asks one server: in dev by name, elsewhere by token.
type visitor struct{ url, as, token string }

// reply is an answer over HTTP.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) ok() bool { return r.status >= 200 && r.status < 300 }

// lost says that the fate of the request is unknown or put off, so that it
// must be sent again under the same key.
func (r reply) lost() bool { return r.status == 0 || r.status >= 500 }

func (r reply) into(t require.TestingT, v any) {
	require.NoError(t, json.Unmarshal(r.body, v), "%s", r.body)
}

// code is the one of the problem that the reply tells of.
func (r reply) code() string {
	var problem struct{ Code string }
	_ = json.Unmarshal(r.body, &problem) // what is no problem has no code
	return problem.Code
}

// send sends one request; a status of 0 means that no answer came. A body that
// is a []byte goes as it is, any other as JSON.
func (v visitor) send(method, path, key string, body any) reply {
	return v.sendAs("application/json", method, path, key, body)
}

func (v visitor) sendAs(media, method, path, key string, body any) reply {
	raw, isRaw := body.([]byte)
	if !isRaw {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return reply{status: 499, body: []byte(err.Error())}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, v.url+path, bytes.NewReader(raw))
	if err != nil {
		return reply{status: 499, body: []byte(err.Error())}
	}
	v.identify(request, media, key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return reply{body: []byte(err.Error())}
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return reply{body: []byte(err.Error())}
	}
	return reply{status: response.StatusCode, header: response.Header, body: text}
}

func (v visitor) identify(request *http.Request, media, key string) {
	for name, value := range map[string]string{"Content-Type": media, "Steward-As": v.as, "Idempotency-Key": key} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	if v.token != "" {
		request.Header.Set("Authorization", "Bearer "+v.token)
	}
}

// insist sends a request until its fate is known, as an integration does that
// retries blindly under one key.
func (v visitor) insist(method, path, key string, body any) reply {
	deadline := time.Now().Add(2 * time.Minute)
	for {
		r := v.send(method, path, key, body)
		if !r.lost() || time.Now().After(deadline) {
			return r
		}
		pause(20 * time.Millisecond)
	}
}

// pause comes between tries. It waits for nothing: the next try tells.
func pause(d time.Duration) { <-time.After(d) }

// get reads one thing.
func (v visitor) get(t *testing.T, path string, into any) {
	t.Helper()
	r := v.insist(http.MethodGet, path, "", nil)
	require.True(t, r.ok(), "%s: %d %s", path, r.status, r.body)
	r.into(t, into)
}

// apply applies definitions, given as YAML.
func (v visitor) apply(t *testing.T, yaml string) {
	t.Helper()
	r := v.sendAs("application/yaml", http.MethodPost, "/v1/definitions", "", []byte(yaml))
	require.Equal(t, http.StatusOK, r.status, "%s", r.body)
}
