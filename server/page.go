package server

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"

	"github.com/steward-itsm/steward/itsm"
)

const (
	docsPath    = "/docs"
	openAPIPath = "/openapi.json"
)

//go:embed docs.html
var docsHTML string

// docsPage is what the readable page shows of the contract.
type docsPage struct {
	Info   *openapi3.Info
	Groups []docsGroup
	Codes  []docsCode
}

type docsGroup struct {
	Tag        *openapi3.Tag
	Operations []docsOperation
}

type docsOperation struct {
	Method, Path string
	*openapi3.Operation
	Needs  string // the action of the table of roles
	Roles  string // who may do it
	Fields []docsField
}

type docsField struct{ Name, Kind, Says string }

type docsCode struct {
	Code   string
	Status int
	Title  string
}

// servePages adds the document and the page that is made of it. Both are made
// once: nothing in them depends on who asks.
func (s *Server) servePages(router gin.IRouter) error {
	document, err := s.contract.serveDocument()
	if err != nil {
		return err
	}
	var page bytes.Buffer
	tmpl, err := template.New("docs").Funcs(template.FuncMap{"prose": prose, "inline": inline}).Parse(docsHTML)
	if err != nil {
		return fmt.Errorf("reading docs.html: %w", err)
	}
	if err := tmpl.Execute(&page, s.contract.page()); err != nil {
		return fmt.Errorf("making the page of the API: %w", err)
	}
	router.GET(openAPIPath, document)
	router.GET(docsPath, func(c *gin.Context) {
		c.Header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		c.Data(http.StatusOK, "text/html; charset=utf-8", page.Bytes())
	})
	return nil
}

var quoted = regexp.MustCompile("`([^`]+)`")

// inline shows what the contract has between backquotes as code.
func inline(text string) template.HTML {
	return template.HTML(quoted.ReplaceAllString(template.HTMLEscapeString(text), "<code>$1</code>")) //nolint:gosec // escaped
}

// prose shows text as paragraphs, which blank lines part.
func prose(text string) template.HTML {
	var page strings.Builder
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		page.WriteString("<p>" + string(inline(paragraph)) + "</p>")
	}
	return template.HTML(page.String()) //nolint:gosec // escaped by inline
}

func (c *contract) page() docsPage {
	page := docsPage{Info: c.doc.Info}
	for _, tag := range c.doc.Tags {
		page.Groups = append(page.Groups, docsGroup{Tag: tag, Operations: c.operationsOf(tag.Name)})
	}
	for _, code := range itsm.Codes() {
		page.Codes = append(page.Codes, docsCode{string(code), Status(code), http.StatusText(Status(code))})
	}
	slices.SortFunc(page.Codes, func(a, b docsCode) int { return strings.Compare(a.Code, b.Code) })
	return page
}

func (c *contract) operationsOf(tag string) []docsOperation {
	var found []docsOperation
	for _, op := range c.operations {
		if !slices.Contains(op.route.Operation.Tags, tag) {
			continue
		}
		found = append(found, docsOperation{
			Method: op.route.Method, Path: op.route.Path, Operation: op.route.Operation,
			Needs: string(op.action), Roles: strings.Join(permissions[op.action], ", "),
			Fields: append(parametersOf(op), bodyOf(op)...),
		})
	}
	slices.SortFunc(found, func(a, b docsOperation) int {
		return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method)
	})
	return found
}

func parametersOf(op operation) []docsField {
	var fields []docsField
	for _, list := range []openapi3.Parameters{op.route.PathItem.Parameters, op.route.Operation.Parameters} {
		for _, p := range list {
			fields = append(fields, docsField{p.Value.Name, p.Value.In, p.Value.Description})
		}
	}
	return fields
}

// bodyOf lists the top level of a JSON body.
func bodyOf(op operation) []docsField {
	body := op.route.Operation.RequestBody
	if body == nil || body.Value.Content.Get(jsonMedia) == nil {
		return nil
	}
	schema := body.Value.Content.Get(jsonMedia).Schema.Value
	var fields []docsField
	for name, property := range schema.Properties {
		kind := "body"
		if slices.Contains(schema.Required, name) {
			kind = "body, required"
		}
		fields = append(fields, docsField{name, kind, property.Value.Description})
	}
	slices.SortFunc(fields, func(a, b docsField) int { return strings.Compare(a.Name, b.Name) })
	return fields
}
