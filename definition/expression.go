package definition

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/steward-itsm/steward/itsm"
)

// Facts are what expressions are evaluated on. They are plain JSON, so that
// they can be recorded.
type Facts struct {
	Subject   json.RawMessage            `json:"subject,omitempty"`
	Service   json.RawMessage            `json:"service,omitempty"` // as FactsOf makes it
	Requester string                     `json:"requester,omitempty"`
	Also      map[string]json.RawMessage `json:"also,omitempty"` // other variables of a kind: incident, form, before …
}

// FactsOf gives the facts about a subject. service may be nil.
func FactsOf(subject json.RawMessage, service *Document, requester itsm.Actor) Facts {
	facts := Facts{Subject: subject, Requester: requester.Name}
	if service != nil {
		facts.Service = serviceFacts(service)
	}
	return facts
}

// of gives a variable's value as JSON, or nil.
func (f Facts) of(variable string) (any, error) {
	raw := f.Also[variable]
	switch variable {
	case "requester":
		return f.Requester, nil
	case "subject":
		raw = f.Subject
	case "service":
		raw = f.Service
	}
	if len(raw) == 0 {
		return nil, nil
	}
	value, err := decodeJSON(raw)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", variable, err)
	}
	return value, nil
}

// Expressions are the compiled expressions of one document. They are pure: the
// same facts give the same answer for ever. Safe for concurrent use.
type Expressions struct {
	byText map[string]compiled
	used   map[string]bool
}

type compiled struct {
	program cel.Program
	in      *scope
	looksAt map[string]factPath
}

// Expressions compiles the document's expressions. They are kept, so that
// asking again costs little. The error tells of a document that Check would
// have refused.
func (d Document) Expressions() (*Expressions, error) {
	return expressionsOf.get(d.Kind+d.Digest, func() (*Expressions, error) {
		content, ok := d.Spec.(spec)
		if !ok {
			return nil, fmt.Errorf("%s has no spec", d.id())
		}
		c := compiler{into: &Expressions{byText: map[string]compiled{}, used: map[string]bool{}}}
		content.visit(&c)
		if c.err != nil {
			return nil, fmt.Errorf("compiling %s: %w", d.id(), c.err)
		}
		return c.into, nil
	})
}

// Uses tells whether any of the expressions looks at a variable, such as "service".
func (x *Expressions) Uses(variable string) bool { return x.used[variable] }

// Bool evaluates an expression that gives true or false.
func (x *Expressions) Bool(text string, facts Facts) (bool, error) {
	value, err := x.eval(text, facts)
	if err != nil {
		return false, err
	}
	flag, ok := value.(types.Bool)
	if !ok {
		return false, wrongType(text, value, wantBool)
	}
	return bool(flag), nil
}

// String evaluates an expression that gives text.
func (x *Expressions) String(text string, facts Facts) (string, error) {
	value, err := x.eval(text, facts)
	if err != nil {
		return "", err
	}
	result, ok := value.(types.String)
	if !ok {
		return "", wrongType(text, value, wantText)
	}
	return string(result), nil
}

// Value evaluates an expression and gives what JSON can hold of it.
func (x *Expressions) Value(text string, facts Facts) (any, error) {
	value, err := x.eval(text, facts)
	if err != nil {
		return nil, err
	}
	result, err := jsonOf(value)
	if err != nil {
		return nil, fmt.Errorf("evaluating %q: %w", text, err)
	}
	return result, nil
}

// Refs evaluates an expression that names people: a name of a person or group
// (Ref.Name; empty names nobody), {"onCall": …} and so on, or a list of such.
func (x *Expressions) Refs(text string, facts Facts) ([]Ref, error) {
	value, err := x.Value(text, facts)
	if err != nil {
		return nil, err
	}
	items, isList := value.([]any)
	if !isList {
		items = []any{value}
	}
	var refs []Ref
	for _, item := range items {
		ref, err := refOf(item)
		if err != nil {
			return nil, fmt.Errorf("evaluating %q: %w", text, err)
		}
		if ref != (Ref{}) {
			refs = append(refs, ref)
		}
	}
	return refs, nil
}

