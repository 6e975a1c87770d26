package definition

import (
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
)

// Inputs gives the facts that an expression looks at, each by its name
// ("service.tier"), with the value that it found: what an answer was made of.
func (x *Expressions) Inputs(text string, facts Facts) (map[string]any, error) {
	found, ok := x.byText[text]
	if !ok {
		return nil, fmt.Errorf("%q is not an expression of this document", text)
	}
	inputs := map[string]any{}
	for name, path := range found.looksAt {
		raw, err := facts.of(path.variable)
		if err != nil {
			return nil, fmt.Errorf("reading what %q looks at: %w", text, err)
		}
		value := found.in.variables[path.variable].value(raw)
		if object, isRecord := value.(*record); isRecord && path.field != "" {
			value = object.get(path.field)
		} else if path.field != "" {
			fields, _ := raw.(map[string]any)
			value = anything.value(fields[path.field])
		}
		if inputs[name], err = jsonOf(value); err != nil {
			return nil, fmt.Errorf("reading what %q looks at: %w", text, err)
		}
	}
	return inputs, nil
}

// factPath is a field of a variable, or all of the variable.
type factPath struct{ variable, field string }

func (p factPath) String() string {
	if p.field == "" {
		return p.variable
	}
	return p.variable + "." + p.field
}

// looksAt lists the facts that a checked expression looks at. What is below a
// field counts as the field.
func looksAt(checked *cel.Ast, in *scope) map[string]factPath {
	paths := map[string]factPath{}
	for _, ident := range ast.MatchDescendants(ast.NavigateAST(checked.NativeRep()), ast.KindMatcher(ast.IdentKind)) {
		path := factPath{variable: ident.AsIdent()}
		if in.variables[path.variable] == nil {
			continue // of a macro, or the name of a type
		}
		if parent, ok := ident.Parent(); ok && parent.Kind() == ast.SelectKind {
			path.field = parent.AsSelect().FieldName()
		}
		paths[path.String()] = path
	}
	return paths
}
