// Package config holds what an operator may set, as one typed, checked struct.
//
// What belongs here: the settings, their defaults, where they come from (a YAML
// file, the environment, flags) and what makes them wrong. What does not: what
// process owners write (that is definition), and any use of the settings. The
// library that reads them stays inside.
package config

import (
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"
)

// Config is every setting of every command. Flags win over the environment,
// which wins over the file, which wins over the defaults.
//
// A setting "limits.bodyBytes" in the file is STEWARD_LIMITS_BODY_BYTES in the
// environment, and --limits-body-bytes where a command has such a flag.
type Config struct {
	Listen    string            // host:port of the API
	PublicURL string            // how people reach the API, for links; from Listen when empty
	Data      string            // folder of the SQLite files
	Database  Database          // where journal, views and inbox live
	Temporal  Temporal          // where processes run
	Log       Log               // what is logged, and how
	Limits    Limits            // what a caller may ask
	Notify    Notify            // how people are told
	Secrets   map[string]string // for outgoing calls, by name in lower case; read with Secret
}

// Database says where journal, views and inbox live.
type Database struct {
	URL      string // postgres://…; empty for SQLite in the data folder
	MaxConns int    // connections of this process
}

// Temporal says which cluster to use.
type Temporal struct {
	Address   string // host:port; empty when Temporal is embedded
	Namespace string
	TaskQueue string
	TLS       TLS
	APIKey    string
}

// TLS names PEM files. CertFile and KeyFile go together.
type TLS struct{ CertFile, KeyFile, CAFile string }

// Log says what is logged, and how.
type Log struct {
	Level  slog.Level
	Format string // text or json
}

// Limits bound what one request may take.
type Limits struct {
	BodyBytes      int64
	RequestTimeout time.Duration
}

// Notify says how people are told.
type Notify struct {
	Log           bool // write notifications to the log too
	SMTP          SMTP
	WebhookSecret string        // whsec_ and base64, as Standard Webhooks has it; empty: webhooks are not signed
	Timeout       time.Duration // of one delivery
}

// SMTP is the mail server; an empty Address means no mail.
type SMTP struct {
	Address            string // host:port
	From               string // RFC 5322: "Steward <steward@example.org>"
	Username, Password string
	TLS                string // starttls, implicit or none
}

// Secret gives a named secret. Names do not tell upper from lower case.
func (c Config) Secret(name string) (string, bool) {
	value, ok := c.Secrets[strings.ToLower(name)]
	return value, ok
}

// plain is a Config that prints like any struct.
type plain Config

// String prints the settings without their secrets.
func (c Config) String() string { return fmt.Sprintf("%+v", c.redacted()) }

// GoString implements fmt.GoStringer, so that no verb prints a secret.
func (c Config) GoString() string { return c.String() }

// LogValue implements slog.LogValuer: the settings without their secrets.
func (c Config) LogValue() slog.Value { return slog.AnyValue(c.redacted()) }

func (c Config) redacted() plain {
	c.Database.URL = redactURL(c.Database.URL)
	c.Temporal.APIKey = redact(c.Temporal.APIKey)
	c.Notify.SMTP.Password = redact(c.Notify.SMTP.Password)
	c.Notify.WebhookSecret = redact(c.Notify.WebhookSecret)
	secrets := make(map[string]string, len(c.Secrets))
	for name, value := range c.Secrets {
		secrets[name] = redact(value)
	}
	c.Secrets = secrets
	return plain(c)
}

func redact(secret string) string {
	if secret == "" {
		return ""
	}
	return "[redacted]"
}

// redactURL keeps where the database is. The query goes too: it may hold a password.
func redactURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return redact(text)
	}
	u.RawQuery = ""
	return u.Redacted()
}
