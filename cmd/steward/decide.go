package main

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

func newApproveCommand(e *env) *cobra.Command {
	return newDecideCommand(e, itsm.Approve, "Say yes to what waits for your decision", "approved")
}

func newRejectCommand(e *env) *cobra.Command {
	return newDecideCommand(e, itsm.Reject, "Say no to what waits for your decision", "rejected")
}

func newAbstainCommand(e *env) *cobra.Command {
	return newDecideCommand(e, itsm.Abstain, "Vote without saying yes or no", "answered with an abstention")
}

func newDecideCommand(e *env, verdict itsm.Verdict, what, done string) *cobra.Command {
	body := api.DecisionRequest{Decision: verdict}
	cmd := &cobra.Command{
		Use:   string(verdict) + " ID",
		Short: what,
		Long: what + `. Until the stage closes, another decision
replaces the one before.

A decision is for one stage. Without --stage that is the one which is open when
the command begins; should another be open by the time the decision arrives, it
is refused and not counted there. With --idempotency-key the process is not
looked at first, so that a script sends the same command however often it runs;
name --stage too, then, or the decision is for whatever stage is open.

Running the command twice is deciding twice, perhaps at another stage the second
time. Where the first run got no answer, it printed the line to run instead.`,
		Example: "  steward " + string(verdict) + " APR-1\n  steward " + string(verdict) + ` APR-1 --stage finance --comment "Within this year's budget?"`,
	}
	cmd.Flags().StringVar(&body.Comment, "comment", "", "why; some flows demand it")
	cmd.Flags().StringVar(&body.Stage, "stage", "", "`NAME` of the stage that is meant")
	return e.changing(cmd, done, func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error) {
		if body.Stage == "" && !cmd.Flag("idempotency-key").Changed {
			stage, err := openStage(cmd.Context(), c, id)
			if err != nil {
				return nil, err
			}
			if stage != "" {
				body.Stage = stage
				e.again = append(e.again, "--stage", stage)
			}
		}
		return c.DecideApprovalWithResponse(cmd.Context(), id, &api.DecideApprovalParams{IdempotencyKey: e.key(cmd)}, body)
	})
}

// openStage gives the name of the stage that waits for decisions, or nothing.
func openStage(ctx context.Context, c *apiClient, id string) (string, error) {
	process, err := answer[api.Process](c.GetProcessWithResponse(ctx, id))
	if err != nil {
		return "", err
	}
	return approvalDetail(process).Stage, nil
}

// approvalDetail reads what only approvals have; of another process, nothing.
func approvalDetail(process api.Process) itsm.ApprovalDetail {
	var detail itsm.ApprovalDetail
	if process.Kind != itsm.KindApproval || json.Unmarshal(process.Detail, &detail) != nil {
		return itsm.ApprovalDetail{}
	}
	return detail
}
