package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"slices"
	"time"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
	"github.com/steward-itsm/steward/store"
)

// catalog shows the applied definitions to those who check new ones.
type catalog struct {
	current store.Catalog
	err     error // the first definition that could not be read
}

// Lookup implements definition.Catalog.
func (c *catalog) Lookup(kind, name string) (definition.Document, bool) {
	row, ok := c.current.Lookup(kind, name)
	if !ok {
		return definition.Document{}, false
	}
	doc, err := definition.FromCanonical(row.Spec)
	if err != nil {
		c.err = errors.Join(c.err, fmt.Errorf("reading %s %s: %w", kind, name, err))
	}
	return doc, err == nil
}

// apply checks documents against each other and what is applied already, and
// stores what is new: all of it or nothing, and once for each key. The error is definition.Problems
// with every fault, or has itsm.CodeInvalid, CodeForbidden or CodeKeyReused.
func (s *Server) apply(ctx context.Context, sources []definition.Source, dryRun bool, by caller, at time.Time) ([]store.Change, error) {
	command := store.Command{Actor: by.actor}
	if !dryRun { // which changes nothing, so there is nothing to keep from being done twice
		command.Key, command.Fingerprint = by.key, fingerprint(sources)
	}
	return s.store.ApplyDefinitions(ctx, command, func(current store.Catalog) ([]store.Definition, error) {
		existing := &catalog{current: current}
		docs, problems := definition.Load(existing, sources...)
		if existing.err != nil {
			return nil, existing.err
		}
		if len(problems) > 0 {
			return nil, problems
		}
		if len(docs) == 0 {
			return nil, itsm.Errorf(itsm.CodeInvalid, "there is no document in this; send at least one")
		}
		rows := make([]store.Definition, len(docs))
		for i, doc := range docs {
			if err := checkGrant(doc, existing, by); err != nil {
				return nil, err
			}
			rows[i] = store.Definition{
				Kind: doc.Kind, Name: doc.Name, Digest: doc.Digest, Title: doc.Title, Owner: doc.Owner,
				Spec: doc.Canonical, Text: doc.Text,
			}
		}
		if dryRun {
			return rows, store.ErrDryRun
		}
		return rows, nil
	}, at)
}

// fingerprint tells a retry from another apply under the same key.
func fingerprint(sources []definition.Source) string {
	sum := sha256.New()
	for _, source := range sources {
		_, _ = fmt.Fprintf(sum, "apply %q %d\n%s", source.Name, len(source.Text), source.Text) // a hash takes all
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// checkGrant lets only those give or take roles who may: process owners write
// people too, and would else make themselves administrators.
func checkGrant(doc definition.Document, existing *catalog, by caller) error {
	person, ok := doc.Spec.(*definition.Person)
	if !ok || by.may(rolesGrant) {
		return nil
	}
	var before []string
	if old, found := existing.Lookup(doc.Kind, doc.Name); found {
		before = old.Spec.(*definition.Person).Roles
	}
	if slices.Equal(slices.Sorted(slices.Values(before)), slices.Sorted(slices.Values(person.Roles))) {
		return nil
	}
	return itsm.Errorf(itsm.CodeForbidden, "%s may not change the roles of Person %s (%s); ask an administrator to apply it", by.actor.Name, doc.Name, rolesGrant)
}

func (o operations) ApplyDefinitions(ctx context.Context, r api.ApplyDefinitionsRequestObject) (api.ApplyDefinitionsResponseObject, error) {
	sources, err := sourcesOf(r)
	if err != nil {
		return nil, err
	}
	dryRun := given(r.Params.DryRun)
	changes, err := o.apply(ctx, sources, dryRun, callerOf(ctx), o.now())
	if err != nil {
		return nil, err
	}
	warnings := o.warningsOf(sources)
	applied := api.ApplyDefinitions200JSONResponse{DryRun: dryRun, Changes: make([]api.Change, len(changes)), Warnings: warnings}
	for i, c := range changes {
		applied.Changes[i] = api.Change{Kind: c.Kind, Name: c.Name, Digest: c.Digest, Action: string(c.Action), Version: c.Number}
	}
	return applied, nil
}

// sourcesOf gives the texts of a request, whichever way they were sent.
func sourcesOf(r api.ApplyDefinitionsRequestObject) ([]definition.Source, error) {
	switch {
	case r.MultipartBody != nil:
		return filesOf(r.MultipartBody)
	case r.JSONBody != nil:
		return []definition.Source{{Name: "body", Text: *r.JSONBody}}, nil
	}
	text, err := io.ReadAll(r.Body)
	return []definition.Source{{Name: "body", Text: text}}, err
}

func filesOf(form *multipart.Reader) ([]definition.Source, error) {
	var sources []definition.Source
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return sources, nil
		}
		if err != nil {
			return nil, itsm.Errorf(itsm.CodeMalformed, "the form can't be read: %v", err)
		}
		if part.FileName() == "" {
			return nil, itsm.Errorf(itsm.CodeInvalid, "the form's part %q is no file; send files alone", part.FormName())
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return nil, itsm.Errorf(itsm.CodeMalformed, "the form can't be read: %v", err)
		}
		sources = append(sources, definition.Source{Name: part.FileName(), Text: text})
	}
}

func (o operations) ListDefinitions(ctx context.Context, r api.ListDefinitionsRequestObject) (api.ListDefinitionsResponseObject, error) {
	page, err := o.store.Definitions(ctx, given(r.Params.Kind), given(r.Params.Cursor), given(r.Params.Limit))
	if err != nil {
		return nil, err
	}
	return api.ListDefinitions200JSONResponse(shownPage(page)), nil
}

func (o operations) ListVersions(ctx context.Context, r api.ListVersionsRequestObject) (api.ListVersionsResponseObject, error) {
	page, err := o.store.Versions(ctx, r.Kind, r.Name, given(r.Params.Cursor), given(r.Params.Limit))
	if err == nil && len(page.Items) == 0 {
		_, err = o.store.Definition(ctx, r.Kind, r.Name, "")
	}
	if err != nil {
		return nil, err
	}
	return api.ListVersions200JSONResponse(shownPage(page)), nil
}

func (o operations) GetDefinition(ctx context.Context, r api.GetDefinitionRequestObject) (api.GetDefinitionResponseObject, error) {
	found, err := o.store.Definition(ctx, r.Kind, r.Name, given(r.Params.Digest))
	if err != nil {
		return nil, err
	}
	shown := shownDefinition(found)
	shown.Document, shown.Text = found.Spec, found.Text
	return api.GetDefinition200JSONResponse(shown), nil
}

func (o operations) GetSchema(_ context.Context, r api.GetSchemaRequestObject) (api.GetSchemaResponseObject, error) {
	schema, err := definition.Schema(r.Kind)
	if err != nil {
		return nil, err
	}
	return verbatim(schema), nil
}

// shownPage leaves out the texts, which would make lists long.
func shownPage(page store.Page[store.Definition]) api.DefinitionPage {
	shown := api.DefinitionPage{Items: make([]api.Definition, len(page.Items)), Next: page.Next}
	for i, d := range page.Items {
		shown.Items[i] = shownDefinition(d)
	}
	return shown
}

func shownDefinition(d store.Definition) api.Definition {
	return api.Definition{
		Kind: d.Kind, Name: d.Name, Digest: d.Digest, Title: d.Title, Owner: d.Owner,
		Version: d.Number, AppliedAt: d.AppliedAt, AppliedBy: d.AppliedBy,
	}
}
