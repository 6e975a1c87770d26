package notify

import (
	"bytes"
	"context"
	"flag"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/internal/smtptest"
)

var update = flag.Bool("update", false, "write the golden mail anew")

var steward = netmail.Address{Name: "Steward", Address: "steward@acme.test"}

func mailer(t *testing.T, p *smtptest.Server, change func(*SMTPOptions)) *Sender {
	t.Helper()
	o := SMTPOptions{Address: p.Address, From: steward.String(), TLS: TLSNone, RootCAs: p.Roots}
	if change != nil {
		change(&o)
	}
	return sender(t, Options{SMTP: &o})
}

func mailTo(t *testing.T, s *Sender, to Recipient) Outcome {
	t.Helper()
	return s.Deliver(t.Context(), opened(), []Target{ToEmail(to)})[0]
}

func TestMailArrivesForAPersonWithAnyName(t *testing.T) {
	t.Parallel()
	p := smtptest.Open(t, nil)
	o := mailTo(t, mailer(t, p, nil), chen)
	assert.Equal(t, Outcome{Recipient: "chen", Channel: "email", Address: "chen@acme.test", Result: "sent", Attempts: 1}, o)

	require.Len(t, p.Received(), 1)
	got := p.Received()[0]
	assert.Contains(t, got.From, "<steward@acme.test>")
	assert.Contains(t, got.To, "<chen@acme.test>")
	header, plain, html := open(t, got.Data)
	to, err := header.AddressList("To")
	require.NoError(t, err)
	assert.Equal(t, []*netmail.Address{{Name: "陈晓", Address: "chen@acme.test"}}, to)
	assert.Equal(t, opened().Title, subject(t, header))
	assert.Equal(t, "auto-generated", header.Get("Auto-Submitted"))
	for _, body := range []string{plain, html} {
		assert.Contains(t, body, "陈晓")
		assert.Contains(t, body, "https://steward.acme.test/processes/APR-1")
		assert.Contains(t, body, "Opening the link decides nothing")
		assert.Contains(t, body, "16:30 CST", "the recipient's own time")
		assert.Contains(t, body, "Two of three approvers")
	}
}

func TestMailIsAsTheGoldenOne(t *testing.T) {
	t.Parallel()
	m := opened()
	m.Link = "https://steward.acme.test/processes/APR-1"
	letter, err := compose(m, &steward, chen, m.Time)
	require.NoError(t, err)
	letter.SetBoundary("golden")
	var got bytes.Buffer
	_, err = letter.WriteTo(&got)
	require.NoError(t, err)
	text := strings.ReplaceAll(got.String(), "\r\n", "\n")
	if *update {
		require.NoError(t, os.WriteFile("testdata/mail.eml", []byte(text), 0o600))
	}
	want, err := os.ReadFile("testdata/mail.eml")
	require.NoError(t, err)
	assert.Equal(t, string(want), text)
}

func TestDuplicateMailIsRecognisable(t *testing.T) {
	t.Parallel()
	id := func(m Message, to Recipient) string { return messageID(m, to, &steward) }
	other := opened()
	other.ID = "APR-1/3"
	first := id(opened(), chen)
	assert.Equal(t, first, id(opened(), chen))
	assert.NotEqual(t, id(opened(), chen), id(other, chen))
	assert.NotEqual(t, id(opened(), chen), id(opened(), Recipient{Person: "bob", Email: "bob@acme.test"}))
	assert.Regexp(t, `^[a-z0-9.]+@acme\.test$`, id(opened(), chen))
	odd := netmail.Address{Address: "odd@name@acme.test"}
	assert.Equal(t, id(opened(), chen), messageID(opened(), chen, &odd), "only the domain of the sender is used")
}

