package engine

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
	"github.com/steward-itsm/steward/workflows"
)

// current loads the current versions of definitions, in the order asked for,
// with nil for those that there are not.
func (e *Engine) current(ctx context.Context, refs ...store.Ref) ([]*definition.Document, error) {
	docs := make([]*definition.Document, len(refs))
	if len(refs) == 0 {
		return docs, nil
	}
	rows, err := e.store.CurrentDefinitions(ctx, refs...)
	if err != nil {
		return nil, fmt.Errorf("reading definitions: %w", err)
	}
	for i, ref := range refs {
		for _, row := range rows {
			if row.Kind != ref.Kind || row.Name != ref.Name {
				continue
			}
			doc, err := definition.FromCanonical(row.Spec)
			if err != nil {
				return nil, fmt.Errorf("reading %s %s: %w", ref.Kind, ref.Name, err)
			}
			docs[i] = &doc
		}
	}
	return docs, nil
}

// rulesOf loads the versions of the flow and the service that a process runs
// under, which may not be the current ones.
func (e *Engine) rulesOf(ctx context.Context, view itsm.View) (flow definition.Document, service *definition.Document, err error) {
	for _, ref := range view.Definitions {
		if ref.Kind != definition.KindApprovalFlow && ref.Kind != definition.KindService {
			continue
		}
		row, err := e.store.Definition(ctx, ref.Kind, ref.Name, ref.Digest)
		if err != nil {
			return flow, nil, fmt.Errorf("reading the version of %s %s that %s runs under: %w", ref.Kind, ref.Name, view.ID, err)
		}
		doc, err := definition.FromCanonical(row.Spec)
		if err != nil {
			return flow, nil, fmt.Errorf("reading %s %s: %w", ref.Kind, ref.Name, err)
		}
		if ref.Kind == definition.KindApprovalFlow {
			flow = doc
		} else {
			service = &doc
		}
	}
	if flow.Spec == nil {
		return flow, nil, itsm.Errorf(itsm.CodeNotFound, "%s is not an approval", view.ID)
	}
	return flow, service, nil
}

// carry makes the copy of a definition that a process takes with it.
func carry(doc definition.Document) workflows.Definition {
	return workflows.Definition{
		DefinitionRef: itsm.DefinitionRef{Kind: doc.Kind, Name: doc.Name, Digest: doc.Digest},
		Document:      doc.Canonical,
	}
}

// summarise gives the line under which an approval is listed.
func summarise(flow definition.Document, service *definition.Document, subject json.RawMessage, requester itsm.Actor) (string, error) {
	line, err := definition.Summary(flow, definition.FactsOf(subject, service, requester))
	switch {
	case err != nil:
		return "", itsm.FieldErrorf(itsm.CodeSubjectInvalid, "/subject", "the flow's summary can't be made of this subject: %v", err)
	case line != "":
		return definition.OneLine(line), nil
	case flow.Title != "":
		return flow.Title, nil
	default:
		return flow.Name, nil
	}
}

// subjectAtMost is in bytes of JSON: histories, events and views carry it.
const subjectAtMost = 256 << 10

// validator is a spec that says what subjects it takes.
type validator interface {
	ValidateSubject(subject json.RawMessage) (json.RawMessage, error)
}

// checkSubject gives the subject with the flow's defaults. The error has
// CodeSubjectInvalid or CodeTooLarge.
func checkSubject(spec validator, subject json.RawMessage) (json.RawMessage, error) {
	checked, err := spec.ValidateSubject(subject)
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(checked) // as histories write it: some characters take six bytes
	if err != nil {
		return nil, fmt.Errorf("writing the subject: %w", err)
	}
	if len(encoded) > subjectAtMost {
		return nil, itsm.FieldErrorf(itsm.CodeTooLarge, "/subject",
			"the subject takes %d KiB as JSON, and %d may be; keep large texts elsewhere and name where", len(encoded)>>10, subjectAtMost>>10)
	}
	return checked, nil
}

// bound gives the digest of what approvals are bound to. The error has
// CodeSubjectInvalid where the flow can't say it of this subject.
func bound(flow definition.Document, service *definition.Document, subject json.RawMessage, requester itsm.Actor) (string, error) {
	digest, err := definition.Bound(flow, definition.FactsOf(subject, service, requester))
	if err != nil {
		return "", itsm.FieldErrorf(itsm.CodeSubjectInvalid, "/subject", "the flow can't say what approvals are bound to in this subject: %v", err)
	}
	return digest, nil
}
