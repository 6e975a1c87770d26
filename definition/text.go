package definition

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

const (
	maxSource = 1 << 20 // bytes
	maxDepth  = 64      // levels of nesting
)

// text is a part of a source between two document marks.
type text struct {
	file   string
	offset int // lines of the source before it
	body   string
	lines  []string
}

// split cuts a source at its document marks. Each part is parsed by itself, so
// that malformed YAML in one does not hide the faults of the others.
func split(source Source) ([]*text, Problems) {
	fault := func(code, message string) Problems {
		return Problems{{Code: code, Message: message, File: source.Name, Line: 1, Column: 1}}
	}
	if len(source.Text) > maxSource {
		return nil, fault(codeTooLarge, fmt.Sprintf("the text has %d bytes; at most %d are read: split it", len(source.Text), maxSource))
	}
	if !utf8.Valid(source.Text) {
		return nil, fault(codeMalformed, "the text is not UTF-8; save it as UTF-8")
	}
	body := strings.TrimPrefix(string(source.Text), "\ufeff")
	if json.Valid([]byte(body)) {
		body = yamlFromJSON(body)
	}
	var parts []*text
	part := &text{file: source.Name}
	number := 0
	for line := range strings.Lines(body) {
		if isMark(line) {
			parts = append(parts, part)
			part = &text{file: source.Name, offset: number}
		}
		part.lines = append(part.lines, line)
		number++
	}
	parts = append(parts, part)
	for _, part := range parts {
		part.body = strings.Join(part.lines, "")
	}
	return parts, nil
}

// isMark tells whether a line begins a document: YAML allows "---" at the
// start of a line nowhere else, not even in a quoted text.
func isMark(line string) bool {
	rest, ok := strings.CutPrefix(line, "---")
	return ok && (rest == "" || strings.ContainsAny(rest[:1], " \t\r\n"))
}

// jsonEscapes finds pairs of surrogates, and every other escape, so that a
// backslash that is itself escaped is not taken for the beginning of one.
var jsonEscapes = regexp.MustCompile(`\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\.`)

// yamlFromJSON smooths the places where JSON is not what the YAML library
// reads: tabs between values, escaped slashes, and characters written as two
// halves.
func yamlFromJSON(body string) string {
	body = strings.ReplaceAll(body, "\t", " ") // valid JSON has none within texts
	return jsonEscapes.ReplaceAllStringFunc(body, func(escape string) string {
		if escape == `\/` {
			return "/"
		}
		var char string
		if len(escape) == len(`\u0000\u0000`) && json.Unmarshal([]byte(`"`+escape+`"`), &char) == nil {
			return char
		}
		return escape
	})
}

// documents parses the text and gives every document in it, usually one.
func (t *text) documents() ([]Document, Problems) {
	var docs []Document
	var problems Problems
	decoder := yaml.NewDecoder(strings.NewReader(t.body))
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return docs, problems
		}
		if err != nil {
			return docs, append(problems, t.malformed(err))
		}
		root := node.Content[0]
		if root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null" {
			continue
		}
		doc, faults := t.document(root)
		docs = append(docs, doc...)
		problems = append(problems, faults...)
	}
}

// document reads one document. It gives none where not even its kind is known.
func (t *text) document(root *yaml.Node) ([]Document, Problems) {
	reader := nodeReader{text: t}
	value := reader.value(root, "", 0)
	if len(reader.problems) > 0 {
		return nil, reader.problems
	}
	doc := Document{root: root, source: t, File: t.file}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, Problems{doc.problem(codeNotDocument, "", "a document is a mapping with apiVersion, kind, metadata and spec")}
	}
	if version, given := object["apiVersion"]; given && version != "steward/v1" {
		return nil, Problems{doc.problem(codeVersion, "/apiVersion", "apiVersion must be steward/v1")}
	}
	kind, _ := object["kind"].(string)
	if _, known := kindNamed(kind); !known {
		return nil, Problems{doc.problem(codeKind, "/kind", "there is no kind %q; write one of %s%s", kind, strings.Join(Kinds(), ", "), nearest(kind, Kinds()))}
	}
	doc, err := newDocument(value)
	doc.root, doc.source, doc.File, doc.Line = root, t, t.file, t.offset+root.Line
	doc.Text = strings.TrimLeft(strings.TrimPrefix(t.body, "---"), "\r\n")
	problems := shapeProblems(&doc, value)
	if err != nil && len(problems) == 0 {
		problems = append(problems, doc.problem(codeInvalid, "/spec", "%v", err))
	}
	return []Document{doc}, problems
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// countsFromZero recognises the faults whose line the library gives one too low.
var countsFromZero = regexp.MustCompile(`^(did not find expected (<|node|key|'|,)|found (duplicate|incompatible|undefined))`)

