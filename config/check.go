package config

import (
	"encoding/base64"
	"net"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/steward-itsm/steward/itsm"
)

// minBodyBytes lets at least a small request through.
const minBodyBytes = 1 << 10

// A checker collects faults. No message repeats a value that may be secret.
type checker struct{ faults []itsm.FieldError }

func (c *checker) require(ok bool, key, message string) {
	if !ok {
		c.faults = append(c.faults, fault(key, "%s", message))
	}
}

// check finds every fault of the settings.
func (c *Config) check() []itsm.FieldError {
	var k checker
	k.require(isAddress(c.Listen), "listen", "must be host:port, such as 127.0.0.1:8087")
	k.require(isWebURL(c.PublicURL), "publicURL", "must be an http or https address, such as https://steward.example.org")
	k.require(c.Data != "" || c.Database.URL != "", "data", "must name a folder when no database is given")
	k.require(c.Database.URL == "" || isPostgresURL(c.Database.URL), "database.url",
		"must be postgres://user:password@host:port/name, or empty for SQLite in the data folder")
	k.require(c.Database.MaxConns >= 1, "database.maxConns", "must be 1 or more")
	c.Temporal.check(&k)
	k.require(slices.Contains([]string{"text", "json"}, c.Log.Format), "log.format", "must be text or json")
	k.require(c.Limits.BodyBytes >= minBodyBytes, "limits.bodyBytes", "must be 1024 or more")
	k.require(c.Limits.RequestTimeout > 0, "limits.requestTimeout", "must be longer than nothing, such as 30s")
	c.Notify.check(&k)
	for name, value := range c.Secrets {
		k.require(value != "", secretsPrefix+name, "must not be empty")
	}
	return k.faults
}

func (t *Temporal) check(k *checker) {
	k.require(t.Address == "" || isAddress(t.Address), "temporal.address", "must be host:port, such as temporal:7233")
	k.require(t.Namespace != "", "temporal.namespace", "must not be empty")
	k.require(t.TaskQueue != "", "temporal.taskQueue", "must not be empty")
	k.require(t.TLS.CertFile != "" || t.TLS.KeyFile == "", "temporal.tls.certFile", "must be given together with keyFile")
	k.require(t.TLS.KeyFile != "" || t.TLS.CertFile == "", "temporal.tls.keyFile", "must be given together with certFile")
}

func (n *Notify) check(k *checker) {
	k.require(n.Timeout > 0, "notify.timeout", "must be longer than nothing, such as 10s")
	k.require(n.WebhookSecret == "" || isWebhookSecret(n.WebhookSecret), "notify.webhookSecret",
		"must be whsec_ followed by 24 to 64 bytes in base64")
	if n.SMTP.Address != "" {
		n.SMTP.check(k)
	}
}

func (s *SMTP) check(k *checker) {
	k.require(isAddress(s.Address), "notify.smtp.address", "must be host:port, such as mail.example.org:587")
	_, err := mail.ParseAddress(s.From)
	k.require(err == nil, "notify.smtp.from", "must be a mail address, such as Steward <steward@example.org>")
	k.require(slices.Contains([]string{"starttls", "implicit", "none"}, s.TLS), "notify.smtp.tls", "must be starttls, implicit or none")
	k.require(s.Username != "" || s.Password == "", "notify.smtp.username", "must be given together with the password")
	k.require(s.TLS != "none" || s.Password == "", "notify.smtp.password", "must not be sent without TLS: set notify.smtp.tls")
}

func isAddress(text string) bool {
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

func isWebURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.RawQuery == "" && u.Fragment == ""
}

func isPostgresURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") && (u.Host != "" || u.Query().Has("host"))
}

// isWebhookSecret follows the Standard Webhooks specification.
func isWebhookSecret(text string) bool {
	encoded, ok := strings.CutPrefix(text, "whsec_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	return ok && err == nil && len(key) >= 24 && len(key) <= 64
}
