package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// getOptions are the flags of get. Each list uses those that it knows.
type getOptions struct {
	list                            listOptions
	kind, state, requester, service string
	digest                          string
	versions                        bool
}

func newGetCommand(e *env) *cobra.Command {
	var o getOptions
	cmd := &cobra.Command{
		Use:   "get [ID|processes|definitions|KIND/NAME]",
		Short: "Show a process or a definition, or list them",
		Long: `Shows a process by its ID, or a definition by its kind and name, in full. Without
an ID it lists processes, the newest first; a kind in the plural (approvals)
lists those of that kind, a kind of definition (ApprovalFlow) those definitions.`,
		Example: `  steward get APR-1
  steward get CHG-1
  steward get INC-1
  steward get incidents --state open --service payments
  steward get approvals --state open
  steward get --requester raj --all -o json
  steward get definitions --kind ApprovalFlow
  steward get ApprovalFlow/purchase
  steward get ApprovalFlow/purchase --versions`,
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: append([]string{"processes", "definitions"}, definition.Kinds()...),
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.get(cmd, strings.Join(args, ""), o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.kind, "kind", "", "list only this `KIND`: of processes such as approval, of definitions such as ApprovalFlow")
	flags.StringVar(&o.state, "state", "", "list only processes in this `STATE`: open, blocked or closed")
	flags.StringVar(&o.requester, "requester", "", "list only processes asked for by this `NAME` (integration:NAME for an integration)")
	flags.StringVar(&o.service, "service", "", "list only processes about the service of this `NAME`")
	flags.BoolVar(&o.versions, "versions", false, "list the versions of a definition, the newest first")
	flags.StringVar(&o.digest, "digest", "", "show the version of a definition with this full `DIGEST`")
	o.list.addFlags(cmd)
	complete(cmd, "state", string(itsm.StateOpen), string(itsm.StateBlocked), string(itsm.StateClosed))
	return cmd
}

// get tells what is meant from how it is written.
func (e *env) get(cmd *cobra.Command, what string, o getOptions) error {
	c, err := e.client(cmd)
	if err != nil {
		return err
	}
	kind, name, isDefinition := strings.Cut(what, "/")
	_, isProcess := itsm.KindOf(what)
	switch {
	case isProcess:
		return e.getProcess(cmd, c, what)
	case isDefinition && o.versions:
		return e.listVersions(cmd, c, kind, name, o)
	case isDefinition:
		return e.getDefinition(cmd, c, kind, name, o)
	case what == "" || what == "processes":
		return e.listProcesses(cmd, c, o)
	case what == "definitions":
		return e.listDefinitions(cmd, c, o)
	case slices.Contains(definition.Kinds(), what):
		o.kind = what
		return e.listDefinitions(cmd, c, o)
	case strings.HasSuffix(what, "s") && isKind(strings.TrimSuffix(what, "s")):
		o.kind = strings.TrimSuffix(what, "s")
		return e.listProcesses(cmd, c, o)
	}
	return usagef("%q is neither an ID such as APR-1, nor a definition such as ApprovalFlow/purchase, nor a list such as processes, approvals or definitions", what)
}

// isKind reports whether a word is a kind of process.
func isKind(word string) bool {
	_, known := itsm.KindOf(itsm.Kind(word).ID(1))
	return known
}

func (e *env) getProcess(cmd *cobra.Command, c *apiClient, id string) error {
	process, err := answer[api.Process](c.GetProcessWithResponse(cmd.Context(), id))
	if err != nil {
		return err
	}
	var body string
	if isTable(cmd) { // programs get the process alone
		if body, err = e.processBody(cmd.Context(), c, process); err != nil {
			return err
		}
	}
	return e.render(cmd, process, func(w io.Writer) { e.processPage(w, process, body) })
}

func (e *env) listProcesses(cmd *cobra.Command, c *apiClient, o getOptions) error {
	items, next, err := gather(o.list, func(cursor *string, limit int) ([]api.Process, string, error) {
		page, err := answer[api.ProcessPage](c.ListProcessesWithResponse(cmd.Context(), &api.ListProcessesParams{
			Kind: optional(itsm.Kind(o.kind)), State: optional(itsm.State(o.state)), Requester: optional(o.requester), Service: optional(o.service),
			Cursor: cursor, Limit: &limit,
		}))
		return page.Items, page.Next, err
	})
	if err != nil {
		return err
	}
	return e.render(cmd, api.ProcessPage{Items: items, Next: next}, func(w io.Writer) {
		e.tellMore(len(items), next)
		t := table{{"ID", "STATE", "SUMMARY", "REQUESTER", "OPENED", "DUE"}}
		for _, p := range items {
			due := "-"
			if p.Due != nil {
				due = e.moment(*p.Due)
			}
			t.row(p.ID, placeIn(p), p.Summary, p.Requester.String(), e.clock(p.Opened), due)
		}
		t.write(w)
	})
}

func (e *env) listDefinitions(cmd *cobra.Command, c *apiClient, o getOptions) error {
	return e.definitionList(cmd, o, func(cursor *string, limit int) (api.DefinitionPage, error) {
		return answer[api.DefinitionPage](c.ListDefinitionsWithResponse(cmd.Context(), &api.ListDefinitionsParams{Kind: optional(o.kind), Cursor: cursor, Limit: &limit}))
	})
}

func (e *env) listVersions(cmd *cobra.Command, c *apiClient, kind, name string, o getOptions) error {
	return e.definitionList(cmd, o, func(cursor *string, limit int) (api.DefinitionPage, error) {
		return answer[api.DefinitionPage](c.ListVersionsWithResponse(cmd.Context(), kind, name, &api.ListVersionsParams{Cursor: cursor, Limit: &limit}))
	})
}

func (e *env) definitionList(cmd *cobra.Command, o getOptions, fetch func(*string, int) (api.DefinitionPage, error)) error {
	items, next, err := gather(o.list, func(cursor *string, limit int) ([]api.Definition, string, error) {
		page, err := fetch(cursor, limit)
		return page.Items, page.Next, err
	})
	if err != nil {
		return err
	}
	return e.render(cmd, api.DefinitionPage{Items: items, Next: next}, func(w io.Writer) {
		e.tellMore(len(items), next)
		t := table{{"DEFINITION", "TITLE", "VERSION", "DIGEST", "APPLIED", "BY"}}
		for _, d := range items {
			t.row(d.Kind+"/"+d.Name, d.Title, fmt.Sprint(d.Version), short(d.Digest), e.clock(d.AppliedAt), d.AppliedBy.String())
		}
		t.write(w)
	})
}

func (e *env) getDefinition(cmd *cobra.Command, c *apiClient, kind, name string, o getOptions) error {
	d, err := answer[api.Definition](c.GetDefinitionWithResponse(cmd.Context(), kind, name, &api.GetDefinitionParams{Digest: optional(o.digest)}))
	if err != nil {
		return err
	}
	return e.render(cmd, d, func(w io.Writer) {
		fmt.Fprintf(w, "# %s/%s, version %d of %s by %s\n# %s\n%s\n", d.Kind, d.Name, d.Version, e.clock(d.AppliedAt), printable(d.AppliedBy.String()),
			d.Digest, strings.TrimRight(printable(d.Text), "\n"))
	})
}