// malformed keeps the line that the parser names; it names no column.
func (t *text) malformed(err error) Problem {
	message := err.Error()
	line := 1
	if match := yamlLine.FindStringSubmatch(message); match != nil {
		message = message[len(match[0]):]
		if n, err := strconv.Atoi(match[1]); err == nil {
			line = n
			if countsFromZero.MatchString(message) {
				line++
			}
		}
	}
	line = min(line, max(len(t.lines), 1))
	return Problem{Code: codeMalformed, Message: "this is not YAML: " + message, File: t.file, Line: t.offset + line, Column: 1}
}

// nodeReader turns YAML into what JSON can hold, and refuses the rest.
type nodeReader struct {
	text     *text
	problems Problems
}

func (r *nodeReader) fault(node *yaml.Node, code, path, format string, args ...any) any {
	r.problems = append(r.problems, Problem{
		Code: code, Message: fmt.Sprintf(format, args...),
		File: r.text.file, Line: r.text.offset + node.Line, Column: node.Column, Path: path,
	})
	return nil
}

func (r *nodeReader) value(node *yaml.Node, path string, depth int) any {
	switch {
	case depth > maxDepth:
		return r.fault(node, codeTooDeep, path, "this is nested more than %d levels deep", maxDepth)
	case node.Kind == yaml.AliasNode || node.Anchor != "":
		return r.fault(node, codeAlias, path, "anchors and aliases are not allowed; write the value out")
	case node.Kind == yaml.MappingNode:
		return r.mapping(node, path, depth)
	case node.Kind == yaml.SequenceNode:
		items := make([]any, 0, len(node.Content))
		for i, item := range node.Content {
			items = append(items, r.value(item, path+"/"+strconv.Itoa(i), depth+1))
		}
		return items
	default:
		return r.scalar(node, path)
	}
}

func (r *nodeReader) mapping(node *yaml.Node, path string, depth int) any {
	r.text.joinBareWords(node)
	object := make(map[string]any, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if key.Kind != yaml.ScalarNode || key.Anchor != "" || key.Tag == "!!merge" {
			r.fault(key, codeKey, path, "a field's name must be plain text")
			continue
		}
		at := path + "/" + escapePointer(key.Value)
		if _, twice := object[key.Value]; twice {
			r.fault(key, codeDuplicateKey, at, "%q is given twice; keep one", key.Value)
		}
		object[key.Value] = r.value(node.Content[i+1], at, depth+1)
	}
	return object
}

// joinBareWords reads {title: Office hours, Berlin} as it is meant. YAML takes
// the comma for the end of the text and "Berlin" for a field without a value,
// which no kind has, so that nothing else is lost.
func (t *text) joinBareWords(node *yaml.Node) {
	if node.Style&yaml.FlowStyle == 0 {
		return
	}
	kept := node.Content[:0]
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if len(kept) > 0 && isPlain(kept[len(kept)-1]) && t.isBareWord(key, value) {
			last := kept[len(kept)-1]
			last.Value += ", " + key.Value
			last.Tag = "!!str"
			continue
		}
		kept = append(kept, key, value)
	}
	node.Content = kept
}

func isPlain(node *yaml.Node) bool {
	return node.Kind == yaml.ScalarNode && node.Style == 0 && node.Anchor == "" && node.Value != ""
}

// isBareWord tells a name without a colon from one with a colon and no value.
func (t *text) isBareWord(key, value *yaml.Node) bool {
	if !isPlain(key) || value.Kind != yaml.ScalarNode || value.Value != "" || value.Style != 0 || key.Line > len(t.lines) {
		return false
	}
	line := []rune(t.lines[key.Line-1])
	end := key.Column - 1 + len([]rune(key.Value))
	if end > len(line) {
		return false
	}
	rest := strings.TrimSpace(string(line[end:]))
	return strings.HasPrefix(rest, ",") || strings.HasPrefix(rest, "}")
}

func (r *nodeReader) scalar(node *yaml.Node, path string) any {
	switch tag := node.ShortTag(); tag {
	case "!!str", "!!timestamp": // dates stay as written; their fields say what they mean
		return node.Value
	case "!!null":
		return nil
	case "!!bool", "!!int", "!!float":
		var value any
		if err := node.Decode(&value); err != nil {
			return r.fault(node, codeTag, path, "%q is not a value of type %s", node.Value, tag)
		}
		return r.number(node, path, value)
	default:
		return r.fault(node, codeTag, path, "the tag %s is not allowed; leave it out", tag)
	}
}

// number gives numbers one spelling, so that 1e3 and 1000.0 have one digest.
func (r *nodeReader) number(node *yaml.Node, path string, value any) any {
	if f, ok := value.(float64); ok && (math.IsInf(f, 0) || math.IsNaN(f)) {
		return r.fault(node, codeNumber, path, "%s is not a number that JSON can hold", node.Value)
	}
	if _, ok := value.(bool); ok {
		return value
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return r.fault(node, codeNumber, path, "%s is not a number that JSON can hold", node.Value)
	}
	return json.Number(bytes.TrimSpace(raw))
}
