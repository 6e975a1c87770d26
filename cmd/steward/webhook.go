package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

func newWebhookCommand(e *env) *cobra.Command {
	return group(&cobra.Command{
		Use:   "webhook",
		Short: "Have events sent to other systems",
		Long: `Has events sent to URLs, each as a CloudEvent, signed by the Standard Webhooks
scheme. What a receiver does not take is tried again for a day, and can be sent
again by hand after that.`,
	}, newWebhookAddCommand(e), newWebhookListCommand(e), newWebhookRemoveCommand(e), newWebhookDeliveriesCommand(e), newWebhookResendCommand(e))
}

func newWebhookAddCommand(e *env) *cobra.Command {
	var body api.WebhookRequest
	var kinds []string
	cmd := &cobra.Command{
		Use:   "add URL",
		Short: "Have events sent to a URL from now on, and print the secret that signs them",
		Long: `Has events sent to a URL from now on. Standard output has the secret alone with
which they are signed; it is shown this once.`,
		Example: `  steward webhook add https://shop.example.com/steward --kind transition --type transition.closed
  secret=$(steward webhook add https://ci.example.com/hook --description "Deployments")`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			body.Url = args[0]
			for _, kind := range kinds {
				body.Kinds = append(body.Kinds, itsm.Kind(kind))
			}
			made, err := answer[api.NewWebhook](c.CreateWebhookWithResponse(cmd.Context(), &api.CreateWebhookParams{IdempotencyKey: e.key(cmd)}, body))
			if err != nil {
				return err
			}
			return e.render(cmd, made, func(w io.Writer) {
				fmt.Fprintf(e.errOut, "Events go to %s as webhook %s.\n", printable(made.Webhook.Url), printable(made.Webhook.Id))
				fmt.Fprintln(w, made.Secret)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&body.Types, "type", nil, "only events of this `TYPE`; may be given more than once")
	flags.StringSliceVar(&kinds, "kind", nil, "only events of processes of this `KIND`; may be given more than once")
	flags.StringVar(&body.Description, "description", "", "what it is for")
	complete(cmd, "kind", processKinds...)
	addKeyFlag(cmd)
	return cmd
}

func newWebhookListCommand(e *env) *cobra.Command {
	var list listOptions
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List webhooks, the newest first, without their secrets",
		Example: "  steward webhook list --all",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			hooks, next, err := gather(list, func(cursor *string, limit int) ([]api.Webhook, string, error) {
				page, err := answer[api.WebhookPage](c.ListWebhooksWithResponse(cmd.Context(), &api.ListWebhooksParams{Cursor: cursor, Limit: &limit}))
				return page.Items, page.Next, err
			})
			if err != nil {
				return err
			}
			return e.render(cmd, api.WebhookPage{Items: hooks, Next: next}, func(w io.Writer) {
				e.tellMore(len(hooks), next)
				e.webhookTable(w, hooks)
			})
		},
	}
	list.addFlags(cmd)
	return cmd
}

func (e *env) webhookTable(w io.Writer, hooks []api.Webhook) {
	t := table{{"ID", "URL", "TYPES", "KINDS", "STATE", "CREATED", "DESCRIPTION"}}
	for _, hook := range hooks {
		kinds := make([]string, len(hook.Kinds))
		for i, kind := range hook.Kinds {
			kinds[i] = string(kind)
		}
		state := "active"
		if hook.Disabled {
			state = "disabled"
		}
		t.row(hook.Id, hook.Url, allOr(hook.Types), allOr(kinds), state, e.clock(hook.CreatedAt), hook.Description)
	}
	t.write(w)
}

// allOr is a filter for people: an empty one lets all through.
func allOr(names []string) string {
	if len(names) == 0 {
		return "all"
	}
	return listed(names)
}

func newWebhookRemoveCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "remove ID",
		Short:   "Send no more events to a URL, and forget what it did not take",
		Example: "  steward webhook remove wh_5c0e1f9a2b3c4d5e",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			if _, err := read(c.DeleteWebhookWithResponse(cmd.Context(), args[0], &api.DeleteWebhookParams{IdempotencyKey: e.key(cmd)})); err != nil {
				return err
			}
			done := map[string]string{"removed": args[0]}
			return e.render(cmd, done, func(w io.Writer) { fmt.Fprintf(w, "%s is sent nothing any more\n", printable(args[0])) })
		},
	}
	addKeyFlag(cmd)
	return cmd
}

func newWebhookDeliveriesCommand(e *env) *cobra.Command {
	var list listOptions
	var dead bool
	cmd := &cobra.Command{
		Use:   "deliveries ID",
		Short: "List what a webhook's receiver did not take",
		Long: `Lists the events that a webhook's receiver did not take: pending ones are tried
again by themselves, dead ones only with "steward webhook resend". What was
taken is not listed.`,
		Example: "  steward webhook deliveries wh_5c0e1f9a2b3c4d5e --dead",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			var state api.DeliveryState
			if dead {
				state = "dead"
			}
			items, next, err := gather(list, func(cursor *string, limit int) ([]api.Delivery, string, error) {
				page, err := answer[api.DeliveryPage](c.ListDeliveriesWithResponse(cmd.Context(), args[0],
					&api.ListDeliveriesParams{State: optional(state), Cursor: cursor, Limit: &limit}))
				return page.Items, page.Next, err
			})
			if err != nil {
				return err
			}
			return e.render(cmd, api.DeliveryPage{Items: items, Next: next}, func(w io.Writer) {
				e.tellMore(len(items), next)
				e.deliveryTable(w, items)
			})
		},
	}
	cmd.Flags().BoolVar(&dead, "dead", false, "only those that are not tried again")
	list.addFlags(cmd)
	return cmd
}

func (e *env) deliveryTable(w io.Writer, items []api.Delivery) {
	t := table{{"EVENT", "TYPE", "STATE", "TRIES", "FIRST", "NEXT", "WHY"}}
	for _, d := range items {
		next := "-"
		if d.NextAt != nil {
			next = e.moment(*d.NextAt)
		}
		t.row(d.Event, d.Type, d.State, strconv.Itoa(d.Attempts), e.clock(d.FirstAt), next, d.Error)
	}
	t.write(w)
}

func newWebhookResendCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "resend ID [EVENT]",
		Short: "Send again what a webhook's receiver did not take",
		Long: `Sends a dead event again, or all of them. Without EVENT a webhook that was
disabled, because its receiver said that it is gone, goes on where it stopped.`,
		Example: `  steward webhook resend wh_5c0e1f9a2b3c4d5e
  steward webhook resend wh_5c0e1f9a2b3c4d5e CHG-1.7`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			resent, err := answer[api.Resent](resend(cmd, c, args, e.key(cmd)))
			if err != nil {
				return err
			}
			return e.render(cmd, resent, func(w io.Writer) { fmt.Fprintf(w, "sent again: %d\n", resent.Resent) })
		},
	}
	addKeyFlag(cmd)
	return cmd
}

func resend(cmd *cobra.Command, c *apiClient, args []string, key *string) (apiReply, error) {
	if len(args) == 1 {
		return c.ResendDeadWithResponse(cmd.Context(), args[0], &api.ResendDeadParams{IdempotencyKey: key})
	}
	return c.ResendDeliveryWithResponse(cmd.Context(), args[0], args[1], &api.ResendDeliveryParams{IdempotencyKey: key})
}
