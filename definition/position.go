package definition

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// problem makes a problem at a place of the document: at the value itself, or
// at the nearest thing around it that exists.
func (d *Document) problem(code, path, format string, args ...any) Problem {
	p := Problem{Code: code, Message: fmt.Sprintf(format, args...), File: d.File, Path: path}
	if d.Name != "" {
		p.Document = d.id()
	}
	if node, _ := d.find(path); node != nil {
		p.Line, p.Column = d.source.offset+node.Line, node.Column
	}
	return p
}

// problemAtKey is for a field that should not be there: its name is at fault.
func (d *Document) problemAtKey(code, path, format string, args ...any) Problem {
	p := d.problem(code, path, format, args...)
	if _, key := d.find(path); key != nil {
		p.Line, p.Column = d.source.offset+key.Line, key.Column
	}
	return p
}

// problemWithin points into an expression, at a line and column of its own
// (from 1 and from 0). It stays at the beginning where the expression is not
// written on one line as it is, because there the columns say nothing.
func (d *Document) problemWithin(code, path string, line, column int, message string) Problem {
	p := d.problem(code, path, "%s", message)
	node, _ := d.find(path)
	if node == nil || node.Kind != yaml.ScalarNode || line != 1 || column < 1 || strings.Contains(node.Value, "\n") {
		return p
	}
	value := []rune(node.Value)
	if node.Line > len(d.source.lines) || column > len(value) {
		return p
	}
	start := node.Column - 1
	if node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		start++
	}
	written := []rune(d.source.lines[node.Line-1])
	if start+column <= len(written) && string(written[start:start+column]) == string(value[:column]) {
		p.Column = start + column + 1
	}
	return p
}

// find follows a JSON Pointer as far as it goes, and gives the last value and
// its key, where it has one.
func (d *Document) find(path string) (value, key *yaml.Node) {
	if d.root == nil {
		return nil, nil
	}
	value = d.root
	if path == "" {
		return value, nil
	}
	for token := range strings.SplitSeq(path[1:], "/") {
		nextValue, nextKey := child(value, unescapePointer(token))
		if nextValue == nil {
			return value, nil
		}
		value, key = nextValue, nextKey
	}
	return value, key
}

func child(node *yaml.Node, token string) (value, key *yaml.Node) {
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == token {
				return node.Content[i+1], node.Content[i]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(node.Content) {
			return node.Content[i], nil
		}
	}
	return nil, nil
}

var (
	pointerEscaper   = strings.NewReplacer("~", "~0", "/", "~1")
	pointerUnescaper = strings.NewReplacer("~1", "/", "~0", "~")
)

func escapePointer(token string) string   { return pointerEscaper.Replace(token) }
func unescapePointer(token string) string { return pointerUnescaper.Replace(token) }

// pointer joins tokens to a JSON Pointer.
func pointer(tokens []string) string {
	var b strings.Builder
	for _, token := range tokens {
		b.WriteString("/" + escapePointer(token))
	}
	return b.String()
}

// at gives the pointer to an element of a list.
func at(path string, index int) string { return path + "/" + strconv.Itoa(index) }

// has tells whether the author wrote something at exactly this place.
func (d *Document) has(path string) bool {
	node := d.root
	for token := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if node == nil {
			return false
		}
		node, _ = child(node, unescapePointer(token))
	}
	return node != nil
}
