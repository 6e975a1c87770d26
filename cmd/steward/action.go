package main

import (
	"regexp"
	"strings"

	"github.com/steward-itsm/steward/server/api"
)

// actionField is where a field of an action begins. Other commas and equals
// signs belong to the text.
var actionField = regexp.MustCompile(`(?:^|,) *(title|who|due)=`)

// actions reads what people wrote as --action.
func (e *env) actions(given []string) ([]api.ActionWanted, error) {
	var all []api.ActionWanted
	for _, text := range given {
		action, err := e.action(text)
		if err != nil {
			return nil, err
		}
		all = append(all, action)
	}
	return all, nil
}

func (e *env) action(text string) (action api.ActionWanted, err error) {
	fields := map[string]string{}
	marks := actionField.FindAllStringSubmatchIndex(text, -1)
	for i, mark := range marks {
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		fields[text[mark[2]:mark[3]]] = strings.TrimSpace(text[mark[1]:end])
	}
	if len(marks) == 0 || marks[0][0] != 0 || len(fields) != len(marks) || fields["title"] == "" || fields["who"] == "" {
		return action, usagef("--action is %q; write it like \"title=Split the queue,who=alice,due=2026-12-18\", each at most once; due may be left out", text)
	}
	action.Title, action.Who = fields["title"], fields["who"]
	action.Due, err = e.optionalInstant("action due", fields["due"])
	return action, err
}
