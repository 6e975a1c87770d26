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
func (e *env) subject(given string) (json.RawMessage, error) { return e.object("subject", given) }

// object reads the JSON object that a flag gives or points to.
func (e *env) object(flag, given string) (json.RawMessage, error) {
	text := []byte(given)
	var err error
	if path, ok := strings.CutPrefix(given, "@"); ok {
		text, err = os.ReadFile(path)
	} else if given == "-" {
		text, err = e.stdin()
	}
	if err != nil {
		return nil, usagef("--%s: %v", flag, err)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, usagef("--%s is not a JSON object (%v); write '{\"item\": \"Oscilloscope\"}', @FILE or -", flag, err)
	}
	return text, nil
}
