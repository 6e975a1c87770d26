package notify

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/steward-itsm/steward/itsm"
)

// defaultTimeout bounds one attempt at one target.
const defaultTimeout = 10 * time.Second

// Options says which channels there are. The zero value has none.
type Options struct {
	Log           *slog.Logger  // nil: no log channel
	SMTP          *SMTPOptions  // nil: no e-mail
	WebhookSecret string        // "whsec_" and base64 of 24 to 64 bytes; "": no webhooks
	HTTPClient    *http.Client  // for webhooks; nil: a client of our own. Redirects are not followed with either
	PublicURL     string        // what relative links are below: https://steward.example.com
	Timeout       time.Duration // of one attempt at one target; 0: 10 s
}

// New sets up the channels without reaching for them. Its error is an
// *itsm.Error with every faulty option in Fields, named by its configuration
// key.
func New(o Options) (*Sender, error) {
	s := &Sender{channels: map[string]Channel{}, publicURL: o.PublicURL, timeout: o.Timeout}
	if s.timeout <= 0 {
		s.timeout = defaultTimeout
	}
	var faults faults
	if o.PublicURL != "" && !isWeb(o.PublicURL) {
		faults.add("publicUrl", "write an http or https URL, such as https://steward.example.com")
	}
	if o.Log != nil {
		s.add(&logbook{log: o.Log})
	}
	if o.WebhookSecret != "" {
		s.add(newWebhook(o.WebhookSecret, o.HTTPClient, &faults))
	}
	if o.SMTP != nil {
		s.add(newEmail(*o.SMTP, &faults))
	}
	if err := faults.err(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Sender) add(c Channel) { s.channels[c.Name()] = c }

// absolute makes a link that can be followed from a mail, or "" if it can't be.
func (s *Sender) absolute(link string) string {
	if strings.HasPrefix(link, "/") && s.publicURL != "" {
		link = strings.TrimRight(s.publicURL, "/") + link
	}
	if !isWeb(link) {
		return ""
	}
	return link
}

// isWeb tells whether raw is a full http or https URL. Other schemes would let
// a document make the worker read files or speak other protocols.
func isWeb(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

// The bounds on a secret are those of the Standard Webhooks specification.
const secretMin, secretMax = 24, 64

func checkSecret(secret string) error {
	encoded, ok := strings.CutPrefix(secret, "whsec_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(key) < secretMin || len(key) > secretMax {
		return fmt.Errorf("write whsec_ and %d to %d random bytes in base64", secretMin, secretMax)
	}
	return nil
}

// faults collects all that is wrong with the options.
type faults []itsm.FieldError

func (f *faults) add(field, message string) {
	*f = append(*f, itsm.FieldError{Field: field, Code: itsm.CodeInvalid, Message: message})
}

func (f *faults) err() error {
	if len(*f) == 0 {
		return nil
	}
	e := itsm.Errorf(itsm.CodeInvalid, "notifications can't be set up: %s: %s", (*f)[0].Field, (*f)[0].Message)
	e.Fields = *f
	return e
}