func TestHostileTextStaysText(t *testing.T) {
	t.Parallel()
	p := smtptest.Open(t, nil)
	m := opened()
	m.Title = "Buy\r\nBcc: eve@evil.test\r\n\r\n<script>alert(1)</script>\u202eexe"
	m.Text = "<img src=x onerror=alert(1)>\r\n.\r\nQUIT\r\n--golden--"
	m.Link = "javascript:alert(1)"
	to := Recipient{Person: "eve", Name: "\u202eEve\r\nCc: all@evil.test\"<x@y.test>", Email: "eve@acme.test", Timezone: "../../etc/passwd"}
	o := mailer(t, p, nil).Deliver(t.Context(), m, []Target{ToEmail(to)})[0]
	require.Equal(t, ResultSent, o.Result, o.Detail)

	require.Len(t, p.Received(), 1)
	header, plain, html := open(t, p.Received()[0].Data)
	assert.Empty(t, header.Get("Bcc"))
	assert.Empty(t, header.Get("Cc"))
	assert.Equal(t, "Buy Bcc: eve@evil.test <script>alert(1)</script>exe", subject(t, header))
	list, err := header.AddressList("To")
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.Equal(t, netmail.Address{Name: `Eve Cc: all@evil.test"<x@y.test>`, Address: "eve@acme.test"}, *list[0])
	assert.NotContains(t, html, "<script>")
	assert.NotContains(t, html, "<img")
	assert.NotContains(t, html+plain, "javascript:")
	assert.Contains(t, plain, "QUIT")
	assert.Contains(t, plain, "UTC")
}

func TestLongTextIsCutShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("晓", 5000)
	p := smtptest.Open(t, func(p *smtptest.Server) { p.Replies = map[string]string{"END": "550 " + long} })
	m := opened()
	m.Title = long
	o := mailer(t, p, nil).Deliver(t.Context(), m, []Target{ToEmail(chen)})[0]
	assert.Len(t, []rune(o.Detail), maxDetail)
	letter, err := compose(m, &steward, chen, m.Time)
	require.NoError(t, err)
	var wire bytes.Buffer
	_, err = letter.WriteTo(&wire)
	require.NoError(t, err)
	header, _, _ := open(t, wire.String())
	assert.Len(t, []rune(subject(t, header)), maxSubject)
}

func TestNoTextAddsAHeader(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := opened()
		m.Title = rapid.String().Draw(t, "title")
		to := chen
		to.Name = rapid.String().Draw(t, "name")
		letter, err := compose(m, &steward, to, m.Time)
		require.NoError(t, err)
		var wire bytes.Buffer
		_, err = letter.WriteTo(&wire)
		require.NoError(t, err)
		got, err := netmail.ReadMessage(&wire)
		require.NoError(t, err)
		for name := range got.Header {
			assert.Contains(t, []string{"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}, name)
		}
	})
}

func TestMailServersAnswerSaysWhetherToTryAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verb, reply string
		retry       bool
	}{
		"not now":              {"GREETING", "421 busy", true},
		"not for us":           {"GREETING", "554 no service for you", true},
		"sender refused":       {"MAIL", "550 5.7.1 no", false},
		"sender put off":       {"MAIL", "451 later", true},
		"nobody there":         {"RCPT", "550 5.1.1 no such user", false},
		"grey-listed":          {"RCPT", "450 4.2.0 come back", true},
		"mailbox full":         {"RCPT", "452 full", true},
		"no data":              {"DATA", "554 no", false},
		"content refused":      {"END", "554 5.6.0 spam", false},
		"content put off":      {"END", "451 4.3.0 later", true},
		"hangs up at greeting": {"GREETING", "", true},
		"hangs up in between":  {"RCPT", "", true},
		"hangs up at the end":  {"END", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := smtptest.Open(t, func(p *smtptest.Server) { p.Replies = map[string]string{c.verb: c.reply} })
			o := mailTo(t, mailer(t, p, nil), chen)
			assert.Equal(t, ResultFailed, o.Result)
			assert.Equal(t, c.retry, o.Retry, o.Detail)
			if code, _, _ := strings.Cut(c.reply, " "); code != "" {
				assert.Contains(t, o.Detail, code)
			}
		})
	}
}

func TestMailServerThatIsDownIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := sender(t, Options{SMTP: &SMTPOptions{Address: "127.0.0.1:1", From: steward.String()}})
	o := mailTo(t, s, chen)
	assert.Equal(t, ResultFailed, o.Result)
	assert.True(t, o.Retry)
}

func TestMailTakenByTheServerIsSentHoweverItSaysGoodbye(t *testing.T) {
	t.Parallel()
	for _, goodbye := range []string{"", "500 what?"} {
		p := smtptest.Open(t, func(p *smtptest.Server) {
			p.Replies = map[string]string{"QUIT": goodbye, "NOOP": "500 what?", "RSET": "500 what?"}
		})
		assert.Equal(t, ResultSent, mailTo(t, mailer(t, p, nil), chen).Result)
		assert.Len(t, p.Received(), 1)
	}
}

