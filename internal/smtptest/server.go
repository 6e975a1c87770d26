// Package smtptest is a small SMTP server on loopback for tests, which answers
// as it is told.
//
// It knows nothing of Steward: a test reads what arrived.
package smtptest

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
)

// Server is the server. Its exported fields are set before it opens.
type Server struct {
	Address  string            // where it listens; any free port unless it is set
	Roots    *x509.CertPool    // trusts its certificate
	Implicit bool              // encrypted from the first byte
	StartTLS bool              // offered
	Login    string            // "user password": AUTH PLAIN is offered and demanded
	Replies  map[string]string // by verb, instead of the usual ones; "" hangs up
	Silent   chan struct{}     // if set: no answer to MAIL until it is closed
	Called   chan struct{}     // closed once such a MAIL has come

	tls *tls.Config

	mu    sync.Mutex
	mails []Mail
}

// Mail is a mail as it arrived.
type Mail struct {
	From, To, Data string // as the client wrote them
	Encrypted      bool
	LoggedIn       bool
}

// Open starts a server, which closes when the test ends. Where prepare is not
// nil it sets the server's fields first.
func Open(t testing.TB, prepare func(*Server)) *Server {
	t.Helper()
	// httptest's certificate is good for 127.0.0.1.
	certified := httptest.NewTLSServer(nil)
	t.Cleanup(certified.Close)
	p := &Server{
		Address: "127.0.0.1:0", Roots: x509.NewCertPool(),
		tls: &tls.Config{Certificates: certified.TLS.Certificates, MinVersion: tls.VersionTLS12},
	}
	p.Roots.AddCert(certified.Certificate())
	if prepare != nil {
		prepare(p)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", p.Address)
	if err != nil {
		t.Fatalf("opening a mail server: %v", err)
	}
	p.Address = listener.Addr().String()
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

// Received gives the mails that arrived so far.
func (p *Server) Received() []Mail {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Mail(nil), p.mails...)
}

func (p *Server) serve(conn net.Conn) {
	var mail Mail
	if p.Implicit {
		conn, mail.Encrypted = tls.Server(conn, p.tls), true
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
			conn, mail.Encrypted = tls.Server(conn, p.tls), true
			text = textproto.NewConn(conn)
			continue
		}
		if !p.answer(text, verb, rest, &mail) {
			return
		}
	}
}

func (p *Server) answer(text *textproto.Conn, verb, rest string, mail *Mail) bool {
	switch verb {
	case "EHLO":
		return p.reply(text, verb, p.extensions(mail.Encrypted))
	case "AUTH":
		encoded := base64.StdEncoding.EncodeToString([]byte("\x00" + strings.ReplaceAll(p.Login, " ", "\x00")))
		mail.LoggedIn = rest == "PLAIN "+encoded
		if !mail.LoggedIn {
			return p.reply(text, verb, "535 5.7.8 wrong password")
		}
		return p.reply(text, verb, "235 welcome")
	case "MAIL":
		if p.Silent != nil {
			close(p.Called)
			<-p.Silent
		}
		mail.From = rest
	case "RCPT":
		mail.To = rest
	case "DATA":
		if !p.reply(text, verb, "354 go on") || p.Replies[verb] != "" {
			return p.Replies[verb] != ""
		}
		body, err := text.ReadDotBytes()
		if err != nil {
			return false
		}
		mail.Data = string(body)
		if p.Replies["END"] == "" {
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

func (p *Server) extensions(encrypted bool) string {
	lines := []string{"post office", "8BITMIME"}
	if p.StartTLS && !encrypted {
		lines = append(lines, "STARTTLS")
	}
	if p.Login != "" {
		lines = append(lines, "AUTH PLAIN LOGIN")
	}
	for i := range lines {
		lines[i] = "250-" + lines[i]
	}
	return strings.Join(lines, "\r\n") + "\r\n250 ENHANCEDSTATUSCODES"
}

func (p *Server) reply(text *textproto.Conn, verb, usual string) bool {
	if other, changed := p.Replies[verb]; changed {
		usual = other
	}
	return usual != "" && text.PrintfLine("%s", usual) == nil
}
