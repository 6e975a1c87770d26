package config_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/config"
	"github.com/steward-itsm/steward/itsm"
)

func TestDefaultsAreValidAndLocal(t *testing.T) {
	t.Parallel()
	c, err := config.Load("", nil)
	require.NoError(t, err)
	assert.Equal(t, config.Config{
		Listen:    "127.0.0.1:8087",
		PublicURL: "http://127.0.0.1:8087",
		Data:      "./steward-data",
		Database:  config.Database{MaxConns: 20},
		Temporal:  config.Temporal{Namespace: "steward", TaskQueue: "steward"},
		Log:       config.Log{Level: slog.LevelInfo, Format: "text"},
		Limits:    config.Limits{BodyBytes: 1 << 20, RequestTimeout: 30 * time.Second},
		Notify:    config.Notify{Log: true, SMTP: config.SMTP{TLS: "starttls"}, Timeout: 10 * time.Second},
	}, c)
}

func TestEverySettingIsReadFromTheFile(t *testing.T) {
	t.Parallel()
	c, err := config.Load("testdata/full.yaml", nil)
	require.NoError(t, err)
	assert.Equal(t, config.Config{
		Listen:    "0.0.0.0:8087",
		PublicURL: "https://steward.acme.example",
		Data:      "/var/lib/steward",
		Database:  config.Database{URL: "postgres://steward:hunter2@db:5432/steward?sslmode=verify-full", MaxConns: 7},
		Temporal: config.Temporal{
			Address: "temporal:7233", Namespace: "itsm", TaskQueue: "processes", APIKey: "api-hunter2",
			TLS: config.TLS{CertFile: "tls.crt", KeyFile: "tls.key", CAFile: "ca.crt"},
		},
		Log:    config.Log{Level: slog.LevelWarn, Format: "json"},
		Limits: config.Limits{BodyBytes: 4096, RequestTimeout: 5 * time.Second},
		Notify: config.Notify{
			SMTP: config.SMTP{
				Address: "mail.acme.example:465", From: "Steward <steward@acme.example>",
				Username: "steward", Password: "mail-hunter2", TLS: "implicit",
			},
			WebhookSecret: "whsec_aHVudGVyMi1odW50ZXIyLWh1bnRlcjItaHVudGVyMg==",
			Timeout:       3 * time.Second,
		},
		Secrets: map[string]string{"pagerkey": "pager-hunter2"},
	}, c)
	secret, ok := c.Secret("PagerKey")
	assert.True(t, ok)
	assert.Equal(t, "pager-hunter2", secret)
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	c, err := config.Load("testdata/full.yaml", nil)
	require.NoError(t, err)
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("settings", "config", c)
	slog.New(slog.NewTextHandler(&logged, nil)).Info("settings", "config", &c)
	printed := logged.String() + fmt.Sprintf("%v %+v %#v %s", c, &c, c, c.String())
	assert.NotContains(t, printed, "hunter2")
	assert.NotContains(t, printed, "aHVudGVyMi", "the webhook secret in base64")
	assert.Contains(t, printed, "@db:5432/steward", "where the database is, is no secret")
}

func TestFlagsWinOverEnvironmentOverFileOverDefaults(t *testing.T) {
	path := write(t, "data: from-file\ntemporal: {namespace: from-file, taskQueue: from-file}\n")
	t.Setenv("STEWARD_TEMPORAL_NAMESPACE", "from-env")
	t.Setenv("STEWARD_TEMPORAL_TASK_QUEUE", "from-env")
	t.Setenv("STEWARD_SECRETS_PAGER", "from-env")
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags.String("temporal-task-queue", "flag default", "")
	flags.String("listen", "flag default", "")
	require.NoError(t, flags.Parse([]string{"--temporal-task-queue=from-flag"}))

	c, err := config.Load(path, flags)
	require.NoError(t, err)
	assert.Equal(t, "from-flag", c.Temporal.TaskQueue)
	assert.Equal(t, "from-env", c.Temporal.Namespace)
	assert.Equal(t, "from-file", c.Data)
	assert.Equal(t, "127.0.0.1:8087", c.Listen, "a flag that is not given changes nothing")
	assert.Equal(t, map[string]string{"pager": "from-env"}, c.Secrets)
}