func TestMailIsEncryptedAsDemanded(t *testing.T) {
	t.Parallel()
	const user, password = "steward", "hunter2"
	for name, c := range map[string]struct {
		prepare func(*smtptest.Server)
		tls     string
		sent    bool
	}{
		"starttls":             {func(p *smtptest.Server) { p.StartTLS = true }, TLSStart, true},
		"starttls by default":  {func(p *smtptest.Server) { p.StartTLS = true }, "", true},
		"starttls not offered": {func(*smtptest.Server) {}, TLSStart, false},
		"implicit":             {func(p *smtptest.Server) { p.Implicit = true }, TLSImplicit, true},
		"implicit not spoken":  {func(*smtptest.Server) {}, TLSImplicit, false},
		"unknown certificate":  {func(p *smtptest.Server) { p.StartTLS = true; p.Roots = nil }, TLSStart, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := smtptest.Open(t, func(p *smtptest.Server) { p.Login = user + " " + password; c.prepare(p) })
			o := mailTo(t, mailer(t, p, func(o *SMTPOptions) { o.TLS, o.Username, o.Password = c.tls, user, password }), chen)
			if !c.sent {
				assert.Equal(t, ResultFailed, o.Result)
				assert.True(t, o.Retry, "the operator can mend it")
				assert.Empty(t, p.Received())
				return
			}
			require.Equal(t, ResultSent, o.Result, o.Detail)
			got := p.Received()[0]
			assert.True(t, got.Encrypted)
			assert.True(t, got.LoggedIn)
		})
	}
}

func TestWrongPasswordWaitsForTheOperatorAndIsNotShown(t *testing.T) {
	t.Parallel()
	p := smtptest.Open(t, func(p *smtptest.Server) { p.StartTLS, p.Login = true, "steward right" })
	o := mailTo(t, mailer(t, p, func(o *SMTPOptions) { o.TLS, o.Username, o.Password = TLSStart, "steward", "hunter2" }), chen)
	assert.Equal(t, ResultFailed, o.Result)
	assert.True(t, o.Retry)
	assert.Contains(t, o.Detail, "535")
	assert.NotContains(t, o.Detail, "hunter2")
}

func TestMalformedMailAddressFailsForGood(t *testing.T) {
	t.Parallel()
	p := smtptest.Open(t, nil)
	for _, address := range []string{"chen", "chen@acme.test\r\nRCPT TO:<eve@evil.test>", "a@b.test, c@d.test"} {
		o := mailTo(t, mailer(t, p, nil), Recipient{Person: "chen", Email: address})
		assert.Equal(t, ResultFailed, o.Result)
		assert.False(t, o.Retry)
		assert.Contains(t, o.Detail, "spec.email")
	}
	assert.Empty(t, p.Received())
}

func TestSilentMailServerIsLeftWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	p := smtptest.Open(t, func(p *smtptest.Server) { p.Silent, p.Called = make(chan struct{}), make(chan struct{}) })
	t.Cleanup(func() { close(p.Silent) })
	ctx, cancel := context.WithCancel(t.Context())
	began := time.Now()
	go func() { <-p.Called; cancel() }()
	o := mailer(t, p, nil).Deliver(ctx, opened(), []Target{ToEmail(chen)})[0]
	assert.Equal(t, ResultFailed, o.Result)
	assert.True(t, o.Retry)
	assert.Contains(t, o.Detail, "in time: context canceled")
	assert.Less(t, time.Since(began), 10*time.Second, "not only when the library's own time-out strikes")
}

// open takes a mail apart as a mail program would.
func open(t *testing.T, data string) (header netmail.Header, plain, html string) {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(data))
	require.NoError(t, err)
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/alternative", kind)
	parts := multipart.NewReader(m.Body, params["boundary"])
	var bodies []string
	for _, want := range []string{"text/plain", "text/html"} {
		part, err := parts.NextRawPart()
		require.NoError(t, err)
		assert.Contains(t, part.Header.Get("Content-Type"), want)
		bodies = append(bodies, read(t, quotedprintable.NewReader(part)))
	}
	_, err = parts.NextRawPart()
	require.ErrorIs(t, err, io.EOF)
	return m.Header, bodies[0], bodies[1]
}

func subject(t *testing.T, header netmail.Header) string {
	t.Helper()
	var decoder mime.WordDecoder
	text, err := decoder.DecodeHeader(header.Get("Subject"))
	require.NoError(t, err)
	return text
}
