package definition

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/steward-itsm/steward/itsm"
)

// Source is a text that holds documents, as YAML or JSON.
type Source struct {
	Name string // a file's name, or "body"
	Text []byte
}

// Document is one version of one definition. Treat it as read-only: its Spec
// may be shared.
type Document struct {
	Kind      string
	Name      string
	Title     string
	Owner     string          // a Person or Group, or ""
	Digest    string          // "sha256:…" of Canonical; names the version
	Canonical json.RawMessage // the whole document with sorted keys; comments and layout don't matter to it
	Text      string          // this document's YAML as written; "" after FromCanonical
	File      string
	Line      int // where the document begins, from 1
	Spec      any // pointer to the kind's struct, such as *ApprovalFlow

	root   *yaml.Node // nil after FromCanonical
	source *text
}

// header is what all kinds have in common.
type header struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name  string `json:"name"`
		Title string `json:"title"`
		Owner string `json:"owner"`
	} `json:"metadata"`
	Spec json.RawMessage `json:"spec"`
}

// kindInfo is what the package must know of a kind; the schema is in
// schemas/<kind>.json.
type kindInfo struct {
	name    string
	newSpec func() spec
}

// kinds are in the order in which documents build on each other.
var kinds = []kindInfo{
	{"Person", func() spec { return &Person{} }},
	{"Group", func() spec { return &Group{} }},
	{"Calendar", func() spec { return &Calendar{} }},
	{"Schedule", func() spec { return &Schedule{} }},
	{"Service", func() spec { return &Service{} }},
	{"ApprovalFlow", func() spec { return &ApprovalFlow{} }},
	{"EscalationPolicy", func() spec { return &EscalationPolicy{} }},
	{"IncidentPolicy", func() spec { return &IncidentPolicy{} }},
	{"TransitionModel", func() spec { return &TransitionModel{} }},
	{"ImprovementPlan", func() spec { return &ImprovementPlan{} }},
	{"RequestItem", func() spec { return &RequestItem{} }},
	{"Channel", func() spec { return &Channel{} }},
}

// Kinds lists the kinds of documents.
func Kinds() []string {
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		names[i] = kind.name
	}
	return names
}

func kindNamed(name string) (kindInfo, bool) {
	i := slices.IndexFunc(kinds, func(k kindInfo) bool { return k.name == name })
	if i < 0 {
		return kindInfo{}, false
	}
	return kinds[i], true
}

// Load parses the sources and checks what they hold against each other and
// against what exists already. The documents may be used only if there are no
// problems.
func Load(existing Catalog, sources ...Source) ([]Document, Problems) {
	docs, problems := Parse(sources...)
	problems = append(problems, Check(docs, existing)...)
	return docs, problems.sorted()
}

// Parse reads documents and checks the shape of each. A document with a wrong
// shape is among the result too, as far as it could be read, so that Check can
// find its other faults; so the documents may be used only if there are no
// problems.
func Parse(sources ...Source) ([]Document, Problems) {
	var docs []Document
	var problems Problems
	for _, source := range sources {
		texts, faults := split(source)
		problems = append(problems, faults...)
		for _, t := range texts {
			if len(problems) > maxProblems {
				break
			}
			found, faults := t.documents()
			docs = append(docs, found...)
			problems = append(problems, faults...)
		}
	}
	return docs, problems.sorted()
}

// FromCanonical reads a document that was checked before. The error has
// CodeDefinitionInvalid.
func FromCanonical(raw json.RawMessage) (Document, error) {
	value, err := decodeJSON(raw)
	if err != nil {
		return Document{}, itsm.Errorf(itsm.CodeDefinitionInvalid, "a stored definition is not JSON (%v); apply it again", err)
	}
	doc, err := newDocument(value)
	if err != nil {
		return Document{}, itsm.Errorf(itsm.CodeDefinitionInvalid, "the stored definition %s can't be read (%v); apply it again", doc.id(), err)
	}
	return doc, nil
}

// newDocument decodes what it can: with an error too, the document has all
// that was readable.
func newDocument(value any) (Document, error) {
	canonical, err := canonicalJSON(value)
	if err != nil {
		return Document{}, fmt.Errorf("writing canonical JSON: %w", err)
	}
	var head header
	errHead := json.Unmarshal(canonical, &head)
	doc := Document{
		Kind: head.Kind, Name: head.Metadata.Name, Title: head.Metadata.Title, Owner: head.Metadata.Owner,
		Digest: digestOf(canonical), Canonical: canonical,
	}
	if errHead != nil {
		return doc, fmt.Errorf("reading the document's head: %w", errHead)
	}
	kind, ok := kindNamed(head.Kind)
	if !ok {
		return doc, fmt.Errorf("there is no kind %q", head.Kind)
	}
	content := kind.newSpec()
	doc.Spec = content
	if err := json.Unmarshal(head.Spec, content); err != nil {
		return doc, fmt.Errorf("reading the spec: %w", err)
	}
	return doc, nil
}

func (d *Document) id() string { return d.Kind + "/" + d.Name }

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// canonicalJSON writes a value with sorted keys and nothing superfluous, so
// that equal documents have equal bytes.
func canonicalJSON(value any) (json.RawMessage, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // "<" is common in expressions; keep it readable
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

// decodeJSON keeps numbers as they are written.
func decodeJSON(raw []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, fmt.Errorf("there is more after the first value")
	}
	return value, nil
}
