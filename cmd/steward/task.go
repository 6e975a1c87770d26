package main

import (
	"bytes"
	"context"
	"mime"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newTaskCommand(e *env) *cobra.Command {
	return group(&cobra.Command{
		Use:   "task",
		Short: "Work on a task that waits for you",
		Long: `A task waits for one of several people. Its ID is in the inbox: CHG-1.validation.1
is the first step of the stage validation of CHG-1, INC-1.review the review of a
major incident.`,
	}, newTaskClaimCommand(e), newTaskReleaseCommand(e), newTaskCheckCommand(e), newTaskCompleteCommand(e))
}

func newTaskClaimCommand(e *env) *cobra.Command {
	var body api.Remark
	cmd := &cobra.Command{
		Use:     "claim TASK",
		Short:   "Take a task on, so that nobody else does it",
		Example: `  steward task claim CHG-1.validation.1`,
	}
	cmd.Flags().StringVar(&body.Comment, "comment", "", "what there is to say; kept with the event")
	return e.changing(cmd, "claimed", func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error) {
		return c.ClaimTaskWithResponse(cmd.Context(), id, &api.ClaimTaskParams{IdempotencyKey: e.key(cmd)}, body)
	})
}

func newTaskReleaseCommand(e *env) *cobra.Command {
	var body api.Remark
	cmd := &cobra.Command{
		Use:     "release TASK",
		Short:   "Give a task back to all who may do it",
		Example: `  steward task release CHG-1.validation.1 --comment "On leave from tomorrow"`,
	}
	cmd.Flags().StringVar(&body.Comment, "comment", "", "why; kept with the event")
	return e.changing(cmd, "released", func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error) {
		return c.ReleaseTaskWithResponse(cmd.Context(), id, &api.ReleaseTaskParams{IdempotencyKey: e.key(cmd)}, body)
	})
}

func newTaskCheckCommand(e *env) *cobra.Command {
	var work workFlags
	cmd := &cobra.Command{
		Use:   "check TASK",
		Short: "Tick off items of a task's checklist, and add evidence",
		Example: `  steward task check CHG-1.validation.1 --check "Regression tests green" --evidence-link https://ci.acme.test/run/512
  steward task check CHG-1.validation.1 --evidence-file report.pdf`,
	}
	work.addFlags(cmd)
	return e.changing(cmd, "noted", func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error) {
		body, err := work.body(cmd.Context(), c)
		if err != nil {
			return nil, err
		}
		return c.WorkOnTaskWithResponse(cmd.Context(), id, &api.WorkOnTaskParams{IdempotencyKey: e.key(cmd)}, body)
	})
}

func newTaskCompleteCommand(e *env) *cobra.Command {
	var work workFlags
	var actions []string
	cmd := &cobra.Command{
		Use:   "complete TASK",
		Short: "Finish a task",
		Long: `Finishes a task. Every item of its checklist must be ticked off, now or before,
and evidence given where the model demands it. With --result failed, and a
comment that says why, it ends in failure, and the process takes back what was
done. The review of a transition ends as successful, successful-with-issues or
unsuccessful.

The review of a major incident may want things done: each --action becomes a task
of its own. It is title=…,who=…, and perhaps due=… with a time.`,
		Example: `  steward task complete CHG-1.validation.1 --check "Backout rehearsed" --evidence-text "Rehearsed on staging, 4 minutes"
  steward task complete CHG-1.migration.3 --result failed --comment "Payments are refused"
  steward task complete CHG-1.review --result successful-with-issues --lessons "Warn the service desk a day earlier"
  steward task complete INC-1.review --lessons "One queue for all is too little" --action "title=Split the queue,who=alice,due=2026-12-18"`,
	}
	work.addFlags(cmd)
	cmd.Flags().StringVar(&work.given.Result, "result", "", "how it ended, if not well: `RESULT`")
	cmd.Flags().StringVar(&work.given.Lessons, "lessons", "", "what a review found, as `TEXT`")
	cmd.Flags().StringArrayVar(&actions, "action", nil, "what a major incident's review wants done, as `title=…,who=…,due=…`; repeat it for others")
	complete(cmd, "result", "done", "failed", "successful", "successful-with-issues", "unsuccessful")
	return e.changing(cmd, "completed", func(cmd *cobra.Command, c *apiClient, id string) (apiReply, error) {
		wanted, err := e.actions(actions)
		if err != nil {
			return nil, err
		}
		body, err := work.body(cmd.Context(), c)
		if err != nil {
			return nil, err
		}
		body.Actions = wanted
		return c.CompleteTaskWithResponse(cmd.Context(), id, &api.CompleteTaskParams{IdempotencyKey: e.key(cmd)}, body)
	})
}

// workFlags are the flags about what was done on a task.
type workFlags struct {
	given               api.TaskWork
	texts, links, files []string
}

func (w *workFlags) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&w.given.Check, "check", nil, "`ITEM` of the checklist that is done, as it stands there; repeat it for others")
	flags.StringArrayVar(&w.texts, "evidence-text", nil, "evidence, as `TEXT`")
	flags.StringArrayVar(&w.links, "evidence-link", nil, "evidence, at this `URL`")
	flags.StringArrayVar(&w.files, "evidence-file", nil, "evidence, as a `FILE` that is uploaded; up to 10 MiB")
	flags.StringVar(&w.given.Comment, "comment", "", "what there is to say; kept with the event")
}

// body uploads the files and gives all of the work. The same file again is the
// same evidence.
func (w *workFlags) body(ctx context.Context, c *apiClient) (api.TaskWork, error) {
	work := w.given
	for _, text := range w.texts {
		work.Evidence = append(work.Evidence, api.EvidenceGiven{Text: text})
	}
	for _, link := range w.links {
		work.Evidence = append(work.Evidence, api.EvidenceGiven{Link: link})
	}
	for _, path := range w.files {
		file, err := c.upload(ctx, path)
		if err != nil {
			return api.TaskWork{}, err
		}
		work.Evidence = append(work.Evidence, api.EvidenceGiven{File: file.Digest})
	}
	return work, nil
}

// upload puts a file where evidence is kept.
func (c *apiClient) upload(ctx context.Context, path string) (api.File, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return api.File{}, usagef("--evidence-file: %v", err)
	}
	media := mime.TypeByExtension(filepath.Ext(path))
	if media == "" {
		media = "application/octet-stream"
	}
	return answer[api.File](c.PutFileWithBodyWithResponse(ctx, &api.PutFileParams{Name: filepath.Base(path)}, media, bytes.NewReader(content)))
}
