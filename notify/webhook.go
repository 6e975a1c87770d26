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
)

const (
	// maxAnswer is how many bytes of an answer are read, only to keep the
	// connection usable. They are not shown to anyone.
	maxAnswer = 64 << 10
	// maxRetryAfter keeps a receiver from putting itself off for ever.
	maxRetryAfter = time.Hour
)

// webhook posts CloudEvents 1.0 (structured mode), signed by the Standard
// Webhooks scheme: https://www.standardwebhooks.com.
//
// A URL is the word of whoever may apply Channel documents, and it may name a
// host inside the network on purpose. So that it can't be used to look around
// there, only http and https are spoken, redirects are not followed, and
// nothing of an answer but its status is shown. Which hosts a worker may reach
// at all is for the network to say.
type webhook struct {
	signer *standardwebhooks.Webhook
	client *http.Client
}

func newWebhook(secret string, client *http.Client, faults *faults) *webhook {
	signer, err := standardwebhooks.NewWebhook(secret)
	if err = errors.Join(err, checkSecret(secret)); err != nil {
		// Not the error's own text: it may quote the secret.
		faults.add("notify.webhookSecret", checkSecret("").Error())
	}
	var own http.Client
	if client != nil {
		own = *client
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &webhook{signer: signer, client: &own}
}

func (*webhook) Name() string { return ChannelWebhook }

func (w *webhook) Send(ctx context.Context, m Message, to Target) error {
	request, err := w.request(ctx, m, to.URL, time.Now())
	if err != nil {
		return Permanent(err)
	}
	answer, err := w.client.Do(request)
	if err != nil {
		return withoutURL(err)
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer)
	return judge(answer, time.Now())
}

// request is signed with the time of the attempt, as the scheme asks, and
// keeps the message's ID over all attempts.
func (w *webhook) request(ctx context.Context, m Message, to string, now time.Time) (*http.Request, error) {
	if !isWeb(to) {
		return nil, errors.New("the webhook's URL is not a full http or https URL; correct the Channel")
	}
	body, err := json.Marshal(eventOf(m))
	if err != nil {
		return nil, fmt.Errorf("writing the event: %w", err)
	}
	signature, err := w.signer.Sign(m.ID, now, body)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return nil, withoutURL(err)
	}
	request.Header.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	request.Header.Set("User-Agent", "Steward")
	request.Header.Set(standardwebhooks.HeaderWebhookID, m.ID)
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return request, nil
}

// cloudEvent is the envelope of the CloudEvents 1.0 JSON format. Title and
// link are extension attributes: the sentence for people, and where to look.
type cloudEvent struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject"`
	Time            time.Time       `json:"time"`
	Title           string          `json:"title,omitempty"`
	Link            string          `json:"link,omitempty"`
	DataContentType string          `json:"datacontenttype,omitempty"`
	Data            json.RawMessage `json:"data,omitempty"`
}

func eventOf(m Message) cloudEvent {
	e := cloudEvent{
		SpecVersion: "1.0",
		ID:          m.ID,
		Source:      "/processes/" + m.Process,
		Type:        "itsm.steward." + m.Kind,
		Subject:     m.Process,
		Time:        m.Time.UTC(),
		Title:       oneLine(m.Title),
		Link:        m.Link,
		Data:        m.Data,
	}
	if len(m.Data) > 0 {
		e.DataContentType = "application/json"
	}
	return e
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
		return Permanent(fmt.Errorf("%w; redirects are not followed, correct the Channel's URL", err))
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
