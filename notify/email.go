package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"
)

// The ways to protect the connection to the mail server.
const (
	TLSStart    = "starttls" // begin in the clear, go on only encrypted (port 587)
	TLSImplicit = "implicit" // encrypted from the first byte (port 465)
	TLSNone     = "none"     // never encrypted: for a relay on this machine
)

// SMTPOptions says how mail leaves.
type SMTPOptions struct {
	Address  string // host:port
	From     string // "Steward <steward@example.com>"
	Username string // "": no authentication
	Password string
	TLS      string         // starttls (also when empty), implicit or none
	RootCAs  *x509.CertPool // nil: the system's
}

// email sends each message over a connection of its own: notifications are few
// and a kept connection would be state that can go stale.
type email struct {
	options SMTPOptions
	host    string
	port    int
	from    *netmail.Address
}

func newEmail(o SMTPOptions, faults *faults) *email {
	if o.TLS == "" {
		o.TLS = TLSStart
	}
	e := &email{options: o}
	host, port, err := net.SplitHostPort(o.Address)
	number, portErr := strconv.ParseUint(port, 10, 16)
	if err != nil || portErr != nil || host == "" || number == 0 {
		faults.add("notify.smtp.address", "write host:port, such as mail.example.com:587")
	}
	e.host, e.port = host, int(number)
	if e.from, err = netmail.ParseAddress(o.From); err != nil {
		faults.add("notify.smtp.from", "write a mail address, such as Steward <steward@example.com>")
	}
	switch o.TLS {
	case TLSStart, TLSImplicit:
	case TLSNone:
		if o.Username != "" && !isLoopback(host) {
			faults.add("notify.smtp.tls", "a password is not sent in the clear; choose starttls or implicit")
		}
	default:
		faults.add("notify.smtp.tls", "choose starttls, implicit or none")
	}
	return e
}

func (*email) Name() string { return ChannelEmail }

func (e *email) Send(ctx context.Context, m Message, to Target) error {
	letter, err := compose(m, e.from, to.Person, time.Now())
	if err != nil {
		return Permanent(err)
	}
	// The dialled connection is closed when this context ends, whatever the
	// library is waiting for then.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client, err := e.client(ctx)
	if err != nil {
		return fmt.Errorf("preparing to send mail: %w", err)
	}
	err = client.DialAndSendWithContext(ctx, letter)
	if letter.IsDelivered() {
		return nil // a server that hangs up badly afterwards has it all the same
	}
	return e.judge(ctx, err)
}

func (e *email) client(ctx context.Context) (*mail.Client, error) {
	options := []mail.Option{
		mail.WithPort(e.port),
		mail.WithDialContextFunc(e.dialer(ctx)),
		mail.WithTLSConfig(e.tls()),
		mail.WithoutNoop(), mail.WithoutRset(), // one mail a connection: nothing to probe or to reset
	}
	switch e.options.TLS {
	case TLSImplicit:
		options = append(options, mail.WithSSL())
	case TLSNone:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if e.options.Username != "" {
		options = append(options,
			mail.WithUsername(e.options.Username), mail.WithPassword(e.options.Password),
			mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1, mail.SMTPAuthPlain, mail.SMTPAuthLogin))
	}
	return mail.NewClient(e.host, options...)
}

// dialer connects such that the end of ctx closes the connection. The library
// itself only bounds each phase by a time-out, and leaves a connection open
// whose greeting failed.
func (e *email) dialer(ctx context.Context) mail.DialContextFunc {
	return func(dialling context.Context, network, address string) (net.Conn, error) {
		var plain net.Dialer
		conn, err := plain.DialContext(dialling, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { _ = conn.Close() })
		if e.options.TLS != TLSImplicit {
			return conn, nil
		}
		encrypted := tls.Client(conn, e.tls())
		return encrypted, encrypted.HandshakeContext(dialling)
	}
}

func (e *email) tls() *tls.Config {
	return &tls.Config{ServerName: e.host, RootCAs: e.options.RootCAs, MinVersion: tls.VersionTLS12}
}

// judge tells what a failure means for a retry. Only a 5xx answer about this
// mail (sender, recipient, content) is final. One before that, at the greeting
// or the log-in, speaks of our set-up, which the operator can mend while the
// mail waits.
func (e *email) judge(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("the mail server did not answer in time: %w", ctx.Err())
	}
	var refused *mail.SendError
	if errors.As(err, &refused) && refused.ErrorCode() >= 500 {
		return Permanent(err)
	}
	return fmt.Errorf("sending mail: %w", err)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
