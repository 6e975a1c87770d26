package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func newWorkerCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Carry processes out, on a Temporal cluster and a database",
		Long: `Carries out workflows and activities. Any number of workers may run side by
side, also of two neighbouring versions. On SIGTERM it finishes what it has
begun; what it can't finish, another worker takes over.`,
		Example: "  steward worker --temporal-address temporal:7233 --database-url postgres://steward@db/steward",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			return withNode(cmd.Context(), e, cfg, func(ctx context.Context, n *node) error {
				if err := n.startWorker(); err != nil {
					return err
				}
				n.startOutgoing()
				_, _ = fmt.Fprintf(e.out, "Steward's worker is ready on task queue %q\n", cfg.Temporal.TaskQueue)
				<-ctx.Done()
				return nil
			})
		},
	}
	addConfigFlags(cmd, "public-url", "data", "database-url", "temporal-address", "temporal-namespace", "log-level", "log-format", "notify-log")
	return cmd
}
