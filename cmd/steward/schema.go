package main

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/definition"
)

func newSchemaCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "schema KIND",
		Short: "Print the JSON Schema of a kind of definition, for editors",
		Long: `Prints the JSON Schema (draft 2020-12) that documents of a kind must fit. It is
that of this binary, and no server is asked.

Kinds: ` + strings.Join(definition.Kinds(), ", "),
		Example:   `  steward schema ApprovalFlow > ApprovalFlow.schema.json`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: definition.Kinds(),
		RunE: func(cmd *cobra.Command, args []string) error {
			schema, err := definition.Schema(args[0])
			if err != nil {
				return err
			}
			return e.render(cmd, json.RawMessage(schema), func(w io.Writer) {
				_, _ = w.Write(schema) // a buffer
			})
		},
	}
}
