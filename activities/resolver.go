package activities

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

// resolver finds out what a definition leaves open, on the facts of one process
// and at one instant.
type resolver struct {
	expressions *definition.Expressions
	facts       definition.Facts
	directory   *directory
	calendar    *itsm.Calendar // of whose working time durations are; nil: time passes
	at          time.Time
}

// people resolves references into persons, each once, in the order in which
// they are written.
func (r *resolver) people(refs []definition.Ref, approvers []string) ([]string, error) {
	var persons []string
	for _, ref := range refs {
		found, err := r.named(ref)
		if err != nil {
			return nil, err
		}
		for _, one := range found {
			names, err := r.directory.persons(one, approvers, r.at)
			if err != nil {
				return nil, err
			}
			persons = append(persons, names...)
		}
	}
	return distinct(persons), nil
}

// named gives the references that an expression yields; any other is itself.
func (r *resolver) named(ref definition.Ref) ([]definition.Ref, error) {
	if ref.From == "" {
		return []definition.Ref{ref}, nil
	}
	found, err := r.expressions.Refs(ref.From, r.facts)
	if err != nil {
		return nil, itsm.Errorf(itsm.CodeDefinitionInvalid, "%q can't be evaluated: %v", ref.From, err)
	}
	return found, nil
}

// problemOf tells what somebody must mend from what is worth another try. The
// first is part of the answer, and blocks the process.
func problemOf(err error) (problem string, other error) {
	if fault := (*itsm.Error)(nil); errors.As(err, &fault) {
		return fault.Message, nil
	}
	return "", err
}

// document reads a definition that a process carries, where it has one.
func document(d *workflows.Definition) (*definition.Document, error) {
	if d == nil {
		return nil, nil
	}
	doc, err := definition.FromCanonical(d.Document)
	if err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", d.Kind, d.Name, err)
	}
	return &doc, nil
}

// distinct keeps the first of each name.
func distinct(names []string) []string {
	var kept []string
	for _, name := range names {
		if !slices.Contains(kept, name) {
			kept = append(kept, name)
		}
	}
	return kept
}
