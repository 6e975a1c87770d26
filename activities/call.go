package activities

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/notify"
	"github.com/steward-itsm/steward/workflows"
)

// callRetry is the type of the error of an attempt that may be made again. Its
// details, and those of the last heartbeat, are the itsm.CallOutcome that holds
// if none is made any more.
const callRetry = "call.retry"

// Call makes one attempt at sending the HTTP request of a step. One that fails
// for a moment is made again by Temporal's retries, under the same idempotency
// key, no sooner than the called system asks for. What can't be sent at all
// blocks the step.
//
// Nothing that it gives, records or logs has a secret of a header, or the
// callback's URL.
func (a *Activities) Call(ctx context.Context, request workflows.CallRequest) (itsm.CallOutcome, error) {
	before, err := earlierAttempts(ctx)
	if err != nil {
		return itsm.CallOutcome{}, err
	}
	out, err := a.prepareCall(ctx, request)
	if err != nil {
		problem, err := problemOf(err)
		activity.RecordHeartbeat(ctx, before) // nothing was sent
		return before.blocked(problem), err
	}
	answer := a.attempt(ctx, out, before)
	activity.RecordHeartbeat(ctx, answer.CallOutcome)
	if !answer.again {
		return answer.CallOutcome, nil
	}
	a.Log.Warn("a call did not get through; it is tried again",
		"process", request.Process, "step", request.Step, "attempt", answer.Attempts, "error", answer.Reason)
	return itsm.CallOutcome{}, temporal.NewApplicationErrorWithOptions(answer.Reason, callRetry, temporal.ApplicationErrorOptions{
		NextRetryDelay: answer.wait,
		Category:       temporal.ApplicationErrorCategoryBenign, // it is told already
		Details:        []any{answer.CallOutcome},
	})
}

// attempts is what is known of the attempts so far: an outcome that holds if
// there are no more.
type attempts struct{ itsm.CallOutcome }

// earlierAttempts reads what those before this one left. Each says that it may
// reach the other system before it can; of one that left nothing that is not
// known.
func earlierAttempts(ctx context.Context) (attempts, error) {
	before := attempts{itsm.CallOutcome{Result: itsm.CallFailed, Attempts: int(activity.GetInfo(ctx).Attempt) - 1}}
	before.Reached = before.Attempts > 0
	if !activity.HasHeartbeatDetails(ctx) {
		return before, nil
	}
	var left itsm.CallOutcome
	if err := activity.GetHeartbeatDetails(ctx, &left); err != nil {
		return before, fmt.Errorf("reading what an earlier attempt came to: %w", err)
	}
	before.Reached, before.Reason = left.Reached, left.Reason
	return before, nil
}

func (b attempts) blocked(problem string) itsm.CallOutcome {
	return itsm.CallOutcome{Result: itsm.CallBlocked, Reason: problem, Reached: b.Reached, Attempts: b.Attempts}
}

// answered is how one attempt ended.
type answered struct {
	itsm.CallOutcome
	again bool          // it may get through if it is made again
	wait  time.Duration // how long the called system asked to wait before that; 0: it did not say
}

// attempt sends the request once and judges the answer.
func (a *Activities) attempt(ctx context.Context, out *outgoing, before attempts) answered {
	underWay := before.CallOutcome
	underWay.Attempts++
	lost := underWay
	lost.Reached, lost.Reason = true, out.name+" was under way when its worker was lost"
	stop := keepTelling(ctx, lost)
	response, sent, err := a.send(ctx, out)
	var got answered
	if err != nil {
		got = answered{CallOutcome: underWay, again: true}
		got.Reached, got.Reason = before.Reached || sent, err.Error()
	} else {
		got = judge(out, response, underWay)
	}
	stop()
	got.Reason = out.redact(got.Reason)
	return got
}

// telling is how often Temporal is told that a request is under way, so that a
// lost worker is noticed long before a slow answer would be.
const telling = 5 * time.Second

// keepTelling tells Temporal what holds if the worker is lost now, until it is
// stopped.
func keepTelling(ctx context.Context, lost itsm.CallOutcome) (stop func()) {
	activity.RecordHeartbeat(ctx, lost)
	done := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		ticker := time.NewTicker(telling)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				activity.RecordHeartbeat(ctx, lost)
			case <-done:
				return
			}
		}
	})
	return func() {
		close(done)
		ended.Wait()
	}
}

// reply is an answer of which all is read that will be.
type reply struct {
	status int
	header http.Header
	body   []byte // at most a little more than bodyAtMost
	whole  bool   // nothing of it is missing
}

// send sends the request and reads the answer. sent tells, also with an error,
// whether the request may have reached the other system.
func (a *Activities) send(ctx context.Context, out *outgoing) (answer reply, sent bool, err error) {
	timeout := withinAttempt(ctx, out.timeout)
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var wrote atomic.Bool
	traced := httptrace.WithClientTrace(limited, &httptrace.ClientTrace{WroteHeaders: func() { wrote.Store(true) }})
	client := http.Client{
		Transport:     a.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(out.request.WithContext(traced))
	if err != nil {
		return reply{}, wrote.Load(), sendFailure(limited, out.name, timeout, err)
	}
	defer func() { _ = response.Body.Close() }()
	answer = reply{status: response.StatusCode, header: response.Header}
	answer.body, answer.whole = readBody(response.Body, bodyAtMost+out.longestSecret())
	return answer, true, nil
}

// aMoment is what an attempt keeps to tell how it ended, before Temporal gives
// it up.
const aMoment = time.Second

// withinAttempt bounds a time-out by what Temporal gives the attempt.
func withinAttempt(ctx context.Context, timeout time.Duration) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return max(min(timeout, time.Until(deadline)-aMoment), 0)
	}
	return timeout
}

// sendFailure says why there is no answer. The text that net/http makes has the
// URL twice.
func sendFailure(ctx context.Context, name string, timeout time.Duration, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%s got no answer within %s", name, timeout.Round(time.Second))
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s was broken off", name)
	}
	var quoted *url.Error
	if errors.As(err, &quoted) {
		err = quoted.Err
	}
	return fmt.Errorf("%s got no answer: %w", name, err)
}

// judge tells what an answer means.
func judge(out *outgoing, got reply, underWay itsm.CallOutcome) answered {
	outcome := underWay
	outcome.Status, outcome.Body = got.status, out.bodyOf(got)
	said := fmt.Sprintf("%s answered %d %s", out.name, got.status, http.StatusText(got.status))
	switch code := got.status; {
	case code >= 200 && code < 300:
		outcome.Result, outcome.Reached, outcome.Reason = itsm.CallSucceeded, true, ""
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		outcome.Reached = outcome.Reached || code >= 500
		outcome.Reason = said + out.excerpt(got)
		return answered{outcome, true, notify.AskedToWait(got.header.Get("Retry-After"), time.Now())}
	case code >= 300 && code < 400:
		outcome.Reached = true // some systems do what they are asked and then point elsewhere
		outcome.Reason = said + "; redirects are not followed, correct the URL in the model"
	default:
		outcome.Reason = said + out.excerpt(got) + "; it refused the request, see why and correct the model or what was given"
	}
	return answered{CallOutcome: outcome}
}
