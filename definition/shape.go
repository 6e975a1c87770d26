package definition

import (
	"encoding/json"
	"maps"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/traits"
)

// shape is the type of a JSON value as expressions see it.
type shape struct {
	sort   shapeSort
	name   string            // of an object: unique among the variables of a scope
	fields map[string]*shape // of an object
	items  *shape            // of a list, or of a map from text
}

type shapeSort int

const (
	sortAnything shapeSort = iota
	sortText
	sortInteger
	sortNumber
	sortBoolean
	sortTime
	sortList
	sortMap
	sortObject
)

var (
	anything     = &shape{sort: sortAnything}
	textShape    = &shape{sort: sortText}
	integerShape = &shape{sort: sortInteger}
	numberShape  = &shape{sort: sortNumber}
	booleanShape = &shape{sort: sortBoolean}
	timeShape    = &shape{sort: sortTime}
)

func listOf(items *shape) *shape { return &shape{sort: sortList, items: items} }
func mapOf(items *shape) *shape  { return &shape{sort: sortMap, items: items} }

// object names its type so that no expression can take it for a variable.
func object(name string, fields map[string]*shape) *shape {
	return &shape{sort: sortObject, name: "object " + name, fields: fields}
}

// and gives an object with the fields of both; the other's win.
func (s *shape) and(other *shape) *shape {
	fields := maps.Clone(other.fields)
	for name, field := range s.fields {
		if fields[name] == nil {
			fields[name] = field
		}
	}
	return &shape{sort: sortObject, name: other.name, fields: fields}
}

// celType gives the type that expressions are checked with.
func (s *shape) celType() *types.Type {
	switch s.sort {
	case sortText:
		return types.StringType
	case sortInteger:
		return types.IntType
	case sortNumber:
		return types.DoubleType
	case sortBoolean:
		return types.BoolType
	case sortTime:
		return types.TimestampType
	case sortList:
		return types.NewListType(s.items.celType())
	case sortMap:
		return types.NewMapType(types.StringType, s.items.celType())
	case sortObject:
		return types.NewObjectType(s.name, traits.FieldTesterType, traits.IndexerType)
	default:
		return types.DynType
	}
}

// objects adds the object types within the shape, by name.
func (s *shape) objects(found map[string]*shape) {
	switch {
	case s.items != nil:
		s.items.objects(found)
	case s.sort == sortObject && found[s.name] == nil:
		found[s.name] = s
		for _, field := range s.fields {
			field.objects(found)
		}
	}
}

// jsonSchema is as much of JSON Schema as says something of types.
type jsonSchema struct {
	Type                 json.RawMessage        `json:"type"`
	Properties           map[string]*jsonSchema `json:"properties"`
	AdditionalProperties json.RawMessage        `json:"additionalProperties"`
	Items                *jsonSchema            `json:"items"`
	Enum                 []any                  `json:"enum"`
	Default              json.RawMessage        `json:"default"`
}

// UnmarshalJSON takes the schemas true and false, too.
func (s *jsonSchema) UnmarshalJSON(raw []byte) error {
	var always bool
	if json.Unmarshal(raw, &always) == nil {
		return nil
	}
	type plain jsonSchema
	return json.Unmarshal(raw, (*plain)(s))
}

// shapeOfSchema reads the shape that a JSON Schema gives. What it leaves open,
// or says in ways that no type can follow, is anything.
func shapeOfSchema(name string, raw json.RawMessage) *shape {
	var schema jsonSchema
	if err := json.Unmarshal(raw, &schema); err != nil {
		return anything // input.invalid tells
	}
	return schema.shape(name)
}

func (s *jsonSchema) shape(name string) *shape {
	if s == nil {
		return anything
	}
	switch s.onlyType() {
	case "string":
		return textShape
	case "integer":
		return integerShape
	case "number":
		return numberShape
	case "boolean":
		return booleanShape
	case "array":
		return listOf(s.Items.shape(name + "[]"))
	case "object":
		return s.objectShape(name)
	default:
		return anything
	}
}

func (s *jsonSchema) objectShape(name string) *shape {
	if len(s.Properties) == 0 {
		var values jsonSchema
		if len(s.AdditionalProperties) > 0 && json.Unmarshal(s.AdditionalProperties, &values) == nil {
			return mapOf(values.shape(name + ".*"))
		}
		return mapOf(anything)
	}
	fields := make(map[string]*shape, len(s.Properties))
	for field, schema := range s.Properties {
		fields[field] = schema.shape(name + "." + field)
	}
	return object(name, fields)
}

// onlyType gives the one type that a value can have besides null, or "".
func (s *jsonSchema) onlyType() string {
	var one string
	if json.Unmarshal(s.Type, &one) == nil {
		return one
	}
	var several []string
	if json.Unmarshal(s.Type, &several) == nil {
		several = slices.DeleteFunc(several, func(t string) bool { return t == "null" })
		if len(several) == 1 {
			return several[0]
		}
		return ""
	}
	switch {
	case len(s.Properties) > 0:
		return "object"
	case len(s.Enum) > 0 && allText(s.Enum):
		return "string"
	default:
		return ""
	}
}

func allText(values []any) bool {
	return !slices.ContainsFunc(values, func(v any) bool { _, isText := v.(string); return !isText })
}
