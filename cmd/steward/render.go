package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
)

// formats are the values of --output.
var formats = []string{"table", "json", "yaml"}

// moreFormats annotates a command that has a format of its own.
const moreFormats = "steward/formats"

func formatsOf(cmd *cobra.Command) []string {
	if more := cmd.Annotations[moreFormats]; more != "" {
		return append(slices.Clip(formats), more)
	}
	return formats
}

// isTable reports whether the output is for people.
func isTable(cmd *cobra.Command) bool { return cmd.Flag("output").Value.String() == "table" }

// render writes a value in the form that --output asks for: for people what
// table writes, or the value itself, which is the same in JSON and in YAML.
func (e *env) render(cmd *cobra.Command, value any, table func(w io.Writer)) error {
	format := cmd.Flag("output").Value.String()
	if isTable(cmd) {
		var page bytes.Buffer
		table(&page)
		_, err := e.out.Write(page.Bytes())
		return err
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	out := text.Bytes()
	if format == "yaml" {
		var err error
		if out, err = yamlOf(out); err != nil {
			return fmt.Errorf("writing YAML: %w", err)
		}
	}
	_, err := e.out.Write(out)
	return err
}
