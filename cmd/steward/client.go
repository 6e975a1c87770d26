package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// apiClient speaks to a Steward server. Its answers go through answer or read,
// which turn whatever is not a success into an error.
type apiClient struct{ *api.ClientWithResponses }

// client connects to the server that flags and environment name. Nothing is
// sent yet.
func (e *env) client(cmd *cobra.Command) (*apiClient, error) {
	timeout, err := answerTimeout(cmd)
	if err != nil {
		return nil, err
	}
	return e.clientFor(cmd, timeout)
}

// clientFor makes a client that waits so long for a whole answer; 0: for ever.
func (e *env) clientFor(cmd *cobra.Command, timeout time.Duration) (*apiClient, error) {
	base := e.setting(cmd, "url", "STEWARD_URL", defaultURL)
	if u, err := url.Parse(base); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, usagef("the server's URL is %q; write it like %s", base, defaultURL)
	}
	doer := &retrying{base: base, pauses: e.pauses, slow: e.slow, http: &http.Client{
		Timeout: timeout,
		// A redirect would turn a command into a question.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	c, err := api.NewClientWithResponses(base, api.WithHTTPClient(doer), api.WithRequestEditorFn(e.identify(cmd)))
	if err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", base, err)
	}
	return &apiClient{c}, nil
}

// answerTimeout is the longest wait for one answer. A command that waits for more
// than one has a --timeout of its own for all of them.
func answerTimeout(cmd *cobra.Command) (time.Duration, error) {
	if cmd.Flag("timeout") != cmd.InheritedFlags().Lookup("timeout") {
		return defaultTimeout, nil
	}
	timeout, err := cmd.Flags().GetDuration("timeout")
	if err != nil || timeout <= 0 {
		return 0, usagef("--timeout must be longer than nothing, such as 35s")
	}
	return timeout, nil
}

// identify says in each request who asks.
func (e *env) identify(cmd *cobra.Command) api.RequestEditorFn {
	token, as := e.setting(cmd, "token", "STEWARD_TOKEN", ""), cmd.Flag("as").Value.String()
	if cmd.Flag("token").Changed {
		fmt.Fprintln(e.errOut, "steward: others on this machine can see a token on a command line; set STEWARD_TOKEN instead")
	}
	return func(_ context.Context, req *http.Request) error {
		req.Header.Set("User-Agent", "steward/"+buildOf().Version)
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		if as != "" {
			req.Header.Set("Steward-As", as)
		}
		return nil
	}
}

// history gives a process's workflow history in Temporal's own JSON.
func (c *apiClient) history(ctx context.Context, id string) ([]byte, error) {
	return read(c.GetHistoryWithResponse(ctx, id))
}

// apiReply is what a call of the API gave, whichever it was.
type apiReply interface {
	GetBody() []byte
	Status() string
	StatusCode() int
}

// answer reads what a call of the API gave.
//
// The error is a *refusal, or an *itsm.Error with CodeUnavailable.
func answer[T any](r apiReply, err error) (T, error) {
	var value T
	body, err := read(r, err)
	if err != nil {
		return value, err
	}
	if err := json.Unmarshal(body, &value); err != nil {
		return value, notSteward(r.Status())
	}
	return value, nil
}

// read gives the body of a success. Its errors are those of answer.
func read(r apiReply, err error) ([]byte, error) {
	switch {
	case isTold(err):
		return nil, err
	case err != nil:
		return nil, notSteward(err.Error())
	case r.StatusCode()/100 == 2:
		return r.GetBody(), nil
	}
	refused := &refusal{}
	if json.Unmarshal(r.GetBody(), &refused.Problem) != nil || refused.Code == "" {
		return nil, notSteward(r.Status())
	}
	refused.Status = r.StatusCode()
	return nil, refused
}

// isTold reports whether an error says already what went wrong. What the
// generated client itself can't read does not.
func isTold(err error) bool {
	var usage usageError
	var refused *refusal
	var known *itsm.Error
	return errors.As(err, &usage) || errors.As(err, &refused) || errors.As(err, &known)
}

// notSteward is the error for an answer that no Steward server gives: that of
// something in between, or of another server, or one that broke off.
func notSteward(what string) error {
	return itsm.Errorf(itsm.CodeUnavailable, "the answer (%s) is not how Steward answers; check --url or STEWARD_URL, and any proxy in between", what)
}

// unreachable is the error for no answer at all.
func unreachable(base string, err error) error {
	var passing *url.Error
	if errors.As(err, &passing) {
		err = passing.Err // without method and path, which say nothing here
	}
	if errors.Is(err, context.Canceled) {
		return itsm.Errorf(itsm.CodeUnavailable, "interrupted before %s answered", base)
	}
	if timedOut(err) {
		return itsm.Errorf(itsm.CodeUnavailable, "%s took longer than --timeout allows to answer", base)
	}
	return itsm.Errorf(itsm.CodeUnavailable, "no answer from %s (%v); check --url or STEWARD_URL, and that `steward dev` or `steward server` runs there",
		base, err)
}

// retrying sends a request again that got no answer or that came at a bad
// moment. Every command carries its idempotency key, so it counts once.
//
// Only what failed fast is worth it: a server or a proxy that took its time
// would take as much again, and keep a person waiting for minutes.
type retrying struct {
	base   string
	http   *http.Client
	pauses []time.Duration
	slow   time.Duration // a try that took this long is the last one
}

// Do implements api.HttpRequestDoer.
func (r *retrying) Do(req *http.Request) (*http.Response, error) {
	for _, pause := range r.pauses {
		begun := time.Now()
		resp, err := r.http.Do(req) //nolint:gosec // whoever runs the command names the server
		if time.Since(begun) >= r.slow || !passing(resp, err) {
			return r.told(resp, err)
		}
		if resp != nil {
			resp.Body.Close()
		}
		if err := r.ready(req, pause); err != nil {
			return r.told(nil, err)
		}
	}
	return r.told(r.http.Do(req)) //nolint:gosec // as above
}

// ready waits and rewinds the request's body.
func (r *retrying) ready(req *http.Request, pause time.Duration) error {
	if err := pauseFor(req.Context(), pause); err != nil {
		return err
	}
	if req.GetBody == nil {
		return nil
	}
	body, err := req.GetBody()
	req.Body = body
	return err
}

// pauseFor waits, unless ctx ends first.
func pauseFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (r *retrying) told(resp *http.Response, err error) (*http.Response, error) {
	if err != nil {
		return nil, unreachable(r.base, err)
	}
	return resp, nil
}

// passing reports whether another try may fare better.
func passing(resp *http.Response, err error) bool {
	if err == nil {
		return slices.Contains([]int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}, resp.StatusCode)
	}
	return !errors.Is(err, context.Canceled) && !timedOut(err)
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
