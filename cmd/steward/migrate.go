package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/config"
)

func newMigrateCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema to the one this version knows",
		Long: `Applies the schema changes that the database lacks. It may run while older
servers and workers do, and several at once: one works, the others wait.`,
		Example: "  steward migrate --database-url postgres://steward@db/steward",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			return migrate(cmd.Context(), e, cfg)
		},
	}
	addConfigFlags(cmd, "data", "database-url")
	return cmd
}

func migrate(ctx context.Context, e *env, cfg config.Config) (err error) {
	s, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	applied, err := s.Migrate(ctx)
	if err != nil {
		return err
	}
	if applied == 0 {
		_, _ = fmt.Fprintln(e.out, "The schema is up to date.")
		return nil
	}
	_, _ = fmt.Fprintf(e.out, "Applied %d schema changes.\n", applied)
	return nil
}
