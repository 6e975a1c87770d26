package definition

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
)

// What an expression may cost. The cost is counted by CEL, not timed, so that
// the limit falls in the same place on every machine and in every replay.
const (
	maxExpression = 4096 // characters
	maxNodes      = 10_000
	maxCost       = 1_000_000
	maxRegexp     = 1000   // instructions
	maxRange      = 10_000 // numbers of lists.range
)

// scope is what an expression knows: variables and their shapes. It never
// changes; with gives another one.
type scope struct {
	variables map[string]*shape
	once      sync.Once
	env       *cel.Env
	envErr    error
}

func newScope() *scope { return &scope{} }

func (s *scope) with(name string, as *shape) *scope {
	variables := map[string]*shape{name: as}
	for other, shape := range s.variables {
		if other != name {
			variables[other] = shape
		}
	}
	return &scope{variables: variables}
}

// want is what an expression must give.
type want int

const (
	wantAny want = iota
	wantBool
	wantText
	wantNumber
	wantTime
	wantRefs
)

// wanted says for each want how people call it, and which types will do. What
// is only known when it runs is let through, and checked then.
var wanted = map[want]struct {
	name  string
	types []*cel.Type
}{
	wantBool:   {"true or false", []*cel.Type{cel.BoolType}},
	wantText:   {"text", []*cel.Type{cel.StringType}},
	wantNumber: {"a number", []*cel.Type{cel.IntType, cel.DoubleType, cel.UintType}},
	wantTime:   {"a time: until(<time>), or a duration such as 2h", []*cel.Type{cel.TimestampType}},
	wantRefs: {"the name of a person or group, or a list of them", []*cel.Type{
		cel.StringType, cel.ListType(cel.StringType), cel.MapType(cel.StringType, cel.StringType),
		cel.ListType(cel.MapType(cel.StringType, cel.StringType)), cel.ListType(cel.DynType), cel.MapType(cel.StringType, cel.DynType),
	}},
}

func (w want) accepts(t *cel.Type) bool {
	return w == wantAny || t.IsExactType(cel.DynType) ||
		slices.ContainsFunc(wanted[w].types, func(allowed *cel.Type) bool { return allowed.IsExactType(t) })
}

// exprFault is a fault at a place in an expression.
type exprFault struct {
	code, message string
	line, column  int // from 1 and from 0
}

// compile parses and checks an expression. It gives an AST or faults.
func (s *scope) compile(text string, want want) (*cel.Ast, []exprFault) {
	s.once.Do(func() { s.env, s.envErr = s.newEnv() })
	if s.envErr != nil {
		return nil, []exprFault{{code: codeSyntax, message: s.envErr.Error(), line: 1}}
	}
	parsed, issues := s.env.Parse(text)
	if issues.Err() != nil {
		return nil, s.faults(issues, func(string) string { return codeSyntax })
	}
	checked, issues := s.env.Check(parsed)
	if issues.Err() != nil {
		return nil, s.faults(issues, typeCode)
	}
	if !want.accepts(checked.OutputType()) {
		message := fmt.Sprintf("this gives a value of type %s; it must give %s", checked.OutputType(), wanted[want].name)
		return nil, []exprFault{{code: codeExprType, message: message, line: 1}}
	}
	return checked, nil
}

func (s *scope) faults(issues *cel.Issues, code func(message string) string) []exprFault {
	var faults []exprFault
	for _, issue := range issues.Errors() {
		faults = append(faults, exprFault{
			code: code(issue.Message), message: issue.Message + s.hint(issue.Message),
			line: issue.Location.Line(), column: issue.Location.Column(),
		})
	}
	return faults
}

func typeCode(message string) string {
	switch {
	case strings.HasPrefix(message, "undefined field"):
		return codeExprField
	case strings.HasPrefix(message, "undeclared reference"):
		return codeExprName
	default:
		return codeExprType
	}
}

