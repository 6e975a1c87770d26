package notify

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// post office: a small SMTP server on loopback that answers as it is told.
type postOffice struct {
	address  string
	roots    *x509.CertPool
	tls      *tls.Config
	implicit bool
	starttls bool
	login    string            // "user password": AUTH PLAIN is offered and demanded
	replies  map[string]string // by verb, instead of the usual ones; "" hangs up
	silent   chan struct{}     // if set: no answer to MAIL until it is closed
	called   chan struct{}     // closed once such a MAIL has come

	mu    sync.Mutex
	mails []delivered
}

// delivered is a mail as it arrived.
type delivered struct {
	from, to, data string
	encrypted      bool
	loggedIn       bool
}

func openPostOffice(t *testing.T, prepare func(*postOffice)) *postOffice {
	t.Helper()
	// httptest's certificate is good for 127.0.0.1.
	certified := httptest.NewTLSServer(nil)
	t.Cleanup(certified.Close)
	p := &postOffice{roots: x509.NewCertPool(), tls: &tls.Config{Certificates: certified.TLS.Certificates, MinVersion: tls.VersionTLS12}}
	p.roots.AddCert(certified.Certificate())
	if prepare != nil {
		prepare(p)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p.address = listener.Addr().String()
	var all sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); all.Wait() })
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { p.serve(conn) })
		}
	})
	return p
}

func (p *postOffice) received() []delivered {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]delivered(nil), p.mails...)
}

func (p *postOffice) serve(conn net.Conn) {
	var mail delivered
	if p.implicit {
		conn, mail.encrypted = tls.Server(conn, p.tls), true
	}
	defer func() { _ = conn.Close() }()
	text := textproto.NewConn(conn)
	if !p.reply(text, "GREETING", "220 post office") {
		return
	}
	for {
		line, err := text.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(line, " ")
		if verb = strings.ToUpper(verb); verb == "STARTTLS" {
			_ = text.PrintfLine("220 go on")
			conn, mail.encrypted = tls.Server(conn, p.tls), true
			text = textproto.NewConn(conn)
			continue
		}
		if !p.answer(text, verb, rest, &mail) {
			return
		}
	}
}

func (p *postOffice) answer(text *textproto.Conn, verb, rest string, mail *delivered) bool {
	switch verb {
	case "EHLO":
		return p.reply(text, verb, p.extensions(mail.encrypted))
	case "AUTH":
		encoded := base64.StdEncoding.EncodeToString([]byte("\x00" + strings.ReplaceAll(p.login, " ", "\x00")))
		mail.loggedIn = rest == "PLAIN "+encoded
		if !mail.loggedIn {
			return p.reply(text, verb, "535 5.7.8 wrong password")
		}
		return p.reply(text, verb, "235 welcome")
	case "MAIL":
		if p.silent != nil {
			close(p.called)
			<-p.silent
		}
		mail.from = rest
	case "RCPT":
		mail.to = rest
	case "DATA":
		if !p.reply(text, verb, "354 go on") || p.replies[verb] != "" {
			return p.replies[verb] != ""
		}
		body, err := text.ReadDotBytes()
		if err != nil {
			return false
		}
		mail.data = string(body)
		if p.replies["END"] == "" {
			p.mu.Lock()
			p.mails = append(p.mails, *mail)
			p.mu.Unlock()
		}
		return p.reply(text, "END", "250 taken")
	case "QUIT":
		_ = p.reply(text, verb, "221 bye")
		return false
	}
	return p.reply(text, verb, "250 ok")
}

func (p *postOffice) extensions(encrypted bool) string {
	lines := []string{"post office", "8BITMIME"}
	if p.starttls && !encrypted {
		lines = append(lines, "STARTTLS")
	}
	if p.login != "" {
		lines = append(lines, "AUTH PLAIN LOGIN")
	}
	for i := range lines {
		lines[i] = "250-" + lines[i]
	}
	return strings.Join(lines, "\r\n") + "\r\n250 ENHANCEDSTATUSCODES"
}

func (p *postOffice) reply(text *textproto.Conn, verb, usual string) bool {
	if other, changed := p.replies[verb]; changed {
		usual = other
	}
	return usual != "" && text.PrintfLine("%s", usual) == nil
}
