package definition

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/steward-itsm/steward/itsm"
)

//go:embed schemas/*.json
var schemaFiles embed.FS

// Schema gives the JSON Schema (draft 2020-12) of a kind, which editors can
// use as it is. The error has CodeNotFound.
func Schema(kind string) ([]byte, error) {
	if _, ok := kindNamed(kind); !ok {
		return nil, itsm.Errorf(itsm.CodeNotFound, "there is no kind %q; it is one of %s", kind, strings.Join(Kinds(), ", "))
	}
	all, err := bundles()
	if err != nil {
		return nil, err
	}
	schema := all[kind]
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the schema of %s: %w", kind, err)
	}
	return append(text, '\n'), nil
}

// bundles are made once, by kind: they are part of the program.
var bundles = sync.OnceValues(func() (map[string]map[string]any, error) {
	all := map[string]map[string]any{}
	for _, kind := range Kinds() {
		schema, err := bundle(kind)
		if err != nil {
			return nil, err
		}
		all[kind] = schema
	}
	return all, nil
})

// bundle gives a kind's schema together with the shared parts that it uses.
func bundle(kind string) (map[string]any, error) {
	schema, err := readSchema(kind)
	if err != nil {
		return nil, err
	}
	common, err := readSchema("common")
	if err != nil {
		return nil, err
	}
	parts, _ := common["$defs"].(map[string]any)
	used := map[string]any{}
	collectParts(schema, parts, used)
	schema["$defs"] = used
	return schema, nil
}

func readSchema(name string) (map[string]any, error) {
	raw, err := schemaFiles.ReadFile("schemas/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("reading the schema of %s: %w", name, err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	schema, ok := value.(map[string]any)
	if err != nil || !ok {
		return nil, fmt.Errorf("reading the schema of %s: not a JSON object (%w)", name, err)
	}
	return schema, nil
}

func collectParts(value any, parts, used map[string]any) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			collectParts(item, parts, used)
		}
	case map[string]any:
		for key, item := range value {
			ref, isText := item.(string)
			name, isPart := strings.CutPrefix(ref, "#/$defs/")
			if key == "$ref" && isText && isPart && used[name] == nil {
				used[name] = parts[name]
				collectParts(parts[name], parts, used)
			}
			collectParts(item, parts, used)
		}
	}
}

// compiledSchemas are the same, ready to validate.
var compiledSchemas = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	for name, check := range formats {
		compiler.RegisterFormat(&jsonschema.Format{Name: name, Validate: func(value any) error {
			text, isText := value.(string)
			if !isText {
				return nil // the type is checked apart
			}
			if fault := check(text); fault != nil {
				return fault
			}
			return nil
		}})
	}
	all, err := bundles()
	if err != nil {
		return nil, err
	}
	schemas := map[string]*jsonschema.Schema{}
	for name, schema := range all {
		if err := compiler.AddResource(name+".json", schema); err != nil {
			return nil, fmt.Errorf("reading the schema of %s: %w", name, err)
		}
		if schemas[name], err = compiler.Compile(name + ".json"); err != nil {
			return nil, fmt.Errorf("compiling the schema of %s: %w", name, err)
		}
	}
	return schemas, nil
})

// shapeProblems checks a document against its kind's schema.
func shapeProblems(doc *Document, value any) Problems {
	schemas, err := compiledSchemas()
	if err != nil {
		return Problems{doc.problem(codeInvalid, "", "%v", err)}
	}
	var problems Problems
	faults := schemaFaults(schemas[doc.Kind].Validate(value))
	for _, f := range faults[:min(len(faults), maxProblems)] {
		path := pointer(f.location)
		switch f.code {
		case codeUnknownField:
			problems = append(problems, doc.problemAtKey(f.code, path, "%s%s", f.message, nearest(f.location[len(f.location)-1], knownFields(doc.Kind, f.schema))))
		default:
			problems = append(problems, doc.problem(f.code, path, "%s", f.message))
		}
	}
	return problems
}

// fault is one fault in a value.
type fault struct {
	code     string
	message  string
	location []string // where in the value
	schema   string   // of an unknown field: the URL of the schema that does not know it
}

// Error implements error, so that a format can give a fault.
func (f *fault) Error() string { return f.message }