func TestFaultySettingsAreNamed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ yaml, field string }{
		"typing error":                {"lisen: 127.0.0.1:1", "lisen"},
		"typing error below":          {"limits: {bodyByte: 5}", "limits.bodybyte"},
		"value where settings belong": {"database: 5", "database"},
		"no port":                     {"listen: localhost", "listen"},
		"port too large":              {"listen: localhost:70000", "listen"},
		"public address of a file":    {"publicURL: file:///etc", "publicURL"},
		"other database":              {"database: {url: mysql://db/steward}", "database.url"},
		"broken database address":     {"database: {url: 'postgres://a:%zz@db/x'}", "database.url"},
		"no connections":              {"database: {maxConns: 0}", "database.maxConns"},
		"no data folder":              {"data: ''", "data"},
		"temporal without port":       {"temporal: {address: temporal}", "temporal.address"},
		"no namespace":                {"temporal: {namespace: ''}", "temporal.namespace"},
		"no task queue":               {"temporal: {taskQueue: ''}", "temporal.taskQueue"},
		"certificate without key":     {"temporal: {tls: {certFile: a.crt}}", "temporal.tls.keyFile"},
		"key without certificate":     {"temporal: {tls: {keyFile: a.key}}", "temporal.tls.certFile"},
		"unknown level":               {"log: {level: loud}", "log.level"},
		"unknown format":              {"log: {format: xml}", "log.format"},
		"tiny body":                   {"limits: {bodyBytes: 1}", "limits.bodyBytes"},
		"body in words":               {"limits: {bodyBytes: much}", "limits.bodyBytes"},
		"no time":                     {"limits: {requestTimeout: 0s}", "limits.requestTimeout"},
		"time without unit":           {"limits: {requestTimeout: soon}", "limits.requestTimeout"},
		"mail from nobody":            {"notify: {smtp: {address: 'm:25'}}", "notify.smtp.from"},
		"mail server without port":    {"notify: {smtp: {address: m, from: a@b.example}}", "notify.smtp.address"},
		"unknown mail TLS":            {"notify: {smtp: {address: 'm:25', from: a@b.example, tls: maybe}}", "notify.smtp.tls"},
		"password without user":       {"notify: {smtp: {address: 'm:25', from: a@b.example, password: hunter2}}", "notify.smtp.username"},
		"password in the clear":       {"notify: {smtp: {address: 'm:25', from: a@b.example, username: u, password: hunter2, tls: none}}", "notify.smtp.password"},
		"webhook secret unmarked":     {"notify: {webhookSecret: hunter2}", "notify.webhookSecret"},
		"webhook secret too short":    {"notify: {webhookSecret: whsec_aHVudGVyMg==}", "notify.webhookSecret"},
		"no time to notify":           {"notify: {timeout: -1s}", "notify.timeout"},
		"empty secret":                {"secrets: {pager: ''}", "secrets.pager"},
		"secret that is no text":      {"secrets: {pager: [1, 2]}", "Secrets[pager]"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load(write(t, test.yaml), nil)
			require.Equal(t, itsm.CodeInvalid, itsm.ErrorCode(err), "%v", err)
			assert.Equal(t, []string{test.field}, fields(t, err))
			assert.NotContains(t, err.Error(), "hunter2", "a fault must not show a secret")
		})
	}
}

func TestAllFaultsAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := config.Load(write(t, "listen: here\nlog: {format: xml}\nnotify: {timeout: 0s}\n"), nil)
	assert.Equal(t, []string{"listen", "log.format", "notify.timeout"}, fields(t, err))
	_, err = config.Load(write(t, "lisen: here\nlimits: {bodyBytes: much, requestTimeout: soon}\n"), nil)
	assert.Equal(t, []string{"limits.bodyBytes", "limits.requestTimeout", "lisen"}, fields(t, err))
}

func TestUnreadableFileIsRefused(t *testing.T) {
	t.Parallel()
	_, err := config.Load(filepath.Join(t.TempDir(), "missing.yaml"), nil)
	assert.Equal(t, itsm.CodeInvalid, itsm.ErrorCode(err))
	_, err = config.Load(write(t, "listen: [unclosed"), nil)
	assert.Equal(t, itsm.CodeInvalid, itsm.ErrorCode(err))
}

func write(t *testing.T, yaml string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "steward.yaml")
	require.NoError(t, os.WriteFile(path, []byte(yaml), 0o600))
	return path
}

func fields(t *testing.T, err error) []string {
	t.Helper()
	var invalid *itsm.Error
	require.ErrorAs(t, err, &invalid)
	var names []string
	for _, f := range invalid.Fields {
		names = append(names, f.Field)
	}
	return names
}
