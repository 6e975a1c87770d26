package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/config"
	"github.com/steward-itsm/steward/itsm"
)

func newServerCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Answer the API, on a Temporal cluster and a database",
		Long: `Answers the API. Any number of servers and workers may run side by side; they
hold no state. The database's schema must be the one that this version knows:
run "steward migrate" first.`,
		Example: "  steward server --temporal-address temporal:7233 --database-url postgres://steward@db/steward",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			return withNode(cmd.Context(), e, cfg, func(ctx context.Context, n *node) error {
				listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
				if err != nil {
					return itsm.Errorf(itsm.CodeInvalid, "%s can't be listened on: %v; choose another with --listen", cfg.Listen, err)
				}
				_, _ = fmt.Fprintf(e.out, "Steward's API is ready at http://%s\n", listener.Addr())
				return n.serve(ctx, listener, false)
			})
		},
	}
	addConfigFlags(cmd, "listen", "public-url", "data", "database-url", "temporal-address", "temporal-namespace", "log-level", "log-format")
	return cmd
}

// withNode runs something with the connections of a server or worker, after
// checking that Temporal is named and that the database has the right schema.
func withNode(ctx context.Context, e *env, cfg config.Config, run func(context.Context, *node) error) (err error) {
	if cfg.Temporal.Address == "" {
		return itsm.Errorf(itsm.CodeInvalid, "temporal.address is not set; name Temporal's frontend with --temporal-address, or run `steward dev`, which brings its own")
	}
	n, err := openNode(ctx, cfg, newLogger(e.errOut, cfg.Log))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	if err := n.store.Verify(ctx); err != nil {
		return err
	}
	return run(ctx, n)
}