// schemaFaults gives the single faults in what the validator found.
func schemaFaults(err error) []fault {
	var faults []fault
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		if err != nil {
			faults = append(faults, fault{code: codeInvalid, message: err.Error()})
		}
		return faults
	}
	switch invalid.ErrorKind.(type) {
	case *kind.OneOf, *kind.AnyOf, *kind.Not, *kind.Contains:
		return append(faults, fault{code: codeChoice, message: choiceMessage(invalid), location: invalid.InstanceLocation})
	}
	if len(invalid.Causes) == 0 {
		return leafFaults(invalid)
	}
	for _, cause := range invalid.Causes {
		if names, ok := cause.ErrorKind.(*kind.PropertyNames); ok { // its own location is not to be trusted
			message := fmt.Sprintf("there can be no field %q", names.Property)
			faults = append(faults, fault{code: codeUnknownField, message: message, location: invalid.InstanceLocation})
			continue
		}
		faults = append(faults, schemaFaults(cause)...)
	}
	return faults
}

// choiceMessage names the fields among which to choose, where the choice is one of fields.
func choiceMessage(invalid *jsonschema.ValidationError) string {
	var fields []string
	for _, cause := range invalid.Causes {
		if required, ok := cause.ErrorKind.(*kind.Required); ok {
			fields = append(fields, required.Missing...)
		}
	}
	if len(fields) > 0 {
		return "one of these is missing: " + strings.Join(fields, ", ")
	}
	if _, isOneOf := invalid.ErrorKind.(*kind.OneOf); isOneOf {
		return "this gives several things of which there can be only one; keep one"
	}
	var reasons []string
	for _, cause := range invalid.Causes {
		for _, f := range schemaFaults(cause) {
			reasons = append(reasons, f.message)
		}
	}
	return "this fits none of the forms that are allowed: " + strings.Join(slices.Compact(reasons), "; ")
}

func leafFaults(invalid *jsonschema.ValidationError) []fault {
	at := invalid.InstanceLocation
	one := func(code, format string, args ...any) []fault {
		return []fault{{code: code, message: fmt.Sprintf(format, args...), location: at}}
	}
	switch k := invalid.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		return unknownFields(invalid, k.Properties)
	case *kind.Required:
		var faults []fault
		for _, field := range k.Missing {
			faults = append(faults, fault{code: codeRequired, message: fmt.Sprintf("%q is missing", field), location: at})
		}
		return faults
	case *kind.Type:
		return one(codeType, "this is of type %s; it must be %s", k.Got, strings.Join(k.Want, " or "))
	case *kind.Format:
		if f, ok := errors.AsType[*fault](k.Err); ok {
			return one(f.code, "%s", f.message)
		}
		return one(formatCode(k.Want), "%q is not of the form %s", k.Got, k.Want)
	case *kind.MinProperties, *kind.MaxProperties:
		return one(codeCount, "the number of fields is wrong here: %s", localized(invalid))
	case *kind.MinItems, *kind.MaxItems:
		return one(codeCount, "the number of entries is wrong: %s", localized(invalid))
	case *kind.UniqueItems:
		return one(codeUnique, "entries %d and %d are the same; keep one", k.Duplicates[0]+1, k.Duplicates[1]+1)
	default:
		return one(leafCode(invalid), "%s", localized(invalid))
	}
}

func leafCode(invalid *jsonschema.ValidationError) string {
	switch invalid.ErrorKind.(type) {
	case *kind.Enum, *kind.Const:
		return codeEnum
	case *kind.Pattern:
		return codePattern
	case *kind.MinLength, *kind.MaxLength:
		return codeLength
	case *kind.Minimum, *kind.Maximum, *kind.ExclusiveMinimum, *kind.ExclusiveMaximum, *kind.MultipleOf:
		return codeRange
	default:
		return codeInvalid
	}
}

func formatCode(format string) string {
	if format == "email" {
		return codeEmail
	}
	return codePattern
}

func unknownFields(invalid *jsonschema.ValidationError, fields []string) []fault {
	var faults []fault
	for _, field := range slices.Sorted(slices.Values(fields)) {
		faults = append(faults, fault{
			code: codeUnknownField, message: fmt.Sprintf("there is no field %q here", field),
			location: below(invalid.InstanceLocation, field), schema: invalid.SchemaURL,
		})
	}
	return faults
}

// knownFields lists what a kind's schema allows at a place in it.
func knownFields(kind, schemaURL string) []string {
	all, err := bundles()
	if err != nil {
		return nil
	}
	schema := all[kind]
	_, path, _ := strings.Cut(schemaURL, "#/")
	for token := range strings.SplitSeq(path, "/") {
		next, ok := schema[unescapePointer(token)].(map[string]any)
		if !ok {
			break
		}
		schema = next
	}
	properties, _ := schema["properties"].(map[string]any)
	return slices.Collect(maps.Keys(properties))
}

// below never shares memory with the location that it extends.
func below(location []string, token string) []string {
	return append(slices.Clone(location), token)
}

var printer = message.NewPrinter(language.English)

func localized(invalid *jsonschema.ValidationError) string {
	return invalid.ErrorKind.LocalizedString(printer)
}
