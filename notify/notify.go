// Package notify tells people and systems what happened, over channels: the
// log, e-mail and webhooks. It makes one attempt at a time and says exactly
// what became of it, target by target, so that its caller retries only what is
// left.
//
// What does not belong here: who is to be told and when (the rules of a
// process), how often to try again (the caller, a Temporal activity), and
// where outcomes are recorded (the journal).
package notify

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"
)

// Message is what is to be told. It is the same for every target.
type Message struct {
	ID      string          `json:"id"` // "<process>/<event number>": the key by which receivers recognise a repetition
	Process string          `json:"process"`
	Event   int             `json:"event"`
	Kind    string          `json:"kind"` // what happened: stage.opened, stage.reminded, approval.closed …
	Title   string          `json:"title"`
	Text    string          `json:"text"`
	Link    string          `json:"link,omitempty"` // a page, absolute or below the public URL; a GET there never decides
	Data    json.RawMessage `json:"data,omitempty"` // the event
	Time    time.Time       `json:"time"`           // when it happened
}

// Recipient is a person to be told.
type Recipient struct {
	Person   string `json:"person"` // the name of the Person document
	Name     string `json:"name,omitempty"`
	Email    string `json:"email,omitempty"`
	Timezone string `json:"timezone,omitempty"` // IANA name; UTC where it is empty or unknown
}

// The names of the channels.
const (
	ChannelLog     = "log"
	ChannelEmail   = "email"
	ChannelWebhook = "webhook"
)

// Target is one recipient on one channel.
type Target struct {
	Channel string    `json:"channel"`
	Person  Recipient `json:"person,omitzero"` // of log and e-mail
	Name    string    `json:"name,omitempty"`  // of the Channel document, where one leads there
	URL     string    `json:"url,omitempty"`   // of a webhook; may hold secrets, so it is never shown in full
}

// ToLog is a target that writes to the log that person would have been told.
func ToLog(person Recipient) Target { return Target{Channel: ChannelLog, Person: person} }

// ToEmail is a target that sends a mail to person.
func ToEmail(person Recipient) Target { return Target{Channel: ChannelEmail, Person: person} }

// ToWebhook is a target that posts to url, on behalf of the named Channel.
func ToWebhook(name, url string) Target {
	return Target{Channel: ChannelWebhook, Name: name, URL: url}
}

// What became of an attempt.
const (
	ResultSent    = "sent"    // the channel took responsibility for it
	ResultFailed  = "failed"  // Detail says why, Retry whether another attempt may help
	ResultSkipped = "skipped" // nothing was tried; Detail says what is missing
)

// Outcome is what became of one target. It is fit for the journal: no secret
// is in it.
type Outcome struct {
	Recipient  string        `json:"recipient"` // a person, or the name of a webhook's Channel
	Channel    string        `json:"channel"`
	Address    string        `json:"address,omitempty"` // a mail address, or a URL without credentials and query
	Result     string        `json:"result"`
	Detail     string        `json:"detail,omitempty"`
	Attempts   int           `json:"attempts"`
	Retry      bool          `json:"retry,omitempty"`      // failed, but it may pass
	RetryAfter time.Duration `json:"retryAfter,omitempty"` // nanoseconds that the receiver asked to wait; 0: none
}

// Retry tells whether any outcome asks for another attempt, and the longest
// wait that a receiver asked for before it.
func Retry(outcomes []Outcome) (after time.Duration, again bool) {
	for _, o := range outcomes {
		again = again || o.Retry
		after = max(after, o.RetryAfter)
	}
	return after, again
}

// Channel is one way to reach a target. Send makes one attempt and returns
// before ctx ends. An error may pass unless it is Permanent; RetryAfter adds
// how long to wait.
type Channel interface {
	Name() string
	Send(ctx context.Context, m Message, to Target) error
}

// atOnce bounds how many targets of one message are tried at the same time.
const atOnce = 8

// Sender delivers messages. It holds no state between calls and is safe for
// concurrent use.
type Sender struct {
	channels  map[string]Channel
	publicURL string
	timeout   time.Duration
}

// Deliver makes one attempt over all targets, side by side, so that a target
// that hangs does not hold up the others. The outcomes are in the targets'
// order. It returns when ctx ends at the latest.
func (s *Sender) Deliver(ctx context.Context, m Message, to []Target) []Outcome {
	return s.Redeliver(ctx, m, to, nil)
}

// Redeliver makes one more attempt at what earlier, the outcomes of the same
// targets, left to retry. The others stay as they are.
func (s *Sender) Redeliver(ctx context.Context, m Message, to []Target, earlier []Outcome) []Outcome {
	m.Link = s.absolute(m.Link)
	outcomes := make([]Outcome, len(to))
	copy(outcomes, earlier)
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i, target := range to {
		if i < len(earlier) && !earlier[i].Retry {
			continue
		}
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			outcomes[i] = s.attempt(ctx, m, target, outcomes[i].Attempts)
		})
	}
	all.Wait()
	return outcomes
}

// Channels lists the names of the channels that are set up, in order.
func (s *Sender) Channels() []string {
	names := make([]string, 0, len(s.channels))
	for name := range s.channels {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (s *Sender) attempt(ctx context.Context, m Message, to Target, before int) Outcome {
	o := Outcome{Recipient: to.recipient(), Channel: to.Channel, Address: to.address(), Attempts: before}
	if reason := s.unreachable(to); reason != "" {
		o.Result, o.Detail = ResultSkipped, reason
		return o
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err := ctx.Err() // what is waited for in vain is not begun
	if err == nil {
		o.Attempts++
		err = s.channels[to.Channel].Send(ctx, m, to)
	}
	return o.after(err)
}

// unreachable says what is missing to try a target at all.
func (s *Sender) unreachable(to Target) string {
	_, there := s.channels[to.Channel]
	switch {
	case there && to.Channel == ChannelEmail && to.Person.Email == "":
		return "the person has no mail address; add spec.email to the Person"
	case there:
		return ""
	case to.Channel == ChannelEmail:
		return "no mail server is set up; set notify.smtp"
	case to.Channel == ChannelWebhook:
		return "webhooks are only sent signed; set notify.webhookSecret"
	}
	return "the channel is not set up"
}

func (o Outcome) after(err error) Outcome {
	if err == nil {
		o.Result = ResultSent
		return o
	}
	o.Result = ResultFailed
	o.Detail = Detail(err)
	o.Retry = !IsPermanent(err)
	o.RetryAfter = Wait(err)
	return o
}

func (t Target) recipient() string {
	if t.Channel == ChannelWebhook {
		return t.Name
	}
	return t.Person.Person
}

func (t Target) address() string {
	switch t.Channel {
	case ChannelEmail:
		return t.Person.Email
	case ChannelWebhook:
		return redact(t.URL)
	}
	return ""
}
