package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
)

// directory answers who somebody is, from the definitions that are current now.
type directory struct {
	ctx       context.Context
	store     *store.Store
	requester itsm.Actor
	known     map[store.Ref]*definition.Document
}

// thenResume ends what is said of somebody who is missing, to those whose process
// waits for it.
const thenResume = ", then resume"

// persons resolves one reference into names of persons. Managers of approvers
// are those of the given ones. The error has CodeDefinitionUnknown where the
// directory lacks somebody it needs.
func (d *directory) persons(ref definition.Ref, approvers []string, at time.Time) ([]string, error) {
	switch {
	case ref.Person != "":
		return d.person(ref.Person)
	case ref.Group != "":
		return d.members(ref.Group)
	case ref.OnCall != "":
		return d.onCall(ref.OnCall, at)
	case ref.ManagerOf != "":
		return d.managersOf(ref.ManagerOf, approvers)
	default:
		return d.named(ref.Name)
	}
}

func (d *directory) person(name string) ([]string, error) {
	doc, err := d.lookUp(definition.KindPerson, name)
	if err != nil {
		return nil, err
	}
	if doc == nil {
		return nil, itsm.Errorf(itsm.CodeDefinitionUnknown, "there is no Person %q; apply one"+thenResume, name)
	}
	return []string{name}, nil
}

func (d *directory) members(group string) ([]string, error) {
	doc, err := d.lookUp(definition.KindGroup, group)
	if err != nil {
		return nil, err
	}
	if doc == nil {
		return nil, itsm.Errorf(itsm.CodeDefinitionUnknown, "there is no Group %q; apply one"+thenResume, group)
	}
	return doc.Spec.(*definition.Group).Members, nil
}

// onCall gives whoever is on call at an instant, which may be nobody.
func (d *directory) onCall(schedule string, at time.Time) ([]string, error) {
	doc, err := d.lookUp(definition.KindSchedule, schedule)
	if err != nil {
		return nil, err
	}
	if doc == nil {
		return nil, itsm.Errorf(itsm.CodeDefinitionUnknown, "there is no Schedule %q; apply one"+thenResume, schedule)
	}
	rota, err := doc.Spec.(*definition.Schedule).Build()
	if err != nil {
		return nil, fmt.Errorf("reading schedule %s: %w", schedule, err)
	}
	var names []string
	for _, shift := range rota.OnCall(at) {
		names = append(names, shift.Person)
	}
	return distinct(names), nil
}

// managersOf gives the managers of the requester, of the approvers, or of one
// named person. Who has no manager adds nobody.
func (d *directory) managersOf(whom string, approvers []string) ([]string, error) {
	people := []string{whom}
	switch whom {
	case "requester":
		people = nil
		if d.requester.Kind == itsm.ActorPerson {
			people = []string{d.requester.Name}
		}
	case "approvers":
		people = approvers
	}
	docs, err := d.lookUpAll(definition.KindPerson, people)
	if err != nil {
		return nil, err
	}
	var managers []string
	for _, doc := range docs {
		if doc == nil {
			continue
		}
		if manager := doc.Spec.(*definition.Person).Manager; manager != "" {
			managers = append(managers, manager)
		}
	}
	return distinct(managers), nil
}

// named resolves a name that may be a person's or a group's; the two share no
// names. An empty name is nobody.
func (d *directory) named(name string) ([]string, error) {
	if name == "" {
		return nil, nil
	}
	group, err := d.lookUp(definition.KindGroup, name)
	if err != nil {
		return nil, err
	}
	if group != nil {
		return group.Spec.(*definition.Group).Members, nil
	}
	return d.person(name)
}

// absences gives the times from an instant on in which people are away.
func (d *directory) absences(people []string, from time.Time) (map[string][]itsm.Absence, error) {
	found, err := d.store.Absences(d.ctx, people, from, from.AddDate(1, 0, 0))
	if err != nil {
		return nil, fmt.Errorf("reading absences: %w", err)
	}
	byPerson := map[string][]itsm.Absence{}
	for _, absence := range found {
		byPerson[absence.Person] = append(byPerson[absence.Person], absence)
	}
	return byPerson, nil
}

func (d *directory) lookUp(kind, name string) (*definition.Document, error) {
	docs, err := d.lookUpAll(kind, []string{name})
	if err != nil {
		return nil, err
	}
	return docs[0], nil
}

// lookUpAll reads several definitions with one statement, each once.
func (d *directory) lookUpAll(kind string, names []string) ([]*definition.Document, error) {
	if d.known == nil {
		d.known = map[store.Ref]*definition.Document{}
	}
	var missing []store.Ref
	for _, name := range names {
		ref := store.Ref{Kind: kind, Name: name}
		if _, known := d.known[ref]; !known && !slices.Contains(missing, ref) {
			missing = append(missing, ref)
		}
	}
	if err := d.load(missing); err != nil {
		return nil, err
	}
	docs := make([]*definition.Document, len(names))
	for i, name := range names {
		docs[i] = d.known[store.Ref{Kind: kind, Name: name}]
	}
	return docs, nil
}

func (d *directory) load(refs []store.Ref) error {
	if len(refs) == 0 {
		return nil
	}
	rows, err := d.store.CurrentDefinitions(d.ctx, refs...)
	if err != nil {
		return fmt.Errorf("reading the directory: %w", err)
	}
	for _, ref := range refs {
		d.known[ref] = nil
	}
	for _, row := range rows {
		doc, err := definition.FromCanonical(row.Spec)
		if err != nil {
			return fmt.Errorf("reading %s %s: %w", row.Kind, row.Name, err)
		}
		d.known[store.Ref{Kind: row.Kind, Name: row.Name}] = &doc
	}
	return nil
}
