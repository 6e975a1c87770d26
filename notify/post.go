package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/steward-itsm/steward/itsm"
)

const (
	// maxAnswer is how many bytes of an answer are read, only to keep the
	// connection usable. They are not shown to anyone.
	maxAnswer = 64 << 10
	// maxRetryAfter keeps a receiver from putting itself off for ever.
	maxRetryAfter = time.Hour
)

// Poster posts CloudEvents 1.0 (structured mode), signed by the Standard
// Webhooks scheme: https://www.standardwebhooks.com.
//
// So that a URL can't be used to look around inside the network, only http and
// https are spoken, redirects are not followed, and nothing of an answer but
// its status is shown. Which hosts may be reached at all is for the network to
// say.
type Poster struct{ client *http.Client }

// NewPoster makes a Poster. A nil client is one of our own; redirects are not
// followed with either.
func NewPoster(client *http.Client) *Poster {
	var own http.Client
	if client != nil {
		own = *client
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Poster{&own}
}

// Post makes one attempt and returns before ctx ends. The secret is "whsec_"
// and base64. IsPermanent, IsGone and Wait say what an error means; none tells
// a secret.
func (p *Poster) Post(ctx context.Context, to, secret string, e itsm.CloudEvent) error {
	request, err := requestOf(ctx, to, secret, e, time.Now())
	if err != nil {
		return Permanent(err)
	}
	answer, err := p.client.Do(request)
	if err != nil {
		return withoutURL(err)
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer)
	return judge(answer, time.Now())
}

// requestOf is signed with the time of the attempt, as the scheme asks, and keeps
// the event's ID over all attempts.
func requestOf(ctx context.Context, to, secret string, e itsm.CloudEvent, now time.Time) (*http.Request, error) {
	if !isWeb(to) {
		return nil, errors.New("the webhook's URL is not a full http or https URL; correct it")
	}
	body, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("writing the event: %w", err)
	}
	signature, err := sign(secret, e.ID, now, body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return nil, withoutURL(err)
	}
	request.Header.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	request.Header.Set("User-Agent", "Steward")
	request.Header.Set(standardwebhooks.HeaderWebhookID, e.ID)
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return request, nil
}

func sign(secret, id string, now time.Time, body []byte) (string, error) {
	signer, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return "", errors.New("signing: the secret is not whsec_ and base64") // the error's own text may quote it
	}
	return signer.Sign(id, now, body)
}

// judge tells what an answer means for a retry.
func judge(answer *http.Response, now time.Time) error {
	code := answer.StatusCode
	if code >= 200 && code < 300 {
		return nil
	}
	err := fmt.Errorf("the receiver answered %d %s", code, http.StatusText(code))
	switch {
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		return RetryAfter(err, AskedToWait(answer.Header.Get("Retry-After"), now))
	case code >= 300 && code < 400:
		return Permanent(fmt.Errorf("%w; redirects are not followed, correct the URL", err))
	case code == http.StatusGone:
		return &failure{err: err, permanent: true, gone: true}
	}
	return Permanent(err)
}

// AskedToWait reads a Retry-After header (RFC 9110, 10.2.3), which has seconds
// or a date: from nothing, also where it can't be read, to an hour.
func AskedToWait(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 64); err == nil {
		return time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	}
	date, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return min(max(date.Sub(now), 0), maxRetryAfter)
}

// withoutURL drops the URL that net/http puts into its errors, which may hold
// a secret in its query.
func withoutURL(err error) error {
	var quoted *url.Error
	if errors.As(err, &quoted) {
		err = quoted.Err
	}
	return fmt.Errorf("posting: %w", err)
}