func refOf(value any) (Ref, error) {
	switch value := value.(type) {
	case nil:
		return Ref{}, nil
	case string:
		return Ref{Name: value}, nil
	case map[string]any:
		return refOfMap(value)
	default:
		return Ref{}, fmt.Errorf("%v names nobody; give %s", value, wanted[wantRefs].name)
	}
}

func refOfMap(value map[string]any) (Ref, error) {
	keys := slices.Sorted(maps.Keys(value))
	name := ""
	if len(keys) == 1 {
		name, _ = value[keys[0]].(string)
	}
	switch strings.Join(keys, ",") {
	case "person":
		return Ref{Person: name}, nil
	case "group":
		return Ref{Group: name}, nil
	case "onCall":
		return Ref{OnCall: name}, nil
	case "managerOf":
		return Ref{ManagerOf: name}, nil
	default:
		return Ref{}, fmt.Errorf("%v names nobody; give exactly one of person, group, onCall and managerOf", value)
	}
}

func (x *Expressions) eval(text string, facts Facts) (ref.Val, error) {
	found, ok := x.byText[text]
	if !ok {
		return nil, fmt.Errorf("%q is not an expression of this document", text)
	}
	activation := make(map[string]any, len(found.in.variables))
	for variable, shape := range found.in.variables {
		raw, err := facts.of(variable)
		if err != nil {
			return nil, fmt.Errorf("evaluating %q: %w", text, err)
		}
		if raw == nil && shape == anything {
			raw = map[string]any{} // an expression that asks whether it has a field gets an answer
		}
		activation[variable] = shape.value(raw)
	}
	value, _, err := found.program.Eval(activation)
	if err != nil {
		return nil, fmt.Errorf("evaluating %q: %w", text, err)
	}
	return value, nil
}

func wrongType(text string, value ref.Val, want want) error {
	return fmt.Errorf("evaluating %q: it gives a value of type %s; it must give %s", text, value.Type().TypeName(), wanted[want].name)
}

// compiler is a visitor that keeps expressions, and has no other interest.
type compiler struct {
	into *Expressions
	err  error
}

func (c *compiler) expression(path, text string, want want, in *scope) {
	if text == "" || c.err != nil {
		return
	}
	checked, faults := in.compile(text, want)
	if len(faults) > 0 {
		c.err = fmt.Errorf("%s: %s: %s", path, faults[0].code, faults[0].message)
		return
	}
	program, err := in.program(checked)
	if err != nil {
		c.err = fmt.Errorf("%s: %w", path, err)
		return
	}
	c.into.byText[text] = compiled{program, in, looksAt(checked, in)}
	usedBy(checked, c.into.used)
}

func (c *compiler) reference(string, string, string) (Document, bool) { return Document{}, false }
func (c *compiler) lookup(string, string) (Document, bool)            { return Document{}, false }
func (c *compiler) person(string, string)                             {}
func (c *compiler) fault(string, string, string, ...any)              {}
func (c *compiler) has(string) bool                                   { return false }

// expressionsOf and inputSchemas spare compiling the same text again.
var (
	expressionsOf = cache[*Expressions]{limit: 1000}
	inputSchemas  = cache[*inputSchema]{limit: 1000}
)

// cache keeps what was made, up to a limit; then it begins anew, because what
// is in use comes back by itself.
type cache[V any] struct {
	limit int
	mu    sync.Mutex
	kept  map[string]V
}

// get makes a value at most a few times; failures are not kept.
func (c *cache[V]) get(key string, create func() (V, error)) (V, error) {
	c.mu.Lock()
	value, ok := c.kept[key]
	c.mu.Unlock()
	if ok {
		return value, nil
	}
	value, err := create() // outside the lock: others need not wait
	if err != nil {
		return value, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || len(c.kept) >= c.limit {
		c.kept = map[string]V{}
	}
	c.kept[key] = value
	return value, nil
}
