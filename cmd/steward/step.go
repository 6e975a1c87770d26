package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newStepCommand(e *env) *cobra.Command {
	return group(&cobra.Command{
		Use:   "step",
		Short: "Go on with a blocked step by hand",
		Long: `A step that can't go on by itself is blocked; steward get says why, and whom it
told. Whoever has the role goes on from there, with a reason that stays in the
journal. A step that is not blocked can't be changed by hand.`,
	}, newStepRetryCommand(e), newStepSkipCommand(e), newStepCompleteCommand(e))
}

func newStepRetryCommand(e *env) *cobra.Command {
	var body api.Reason
	cmd := &cobra.Command{
		Use:     "retry ID STEP --comment WHY",
		Short:   "Try a blocked step again",
		Example: `  steward step retry CHG-1 migration.2.undo --comment "The deployment server is back"`,
	}
	return e.byHand(cmd, &body.Comment, "is tried again", func(cmd *cobra.Command, c *apiClient, args []string) (apiReply, error) {
		return c.RetryStepWithResponse(cmd.Context(), args[0], args[1], &api.RetryStepParams{IdempotencyKey: e.key(cmd)}, body)
	})
}

func newStepSkipCommand(e *env) *cobra.Command {
	var body api.Reason
	cmd := &cobra.Command{
		Use:     "skip ID STEP --comment WHY",
		Short:   "Go on without a blocked step",
		Example: `  steward step skip CHG-1 support.1.2.1 --comment "The service desk has no new work from this"`,
	}
	return e.byHand(cmd, &body.Comment, "skipped", func(cmd *cobra.Command, c *apiClient, args []string) (apiReply, error) {
		return c.SkipStepWithResponse(cmd.Context(), args[0], args[1], &api.SkipStepParams{IdempotencyKey: e.key(cmd)}, body)
	})
}

func newStepCompleteCommand(e *env) *cobra.Command {
	var body api.StepCompletion
	var output string
	cmd := &cobra.Command{
		Use:     "complete ID STEP --comment WHY",
		Short:   "Say that a blocked step was done outside Steward",
		Example: `  steward step complete CHG-1 migration.2 --comment "Deployed by hand" --result '{"body": {"build": 4711}}'`,
	}
	cmd.Flags().StringVar(&output, "result", "", "what later steps see of it, as `JSON`")
	return e.byHand(cmd, &body.Comment, "completed", func(cmd *cobra.Command, c *apiClient, args []string) (apiReply, error) {
		if output != "" && !json.Valid([]byte(output)) {
			return nil, usagef("--result is not JSON; write it like '{\"body\": {\"build\": 4711}}'")
		}
		body.Output = json.RawMessage(output)
		return c.CompleteStepWithResponse(cmd.Context(), args[0], args[1], &api.CompleteStepParams{IdempotencyKey: e.key(cmd)}, body)
	})
}

// byHand makes a command about a blocked step, which always takes a reason.
func (e *env) byHand(cmd *cobra.Command, comment *string, done string, send func(*cobra.Command, *apiClient, []string) (apiReply, error)) *cobra.Command {
	cmd.Flags().StringVar(comment, "comment", "", "why this is done by hand; kept with the event")
	_ = cmd.MarkFlagRequired("comment")
	return e.changingAt(cmd, done, 2, send)
}
