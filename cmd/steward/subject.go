package main

import (
	"encoding/json"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

func addSubjectFlag(cmd *cobra.Command, subject *string) {
	cmd.Flags().StringVar(subject, "subject", "", "what it is about, as `JSON`: an object, @FILE, or - for standard input")
}

// subject reads what --subject gives or points to. Whether it fits the flow is
// for the server to say.
func (e *env) subject(given string) (json.RawMessage, error) {
	text := []byte(given)
	var err error
	if path, ok := strings.CutPrefix(given, "@"); ok {
		text, err = os.ReadFile(path)
	} else if given == "-" {
		text, err = e.stdin()
	}
	if err != nil {
		return nil, usagef("--subject: %v", err)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, usagef("--subject is not a JSON object (%v); write '{\"item\": \"Oscilloscope\"}', @FILE or -", err)
	}
	return text, nil
}
