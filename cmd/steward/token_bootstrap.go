package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/config"
	"github.com/steward-itsm/steward/server"
	"github.com/steward-itsm/steward/server/api"
)

func newTokenBootstrapCommand(e *env) *cobra.Command {
	var body api.TokenRequest
	cmd := &cobra.Command{
		Use:   "bootstrap",
		Short: "Make the first token, in the database itself",
		Long: `Makes a token without asking the API, for which there is no token yet, and
prints it, and nothing else, on standard output. Whoever can reach the database
may do this, so it also helps where every administrator's token is lost. With
it, make the other tokens by "steward token create", and revoke it.

Nobody is in the directory of a new installation. So it stands for the
integration "bootstrap" with the role admin, unless you say otherwise.`,
		Example: `  steward migrate --database-url postgres://steward@db/steward
  STEWARD_TOKEN=$(steward token bootstrap --database-url postgres://steward@db/steward --expires-in 1h)
  steward token bootstrap --person maria`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			if body.Person != "" {
				body.Integration, body.Roles = "", nil // the directory says what a person may do
			}
			made, err := e.bootstrap(cmd.Context(), cfg, body)
			if err != nil {
				return err
			}
			return e.render(cmd, made, func(w io.Writer) { fmt.Fprintln(w, made.Secret) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&body.Person, "person", "", "`NAME` of a person in the directory, whose roles are those there")
	flags.StringVar(&body.Integration, "integration", "bootstrap", "`SERVICE` that it stands for")
	flags.StringSliceVar(&body.Roles, "role", []string{server.RoleAdmin}, "`ROLE` of the integration")
	flags.StringVar(&body.ExpiresIn, "expires-in", "", "how long it works, such as 1h (default: until revoked)")
	flags.StringVar(&body.Label, "label", "made in the database", "what it is for")
	cmd.MarkFlagsMutuallyExclusive("person", "integration")
	cmd.MarkFlagsMutuallyExclusive("person", "role")
	complete(cmd, "role", server.RoleAdmin, server.RoleProcessOwner, server.RoleOperator, server.RoleAuditor)
	addConfigFlags(cmd, "data", "database-url")
	return cmd
}

func (e *env) bootstrap(ctx context.Context, cfg config.Config, request api.TokenRequest) (made api.NewToken, err error) {
	s, err := openStore(ctx, cfg)
	if err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Verify(ctx); err != nil {
		return made, err
	}
	return server.NewToken(ctx, s, request, e.now().UTC())
}
