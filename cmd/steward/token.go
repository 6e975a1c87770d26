package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newTokenCommand(e *env) *cobra.Command {
	return group(&cobra.Command{
		Use:   "token",
		Short: "Make, list and revoke the tokens that open the API",
	}, newTokenCreateCommand(e), newTokenListCommand(e), newTokenRevokeCommand(e), newTokenBootstrapCommand(e))
}

func newTokenCreateCommand(e *env) *cobra.Command {
	var body api.TokenRequest
	cmd := &cobra.Command{
		Use:   "create --person NAME|--integration SERVICE",
		Short: "Make a token, and print it alone",
		Long: `Makes a token and prints it, and nothing else, on standard output. It is shown
this once: the server keeps only its hash.

A person's roles are those in the directory; an integration's are given here.
An integration of a service raises alerts for it alone; its token is also the
routing key of tools that page over PagerDuty's Events API v2.`,
		Example: `  STEWARD_TOKEN=$(steward token create --person maria --expires-in 90d)
  steward token create --integration jenkins --role operator --label "Deployments of payments"
  steward token create --integration prometheus --service payments`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			made, err := answer[api.NewToken](c.CreateTokenWithResponse(cmd.Context(), &api.CreateTokenParams{IdempotencyKey: e.key(cmd)}, body))
			if err != nil {
				return err
			}
			return e.render(cmd, made, func(w io.Writer) { fmt.Fprintln(w, made.Secret) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&body.Person, "person", "", "`NAME` of the person whom it stands for")
	flags.StringVar(&body.Integration, "integration", "", "`SERVICE` that it stands for")
	flags.StringSliceVar(&body.Roles, "role", nil, "`ROLE` of the integration: admin, process-owner, operator or auditor; may be given more than once")
	flags.StringVar(&body.Service, "service", "", "`NAME` of the service that the integration's alerts are of")
	flags.StringVar(&body.ExpiresIn, "expires-in", "", "how long it works, such as 8h or 90d (default: until revoked)")
	flags.StringVar(&body.Label, "label", "", "what it is for")
	cmd.MarkFlagsMutuallyExclusive("person", "integration")
	cmd.MarkFlagsOneRequired("person", "integration")
	cmd.MarkFlagsMutuallyExclusive("person", "role")
	cmd.MarkFlagsMutuallyExclusive("person", "service")
	complete(cmd, "role", "admin", "process-owner", "operator", "auditor")
	addKeyFlag(cmd)
	return cmd
}

func newTokenListCommand(e *env) *cobra.Command {
	var list listOptions
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List tokens, the newest first, without their secrets",
		Example: "  steward token list --all",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			tokens, next, err := gather(list, func(cursor *string, limit int) ([]api.Token, string, error) {
				page, err := answer[api.TokenPage](c.ListTokensWithResponse(cmd.Context(), &api.ListTokensParams{Cursor: cursor, Limit: &limit}))
				return page.Items, page.Next, err
			})
			if err != nil {
				return err
			}
			return e.render(cmd, api.TokenPage{Items: tokens, Next: next}, func(w io.Writer) {
				e.tellMore(len(tokens), next)
				e.tokenTable(w, tokens)
			})
		},
	}
	list.addFlags(cmd)
	return cmd
}

func (e *env) tokenTable(w io.Writer, tokens []api.Token) {
	t := table{{"ID", "FOR", "SERVICE", "ROLES", "CREATED", "WORKS UNTIL", "LABEL"}}
	for _, token := range tokens {
		t.row(token.Id, token.Subject.String(), dash(token.Service), listed(token.Roles), e.clock(token.CreatedAt), e.worksUntil(token), token.Label)
	}
	t.write(w)
}

func (e *env) worksUntil(token api.Token) string {
	switch {
	case token.RevokedAt != nil:
		return "revoked " + e.clock(*token.RevokedAt)
	case token.ExpiresAt == nil:
		return "it is revoked"
	case token.ExpiresAt.After(e.now()):
		return e.moment(*token.ExpiresAt)
	default:
		return "expired " + token.ExpiresAt.In(e.zone).Format(time.DateTime)
	}
}

func newTokenRevokeCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "revoke ID",
		Short:   "Make a token useless at once",
		Example: "  steward token revoke tok_7k2m",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			if _, err := read(c.RevokeTokenWithResponse(cmd.Context(), args[0], &api.RevokeTokenParams{IdempotencyKey: e.key(cmd)})); err != nil {
				return err
			}
			done := map[string]string{"revoked": args[0]}
			return e.render(cmd, done, func(w io.Writer) { fmt.Fprintf(w, "%s no longer works\n", printable(args[0])) })
		},
	}
	addKeyFlag(cmd)
	return cmd
}
