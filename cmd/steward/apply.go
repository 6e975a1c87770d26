package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newApplyCommand(e *env) *cobra.Command {
	var paths []string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "apply -f FILE|DIR|-",
		Short: "Apply definitions: all of them or none",
		Long: `Checks the documents in files and keeps those that are new or changed: all of
them, or none where any has a fault. Each fault is told with its file, line and
column. Applying the same text again changes nothing.

Of a folder, every *.yaml, *.yml and *.json in it and below it is taken, but for
hidden ones (.git).`,
		Example: `  steward apply -f examples/acme
  steward apply -f flows.yaml -f people.yaml --dry-run
  generate-people | steward apply -f -`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			sources, err := e.sources(paths)
			if err != nil {
				return err
			}
			applied, err := e.apply(cmd, sources, dryRun)
			if err != nil {
				return err
			}
			return e.render(cmd, applied, func(w io.Writer) {
				e.tellWarnings(applied.Warnings)
				applyTable(w, applied)
			})
		},
	}
	cmd.Flags().StringArrayVarP(&paths, "filename", "f", nil, "`FILE`, folder, or - for standard input; may be given more than once")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only tell what would change")
	_ = cmd.MarkFlagRequired("filename")
	addKeyFlag(cmd)
	return cmd
}

func (e *env) apply(cmd *cobra.Command, sources []source, dryRun bool) (api.Applied, error) {
	c, err := e.client(cmd)
	if err != nil {
		return api.Applied{}, err
	}
	params := &api.ApplyDefinitionsParams{DryRun: &dryRun}
	if !dryRun {
		params.IdempotencyKey = e.key(cmd)
	}
	applied, err := sendSources(cmd.Context(), c, params, sources)
	var refused *refusal
	if errors.As(err, &refused) {
		restoreNames(refused, sources)
	}
	return applied, err
}

func sendSources(ctx context.Context, c *apiClient, params *api.ApplyDefinitionsParams, sources []source) (api.Applied, error) {
	body, contentType, err := form(sources)
	if err != nil {
		return api.Applied{}, fmt.Errorf("packing the files: %w", err)
	}
	return answer[api.Applied](c.ApplyDefinitionsWithBodyWithResponse(ctx, params, contentType, body))
}

// restoreNames puts file names as people gave them where the server's answer
// has those that were sent.
func restoreNames(refused *refusal, sources []source) {
	var pairs []string
	for _, s := range sources {
		pairs = append(pairs, s.sentName(), s.name)
	}
	names := strings.NewReplacer(pairs...)
	for i := range refused.Errors {
		fault := &refused.Errors[i]
		fault.File, fault.Message = names.Replace(fault.File), names.Replace(fault.Message)
	}
}

// tellWarnings tells of what is allowed but may not be meant.
func (e *env) tellWarnings(warnings []api.Warning) {
	for _, w := range warnings {
		fmt.Fprintf(e.errOut, "steward: warning: %s\n", printable(w.Kind+"/"+w.Name+": "+w.Message))
	}
}

func applyTable(w io.Writer, applied api.Applied) {
	counts := map[string]int{}
	var t table
	for _, change := range applied.Changes {
		counts[change.Action]++
		if change.Action != "unchanged" {
			t.row(change.Action, change.Kind+"/"+change.Name, fmt.Sprintf("version %d", change.Version), short(change.Digest))
		}
	}
	t.write(w)
	end := ""
	if applied.DryRun {
		end = "; nothing was applied (dry run)"
	}
	fmt.Fprintf(w, "%d created, %d updated, %d unchanged%s\n", counts["created"], counts["updated"], counts["unchanged"], end)
}

// short cuts a digest to what tells versions apart for people.
func short(digest string) string {
	const enough = 12
	_, hex, named := strings.Cut(digest, ":")
	if !named {
		hex = digest
	}
	return hex[:min(len(hex), enough)]
}
