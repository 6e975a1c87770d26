package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/config"
	"github.com/steward-itsm/steward/embedded"
	"github.com/steward-itsm/steward/itsm"
)

func newDevCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run everything in one process: Temporal, database, worker and API",
		Long: `Runs Temporal, the database, a worker and the API in one process, on files in
the data folder. They survive a restart, also one by SIGKILL: start it again,
and every process goes on.

There are no tokens here: --as NAME on the other commands says who you are. So
it listens on loopback only, unless you say otherwise.`,
		Example: "  steward dev\n  steward dev --listen 127.0.0.1:9000 --data /var/tmp/steward",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			return runDev(cmd.Context(), e, cfg)
		},
	}
	addConfigFlags(cmd, "listen", "data", "log-level", "log-format", "notify-log")
	return cmd
}

// runDev runs until ctx ends, then stops in order.
func runDev(ctx context.Context, e *env, cfg config.Config) (err error) {
	log := newLogger(e.errOut, cfg.Log)
	if cfg.Database.URL != "" || cfg.Temporal.Address != "" {
		return itsm.Errorf(itsm.CodeInvalid, "dev brings its own Temporal and database; for others use `steward server` and `steward worker`")
	}
	lock, err := embedded.Lock(cfg.Data) // first: who starts a second one by mistake should be told of the first
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return itsm.Errorf(itsm.CodeInvalid, "%s can't be listened on: %v; choose another with --listen", cfg.Listen, err)
	}
	defer func() { _ = listener.Close() }() // serve has closed it in the usual case
	if cfg.PublicURL == "http://"+cfg.Listen {
		cfg.PublicURL = "http://" + listener.Addr().String() // where any port would do, links and callbacks need the one that it became
	}
	temporal, err := startTemporal(ctx, &cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, temporal.Stop()) }()
	n, err := openNode(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	if _, err := n.store.Migrate(ctx); err != nil {
		return err
	}
	if err := n.startWorker(); err != nil {
		return err
	}
	n.startOutgoing()
	_, _ = fmt.Fprintf(e.out, "Steward is ready at http://%s (API: /docs, data: %s, Temporal: %s)\n", listener.Addr(), cfg.Data, temporal.Address())
	return n.serve(ctx, listener, true)
}

// startTemporal starts Temporal in a data folder that is locked already.
func startTemporal(ctx context.Context, cfg *config.Config, log *slog.Logger) (*embedded.Server, error) {
	temporal, err := embedded.Start(ctx, embedded.Options{Dir: cfg.Data, Namespace: cfg.Temporal.Namespace, Logger: log})
	if err != nil {
		return nil, err
	}
	cfg.Temporal.Address = temporal.Address()
	return temporal, nil
}