// hint proposes a field close to an unknown one.
func (s *scope) hint(message string) string {
	if typeCode(message) != codeExprField {
		return "" // CEL proposes variables by itself
	}
	_, rest, _ := strings.Cut(message, "'")
	name, _, _ := strings.Cut(rest, "'")
	var fields []string
	for _, object := range s.objects() {
		fields = append(fields, slices.Collect(maps.Keys(object.fields))...)
	}
	return nearest(name, fields)
}

func (s *scope) objects() map[string]*shape {
	found := map[string]*shape{}
	for _, shape := range s.variables {
		shape.objects(found)
	}
	return found
}

// baseEnv is what all expressions share; it is made once.
var baseEnv = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		ext.Strings(), ext.Lists(ext.ListsMaxRangeSize(maxRange)),
		cel.EnableIdentifierEscapeSyntax(),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ExpressionNodeLimit(maxNodes),
		cel.RegexProgramSizeLimit(maxRegexp),
		cel.Function("until", cel.Overload("until_timestamp", []*cel.Type{cel.TimestampType}, cel.TimestampType,
			cel.UnaryBinding(func(t ref.Val) ref.Val { return t }))),
		cel.Function(overloads.TypeConvertString, cel.Overload(overloads.DoubleToString, []*cel.Type{cel.DoubleType}, cel.StringType,
			cel.UnaryBinding(plainNumber))),
	)
})

// plainNumber writes 1000000 where CEL writes 1e+06: people read it.
func plainNumber(value ref.Val) ref.Val {
	number, ok := value.(types.Double)
	if !ok {
		return types.MaybeNoSuchOverloadErr(value)
	}
	return types.String(strconv.FormatFloat(float64(number), 'f', -1, 64))
}

func (s *scope) newEnv() (*cel.Env, error) {
	base, err := baseEnv()
	if err != nil {
		return nil, fmt.Errorf("preparing expressions: %w", err)
	}
	options := []cel.EnvOption{cel.CustomTypeProvider(&provider{Provider: base.CELTypeProvider(), objects: s.objects()})}
	for _, name := range slices.Sorted(maps.Keys(s.variables)) {
		options = append(options, cel.Variable(name, s.variables[name].celType()))
	}
	env, err := base.Extend(options...)
	if err != nil {
		return nil, fmt.Errorf("preparing expressions: %w", err)
	}
	return env, nil
}

// program makes a checked expression runnable.
func (s *scope) program(checked *cel.Ast) (cel.Program, error) {
	program, err := s.env.Program(checked, cel.CostLimit(maxCost))
	if err != nil {
		return nil, fmt.Errorf("preparing the expression: %w", err)
	}
	return program, nil
}

// usedBy adds the variables that an expression uses.
func usedBy(checked *cel.Ast, used map[string]bool) {
	for _, reference := range checked.NativeRep().ReferenceMap() {
		used[reference.Name] = true
	}
}

// provider knows the object types of a scope.
type provider struct {
	types.Provider
	objects map[string]*shape
}

// FindStructType implements types.Provider.
func (p *provider) FindStructType(name string) (*types.Type, bool) {
	if object := p.objects[name]; object != nil {
		return types.NewTypeTypeWithParam(object.celType()), true
	}
	return p.Provider.FindStructType(name)
}

// FindStructFieldNames implements types.Provider.
func (p *provider) FindStructFieldNames(name string) ([]string, bool) {
	if object := p.objects[name]; object != nil {
		return slices.Sorted(maps.Keys(object.fields)), true
	}
	return p.Provider.FindStructFieldNames(name)
}

// FindStructFieldType implements types.Provider.
func (p *provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	object := p.objects[name]
	if object == nil {
		return p.Provider.FindStructFieldType(name, field)
	}
	shape := object.fields[field]
	if shape == nil {
		return nil, false
	}
	return &types.FieldType{
		Type: shape.celType(),
		IsSet: func(target any) bool {
			r, ok := target.(*record)
			return ok && r.isSet(field)
		},
		GetFrom: func(target any) (any, error) {
			r, ok := target.(*record)
			if !ok {
				return nil, fmt.Errorf("%T has no field %q", target, field)
			}
			value := r.get(field)
			if fault, isFault := value.(*types.Err); isFault {
				return nil, fault
			}
			return value, nil
		},
	}, true
}
