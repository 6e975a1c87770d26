package server

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/gin-gonic/gin"

	"github.com/steward-itsm/steward/itsm"
)

//go:embed openapi.yaml
var document []byte

// contract is openapi.yaml, made ready to check requests against.
type contract struct {
	doc        *openapi3.T
	operations map[string]operation // by method and gin's form of the path
}

// operation is one entry of the contract.
type operation struct {
	route  *routers.Route
	action action // what the caller must be allowed to do; "" for all the world
	bytes  int64  // how large a body may be; 0 for the usual limit
	stream bool   // the answer goes on for as long as the caller stays
	any    bool   // a body is JSON whatever it calls itself
}

var pathParameter = regexp.MustCompile(`\{([^}]+)\}`)

// loadContract reads the document and makes sure that every operation says
// what it needs, so that none is open by oversight.
func loadContract() (*contract, error) {
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return nil, fmt.Errorf("reading openapi.yaml: %w", err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, fmt.Errorf("checking openapi.yaml: %w", err)
	}
	c := &contract{doc: doc, operations: map[string]operation{}}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			named, _ := op.Extensions["x-action"].(string)
			if _, known := permissions[action(named)]; !known && (named != "" || !open(op)) {
				return nil, fmt.Errorf("openapi.yaml: %s has the unknown x-action %q", op.OperationID, named)
			}
			bytes, _ := op.Extensions["x-max-bytes"].(float64)
			stream, _ := op.Extensions["x-stream"].(bool)
			anyMedia, _ := op.Extensions["x-any-media"].(bool)
			c.operations[method+" "+pathParameter.ReplaceAllString(path, ":$1")] = operation{
				route:  &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op},
				action: action(named), bytes: int64(bytes), stream: stream, any: anyMedia,
			}
		}
	}
	return c, nil
}

// open reports whether the operation says that it needs no authentication.
func open(op *openapi3.Operation) bool { return op.Security != nil && len(*op.Security) == 0 }

// check compares a request with the contract and gives all faults at once, as
// an error with itsm.CodeInvalid.
func (o operation) check(c *gin.Context, media string) error {
	parameters := make(map[string]string, len(c.Params))
	for _, p := range c.Params {
		parameters[p.Key] = p.Value
	}
	err := openapi3filter.ValidateRequest(c.Request.Context(), &openapi3filter.RequestValidationInput{
		Request: c.Request, PathParams: parameters, Route: o.route,
		Options: &openapi3filter.Options{
			MultiError: true, SkipSettingDefaults: true,
			ExcludeRequestBody: !isJSON(media),
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, // done before
		},
	})
	if err == nil {
		return nil
	}
	fields := fieldsOf("", err)
	slices.SortFunc(fields, func(a, b itsm.FieldError) int {
		return strings.Compare(a.Field+a.Message, b.Field+b.Message)
	})
	invalid := itsm.Errorf(itsm.CodeInvalid, "%d fields are wrong; see errors", len(fields))
	if len(fields) == 1 {
		invalid.Message = strings.TrimPrefix(fields[0].Field+": "+fields[0].Message, ": ")
	}
	invalid.Fields = fields
	return invalid
}

// fieldsOf takes the tree of errors apart that the validator gives.
func fieldsOf(field string, err error) []itsm.FieldError {
	var many openapi3.MultiError
	var request *openapi3filter.RequestError
	var schema *openapi3.SchemaError
	switch {
	case asType(err, &many):
		var all []itsm.FieldError
		for _, one := range many {
			all = append(all, fieldsOf(field, one)...)
		}
		return all
	case asType(err, &request):
		if request.Parameter != nil {
			field = "/" + request.Parameter.Name
		}
		if request.Err != nil {
			return fieldsOf(field, request.Err)
		}
		return []itsm.FieldError{{Field: field, Code: itsm.CodeInvalid, Message: request.Reason}}
	case asType(err, &schema):
		return []itsm.FieldError{fieldOf(field, schema)}
	}
	return []itsm.FieldError{{Field: field, Code: itsm.CodeInvalid, Message: err.Error()}}
}

// asType looks at the error itself: each layer of the tree adds something to
// the field's name, so none may be jumped over.
func asType[T error](err error, target *T) bool {
	found, ok := err.(T) //nolint:errorlint // see above
	*target = found
	return ok
}

// pointerEscapes writes a name as a step of a JSON Pointer (RFC 6901).
var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

var unknownProperty = regexp.MustCompile(`^property "(.*)" is unsupported$`)

func fieldOf(parent string, e *openapi3.SchemaError) itsm.FieldError {
	field, message := parent, e.Reason
	for _, step := range e.JSONPointer() {
		field += "/" + pointerEscapes.Replace(step)
	}
	if match := unknownProperty.FindStringSubmatch(e.Reason); match != nil {
		message = fmt.Sprintf("there is no field %q; leave it out", match[1])
		field += "/" + pointerEscapes.Replace(match[1])
	}
	return itsm.FieldError{Field: field, Code: itsm.CodeInvalid, Message: message}
}

// serveDocument answers with the contract as JSON.
func (c *contract) serveDocument() (gin.HandlerFunc, error) {
	text, err := json.Marshal(c.doc)
	if err != nil {
		return nil, fmt.Errorf("writing openapi.json: %w", err)
	}
	return func(g *gin.Context) { g.Data(http.StatusOK, jsonMedia, text) }, nil
}
