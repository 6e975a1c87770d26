package definition

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// value turns JSON (as decodeJSON gives it) into what expressions work with.
// What is absent or null is the type's zero value, as in protocol buffers, so
// that no expression fails because of an optional field.
func (s *shape) value(raw any) ref.Val {
	if raw == nil {
		return s.zero()
	}
	switch s.sort {
	case sortText:
		if text, ok := raw.(string); ok {
			return types.String(text)
		}
	case sortInteger, sortNumber:
		if number, ok := raw.(json.Number); ok {
			return s.numeric(number)
		}
	case sortBoolean:
		if flag, ok := raw.(bool); ok {
			return types.Bool(flag)
		}
	case sortTime:
		return timeValue(raw)
	case sortList:
		if items, ok := raw.([]any); ok {
			return s.list(items)
		}
	case sortMap:
		if entries, ok := raw.(map[string]any); ok {
			return s.mapping(entries)
		}
	case sortObject:
		if fields, ok := raw.(map[string]any); ok {
			return &record{shape: s, raw: fields}
		}
	default:
		return anyValue(raw)
	}
	return types.NewErr("%v is not of type %s", raw, s.celType())
}

func (s *shape) zero() ref.Val {
	switch s.sort {
	case sortText:
		return types.String("")
	case sortInteger:
		return types.Int(0)
	case sortNumber:
		return types.Double(0)
	case sortBoolean:
		return types.False
	case sortTime:
		return types.Timestamp{Time: time.Unix(0, 0).UTC()}
	case sortList:
		return s.list(nil)
	case sortMap:
		return s.mapping(nil)
	case sortObject:
		return &record{shape: s}
	default:
		return types.NullValue
	}
}

func (s *shape) numeric(number json.Number) ref.Val {
	if s.sort == sortInteger {
		if n, err := number.Int64(); err == nil {
			return types.Int(n)
		}
	}
	f, err := number.Float64()
	switch {
	case err != nil:
		return types.NewErr("%s is too large", number)
	case s.sort == sortNumber:
		return types.Double(f)
	case f != math.Trunc(f) || math.Abs(f) > 1<<53: // JSON Schema calls 2.0 an integer
		return types.NewErr("%s is not an integer that fits", number)
	default:
		return types.Int(int64(f))
	}
}

func timeValue(raw any) ref.Val {
	text, _ := raw.(string)
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return types.NewErr("%v is not a time by RFC 3339", raw)
	}
	return types.Timestamp{Time: t.UTC()}
}

func (s *shape) list(items []any) ref.Val {
	values := make([]ref.Val, len(items))
	for i, item := range items {
		values[i] = s.items.value(item)
		if types.IsError(values[i]) {
			return values[i]
		}
	}
	return types.NewRefValList(types.DefaultTypeAdapter, values)
}

func (s *shape) mapping(entries map[string]any) ref.Val {
	values := make(map[ref.Val]ref.Val, len(entries))
	for key, entry := range entries {
		value := s.items.value(entry)
		if types.IsError(value) {
			return value
		}
		values[types.String(key)] = value
	}
	return types.NewRefValMap(types.DefaultTypeAdapter, values)
}

// anyValue is for values without a known type: all their numbers are doubles.
func anyValue(raw any) ref.Val {
	switch raw := raw.(type) {
	case json.Number:
		return numberShape.numeric(raw)
	case []any:
		return listOf(anything).list(raw)
	case map[string]any:
		return mapOf(anything).mapping(raw)
	default:
		return types.DefaultTypeAdapter.NativeToValue(raw)
	}
}

// record is an object of a known shape.
type record struct {
	shape *shape
	raw   map[string]any
}

func (r *record) isSet(field string) bool { return r.raw[field] != nil }

func (r *record) get(field string) ref.Val {
	shape := r.shape.fields[field]
	if shape == nil {
		return types.NewErr("no such field %q", field)
	}
	return shape.value(r.raw[field])
}

// IsSet implements traits.FieldTester.
func (r *record) IsSet(field ref.Val) ref.Val {
	name, _ := field.(types.String)
	return types.Bool(r.isSet(string(name)))
}

// Get implements traits.Indexer.
func (r *record) Get(index ref.Val) ref.Val {
	name, ok := index.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(index)
	}
	return r.get(string(name))
}

// ConvertToNative implements ref.Val; no function that is known to
// expressions needs it.
func (r *record) ConvertToNative(want reflect.Type) (any, error) {
	if reflect.TypeOf(r).AssignableTo(want) {
		return r, nil
	}
	return nil, fmt.Errorf("an object can't become a %v", want)
}

// ConvertToType implements ref.Val.
func (r *record) ConvertToType(want ref.Type) ref.Val {
	switch want.TypeName() {
	case types.TypeType.TypeName():
		return r.shape.celType()
	case r.shape.name:
		return r
	default:
		return types.NewErr("an object can't become a %s", want.TypeName())
	}
}

// Equal implements ref.Val: all fields that are declared must be equal.
func (r *record) Equal(other ref.Val) ref.Val {
	o, ok := other.(*record)
	if !ok || o.shape.name != r.shape.name {
		return types.False
	}
	for field := range r.shape.fields {
		if r.isSet(field) != o.isSet(field) || r.get(field).Equal(o.get(field)) != types.True {
			return types.False
		}
	}
	return types.True
}

// Type implements ref.Val.
func (r *record) Type() ref.Type { return r.shape.celType() }

// Value implements ref.Val.
func (r *record) Value() any { return r }

// jsonOf turns a value back into what JSON can hold.
func jsonOf(value ref.Val) (any, error) {
	switch v := value.(type) {
	case types.Null:
		return nil, nil
	case *record:
		if v.raw == nil {
			return map[string]any{}, nil
		}
		return v.raw, nil
	case types.Bytes:
		return base64.StdEncoding.EncodeToString(v), nil
	case types.Timestamp:
		return v.Time.UTC().Format(time.RFC3339Nano), nil
	case types.Duration:
		return v.String(), nil
	case types.Bool, types.Int, types.Uint, types.String:
		return v.Value(), nil
	case types.Double:
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("%v is not a number that JSON can hold", v)
		}
		return float64(v), nil
	case traits.Lister:
		return jsonList(v)
	case traits.Mapper:
		return jsonMap(v)
	default:
		return nil, fmt.Errorf("a %s can't be written as JSON", value.Type().TypeName())
	}
}

func jsonList(list traits.Lister) (any, error) {
	items := []any{}
	for it := list.Iterator(); it.HasNext() == types.True; {
		item, err := jsonOf(it.Next())
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

func jsonMap(mapping traits.Mapper) (any, error) {
	entries := map[string]any{}
	for it := mapping.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		value, err := jsonOf(mapping.Get(key))
		if err != nil {
			return nil, err
		}
		entries[fmt.Sprint(key.Value())] = value
	}
	return entries, nil
}
