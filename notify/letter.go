package notify

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the templates
	"encoding/hex"
	"fmt"
	html "html/template"
	netmail "net/mail"
	"strings"
	text "text/template"
	"time"

	"github.com/wneessen/go-mail"
)

var (
	//go:embed templates/mail.txt
	plainSource string
	//go:embed templates/mail.html
	htmlSource string

	plainBody = text.Must(text.New("plain").Parse(plainSource))
	htmlBody  = html.Must(html.New("html").Parse(htmlSource))
)

// content is what the templates show.
type content struct {
	Name, Title, Text, Link, When, Process, ID string
}

// compose writes a mail as plain text and HTML. All that people wrote is
// treated as hostile: it can't add a header, a tag or a second subject.
func compose(m Message, from *netmail.Address, to Recipient, now time.Time) (*mail.Msg, error) {
	address, err := netmail.ParseAddress(to.Email)
	if err != nil {
		return nil, fmt.Errorf("the mail address of %s is not valid; correct spec.email of the Person", to.Person)
	}
	address.Name = oneLine(to.Name)

	letter := mail.NewMsg(mail.WithNoDefaultUserAgent())
	letter.FromMailAddress(from)
	letter.ToMailAddress(address)
	letter.Subject(clip(oneLine(m.Title), maxSubject))
	letter.SetDateWithValue(now)
	letter.SetMessageIDWithValue(messageID(m, to, from))
	letter.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office replies, please
	return letter, fill(letter, contentOf(m, to))
}

func contentOf(m Message, to Recipient) content {
	name := oneLine(to.Name)
	if name == "" {
		name = to.Person
	}
	return content{
		Name: name, Title: oneLine(m.Title), Text: strings.TrimSpace(lines(m.Text)), Link: m.Link,
		When: m.Time.In(zone(to.Timezone)).Format("Monday, 2 January 2006, 15:04 MST"), Process: m.Process, ID: m.ID,
	}
}

func fill(letter *mail.Msg, c content) error {
	var plain, rich bytes.Buffer
	if err := plainBody.Execute(&plain, c); err != nil {
		return fmt.Errorf("writing the mail's text: %w", err)
	}
	if err := htmlBody.Execute(&rich, c); err != nil {
		return fmt.Errorf("writing the mail's HTML: %w", err)
	}
	letter.SetBodyString(mail.TypeTextPlain, plain.String())
	letter.AddAlternativeString(mail.TypeTextHTML, rich.String())
	return nil
}

// messageID is the same for every attempt to tell the same person of the same
// event, so that mail servers and people recognise a duplicate.
func messageID(m Message, to Recipient, from *netmail.Address) string {
	sum := sha256.Sum256([]byte(m.ID + "\x00" + to.Person + "\x00" + to.Email))
	at := strings.LastIndex(from.Address, "@")
	return "steward." + hex.EncodeToString(sum[:16]) + from.Address[at:]
}

func zone(name string) *time.Location {
	location, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return location
}
