package notify

import (
	"context"
	"errors"
	"net/http"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/steward-itsm/steward/itsm"
)

// webhook is the channel of those URLs that Channel documents name.
//
// A URL is the word of whoever may apply Channel documents, and it may name a
// host inside the network on purpose; see Poster for what is done about it.
type webhook struct {
	secret string
	poster *Poster
}

func newWebhook(secret string, client *http.Client, faults *faults) *webhook {
	_, err := standardwebhooks.NewWebhook(secret)
	if err = errors.Join(err, checkSecret(secret)); err != nil {
		// Not the error's own text: it may quote the secret.
		faults.add("notify.webhookSecret", checkSecret("").Error())
	}
	return &webhook{secret: secret, poster: NewPoster(client)}
}

func (*webhook) Name() string { return ChannelWebhook }

func (w *webhook) Send(ctx context.Context, m Message, to Target) error {
	return w.poster.Post(ctx, to.URL, w.secret, eventOf(m))
}

func eventOf(m Message) itsm.CloudEvent {
	e := itsm.NewCloudEvent(m.ID, m.Process, itsm.EventType(m.Kind), m.Time, m.Data)
	e.Title, e.Link = oneLine(m.Title), m.Link
	return e
}
