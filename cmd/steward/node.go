package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"github.com/steward-itsm/steward/activities"
	"github.com/steward-itsm/steward/config"
	"github.com/steward-itsm/steward/engine"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/notify"
	"github.com/steward-itsm/steward/outgoing"
	"github.com/steward-itsm/steward/server"
	"github.com/steward-itsm/steward/store"
	"github.com/steward-itsm/steward/worker"
)

// node is one running part of Steward: its connections, and what is built on
// them. It has no state that another node could not have.
type node struct {
	cfg      config.Config
	log      *slog.Logger
	store    *store.Store
	temporal client.Client
	engine   *engine.Engine
	sdkLevel slog.LevelVar  // from which on Temporal's SDK is heard
	closers  []func() error // in the order of opening
}

// openStore connects to the database that the settings name.
func openStore(ctx context.Context, cfg config.Config) (*store.Store, error) {
	url := cfg.Database.URL
	if url == "" {
		if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
			return nil, fmt.Errorf("making the data folder: %w", err)
		}
		url = "sqlite:" + filepath.Join(cfg.Data, "steward.db")
	}
	return store.Open(ctx, url, store.Options{MaxConnections: cfg.Database.MaxConns})
}

// openNode connects to the database and to Temporal. The caller closes it.
func openNode(ctx context.Context, cfg config.Config, log *slog.Logger) (*node, error) {
	n := &node{cfg: cfg, log: log}
	var err error
	if n.store, err = openStore(ctx, cfg); err != nil {
		return nil, err
	}
	n.onClose(n.store.Close)
	if n.temporal, err = dialTemporal(ctx, cfg.Temporal, n.sdkLog()); err != nil {
		return nil, errors.Join(err, n.close())
	}
	n.onClose(func() error { n.temporal.Close(); return nil })
	n.engine = engine.New(n.temporal, n.store, cfg.Temporal.TaskQueue)
	return n, nil
}

func (n *node) onClose(f func() error) { n.closers = append(n.closers, f) }

// silent is above every level.
const silent = slog.LevelError + 1

// sdkLog is where Temporal's SDK writes.
func (n *node) sdkLog() *slog.Logger {
	n.sdkLevel.Set(slog.LevelWarn) // below, it tells of every worker's beginning and end as if it were news
	return slog.New(atLeast{n.log.Handler(), &n.sdkLevel})
}

// close ends everything, last opened first. The SDK is not heard from then on:
// it tells of every poll and every activity that it had to break off, which is
// what stopping means. Temporal gives those to another worker, or to this one
// when it is back; a real fault shows again there.
func (n *node) close() error {
	n.sdkLevel.Set(silent)
	var errs []error
	for _, closer := range slices.Backward(n.closers) {
		errs = append(errs, closer())
	}
	n.closers = nil
	return errors.Join(errs...)
}

// startWorker begins to carry out workflows and activities, until the node closes.
func (n *node) startWorker() error {
	sender, err := n.sender()
	if err != nil {
		return err
	}
	w := worker.New(n.temporal, n.cfg.Temporal.TaskQueue, &activities.Activities{
		Store: n.store, Sender: sender, Log: n.log, Secrets: n.cfg.Secret, PublicURL: n.cfg.PublicURL,
	})
	if err := w.Start(); err != nil {
		return fmt.Errorf("starting the worker: %w", err)
	}
	n.onClose(func() error { w.Stop(); return nil })
	return nil
}

// startOutgoing begins to send events to webhooks, until the node closes.
func (n *node) startOutgoing() {
	ctx, stop := context.WithCancel(context.Background())
	d := &outgoing.Dispatcher{Store: n.store, Poster: notify.NewPoster(nil), Log: n.log, Timeout: n.cfg.Notify.Timeout}
	var running sync.WaitGroup
	running.Go(func() { d.Run(ctx) })
	n.onClose(func() error { stop(); running.Wait(); return nil })
}

// sender sets up the channels that the settings name.
func (n *node) sender() (*notify.Sender, error) {
	o := notify.Options{
		WebhookSecret: n.cfg.Notify.WebhookSecret, PublicURL: n.cfg.PublicURL, Timeout: n.cfg.Notify.Timeout,
	}
	if n.cfg.Notify.Log {
		o.Log = n.log
	}
	if smtp := n.cfg.Notify.SMTP; smtp.Address != "" {
		o.SMTP = &notify.SMTPOptions{
			Address: smtp.Address, From: smtp.From, Username: smtp.Username, Password: smtp.Password, TLS: smtp.TLS,
		}
	}
	return notify.New(o)
}

// takeUp has processes go on whose last step a crash cut off from their
// workflow. It works beside everything else; what it can't reach now, the next
// command to that process finds.
func (n *node) takeUp(ctx context.Context) {
	behind, err := n.engine.TakeUpLatest(ctx)
	if err != nil && ctx.Err() == nil {
		n.log.Warn("looking for processes that a crash cut off", "error", err)
	}
	if behind > 0 {
		n.log.Info("took up what was recorded in the instant of a crash", "processes", behind)
	}
}

// serve answers the API until ctx ends.
func (n *node) serve(ctx context.Context, listener net.Listener, dev bool) error {
	s, err := server.New(server.Options{
		Engine: n.engine, Store: n.store, Log: n.log, PublicURL: n.cfg.PublicURL, Dev: dev, Version: buildOf().Version,
		Limits: server.Limits{BodyBytes: n.cfg.Limits.BodyBytes, RequestTimeout: n.cfg.Limits.RequestTimeout},
	})
	if err != nil {
		return err
	}
	go n.takeUp(ctx)
	return s.Serve(ctx, listener)
}

// dialTemporal connects to the cluster that the settings name. The SDK writes
// to the log.
func dialTemporal(ctx context.Context, t config.Temporal, log *slog.Logger) (client.Client, error) {
	options := client.Options{HostPort: t.Address, Namespace: t.Namespace, Logger: sdklog.NewStructuredLogger(log)}
	if t.APIKey != "" {
		options.Credentials = client.NewAPIKeyStaticCredentials(t.APIKey)
	}
	var err error
	if options.ConnectionOptions.TLS, err = tlsConfig(t.TLS); err != nil {
		return nil, err
	}
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, itsm.Errorf(itsm.CodeUnavailable, "Temporal at %s can't be reached: %v; check temporal.address", t.Address, err)
	}
	return c, nil
}

func tlsConfig(t config.TLS) (*tls.Config, error) {
	if t == (config.TLS{}) {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("reading the certificate for Temporal: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading Temporal's authority: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, itsm.Errorf(itsm.CodeInvalid, "%s holds no certificate in PEM", t.CAFile)
		}
	}
	return c, nil
}

// newLogger writes as the settings say.
func newLogger(out io.Writer, l config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: l.Level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}

// quieter passes on warnings and errors alone.
func quieter(log *slog.Logger) *slog.Logger { return slog.New(atLeast{log.Handler(), slog.LevelWarn}) }

// atLeast is a handler that leaves out what is below a level, which may change.
type atLeast struct {
	slog.Handler
	level slog.Leveler
}

// Enabled implements slog.Handler.
func (h atLeast) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.level.Level() && h.Handler.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (h atLeast) WithAttrs(attrs []slog.Attr) slog.Handler {
	return atLeast{h.Handler.WithAttrs(attrs), h.level}
}

// WithGroup implements slog.Handler.
func (h atLeast) WithGroup(name string) slog.Handler {
	return atLeast{h.Handler.WithGroup(name), h.level}
}
