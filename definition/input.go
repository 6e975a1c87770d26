package definition

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/steward-itsm/steward/itsm"
)

// inputSchema is the JSON Schema of an input, compiled.
type inputSchema struct {
	validator *jsonschema.Schema
	shape     jsonSchema
}

// ValidateSubject checks what a process is started with. It gives it back in
// canonical JSON, with the schema's defaults filled in. The error is an
// *itsm.Error with CodeSubjectInvalid and all faults as fields under /subject.
func (f *ApprovalFlow) ValidateSubject(raw json.RawMessage) (json.RawMessage, error) {
	return validateInput(f.Input, raw, "/subject")
}

// ValidateSubject checks what a transition is started with, as that of an
// ApprovalFlow does. What every transition has by itself is not part of it.
func (m *TransitionModel) ValidateSubject(raw json.RawMessage) (json.RawMessage, error) {
	checked, err := validateInput(m.Input, raw, "/subject")
	if err != nil {
		return nil, err
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(checked, &given); err != nil {
		return nil, itsm.FieldErrorf(itsm.CodeSubjectInvalid, "/subject", "the subject must be a JSON object")
	}
	for _, field := range slices.Sorted(maps.Keys(given)) {
		if transitionShape.fields[field] != nil {
			return nil, itsm.FieldErrorf(itsm.CodeSubjectInvalid, "/subject/"+escapePointer(field),
				"every transition has %q by itself; leave it out of the subject, and give it beside the subject where it can be chosen", field)
		}
	}
	return checked, nil
}

// validateInput checks a value against an input's schema, if there is one; at
// the least it must be an object. Nothing is an empty one.
func validateInput(schema, raw json.RawMessage, path string) (json.RawMessage, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		raw = json.RawMessage("{}")
	}
	value, err := decodeJSON(raw)
	if err != nil {
		return nil, itsm.FieldErrorf(itsm.CodeSubjectInvalid, path, "%s is not JSON (%v); correct it", path, err)
	}
	if _, isObject := value.(map[string]any); !isObject {
		return nil, itsm.FieldErrorf(itsm.CodeSubjectInvalid, path, "%s must be a JSON object", path)
	}
	if schema != nil {
		compiled, err := compileInput(schema)
		if err != nil {
			return nil, itsm.Errorf(itsm.CodeDefinitionInvalid, "the definition's input is no usable JSON Schema (%v); correct and apply it", err)
		}
		value = compiled.shape.fill(value)
		if faults := schemaFaults(compiled.validator.Validate(value)); len(faults) > 0 {
			return nil, inputError(faults, path)
		}
	}
	canonical, err := canonicalJSON(value)
	if err != nil {
		return nil, itsm.FieldErrorf(itsm.CodeSubjectInvalid, path, "%s can't be written as JSON (%v); correct it", path, err)
	}
	return canonical, nil
}

func inputError(faults []fault, path string) *itsm.Error {
	fields := make([]itsm.FieldError, len(faults))
	for i, f := range faults {
		fields[i] = itsm.FieldError{Field: path + pointer(f.location), Code: itsm.Code(f.code), Message: f.message}
	}
	first := fields[0]
	err := itsm.Errorf(itsm.CodeSubjectInvalid, "what was given does not fit (%d fault(s), first at %s: %s); correct it and send it again", len(faults), first.Field, first.Message)
	err.Fields = fields
	return err
}

// fill sets the defaults of fields that are absent, in objects and in lists of
// them.
func (s *jsonSchema) fill(value any) any {
	if s == nil {
		return value
	}
	switch value := value.(type) {
	case map[string]any:
		for name, field := range s.Properties {
			if _, given := value[name]; !given && field != nil && len(field.Default) > 0 {
				value[name], _ = decodeJSON(field.Default) // it is part of valid JSON
			}
			if _, given := value[name]; given {
				value[name] = field.fill(value[name])
			}
		}
	case []any:
		for i := range value {
			value[i] = s.Items.fill(value[i])
		}
	}
	return value
}

// compileInput reads an input's schema. Schemas of other places are never
// fetched: what a document means must be in it.
func compileInput(raw json.RawMessage) (*inputSchema, error) {
	return inputSchemas.get(digestOf(raw), func() (*inputSchema, error) {
		value, err := decodeJSON(raw)
		if err != nil {
			return nil, err
		}
		compiler := jsonschema.NewCompiler()
		compiler.UseLoader(noLoader{})
		compiler.AssertFormat()
		if err := compiler.AddResource("input.json", value); err != nil {
			return nil, err
		}
		schema := &inputSchema{}
		if schema.validator, err = compiler.Compile("input.json"); err != nil {
			return nil, err
		}
		return schema, json.Unmarshal(raw, &schema.shape)
	})
}

type noLoader struct{}

// Load implements jsonschema.URLLoader.
func (noLoader) Load(url string) (any, error) {
	return nil, errors.New("other files are not read; write what is meant under $defs")
}

// visitInput finds what keeps an input from being a JSON Schema.
func visitInput(v visitor, path string, raw json.RawMessage) {
	if raw == nil {
		return
	}
	compiled, err := compileInput(raw)
	if err == nil {
		if sort := compiled.shape.onlyType(); sort != "object" && sort != "" {
			v.fault(path+"/type", codeInput, "what is given is always an object; describe its fields under properties")
		}
		return
	}
	invalid, ok := errors.AsType[*jsonschema.SchemaValidationError](err)
	if !ok {
		v.fault(path, codeInput, "this is no JSON Schema that can be used: %v", err)
		return
	}
	told := map[string]string{} // one fault a place: the metaschema checks each from several sides
	for _, f := range schemaFaults(invalid.Err) {
		told[path+pointer(f.location)] = f.message
	}
	for _, place := range slices.Sorted(maps.Keys(told)) {
		v.fault(place, codeInput, "this is no JSON Schema: %s", told[place])
	}
}
