package definition_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/definition"
)

func parse(text string) ([]definition.Document, definition.Problems) {
	return definition.Parse(definition.Source{Name: "body", Text: []byte(text)})
}

func codes(problems definition.Problems) []string {
	found := make([]string, len(problems))
	for i, p := range problems {
		found[i] = p.Code
	}
	return found
}

// seeds are real and broken documents, to start from.
func seeds(tb testing.TB) [][]byte {
	tb.Helper()
	var texts [][]byte
	for _, pattern := range []string{"../examples/acme/*.yaml", "testdata/faults/*.yaml"} {
		files, err := filepath.Glob(pattern)
		require.NoError(tb, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(tb, err)
			texts = append(texts, text)
		}
	}
	return texts
}

func FuzzLoad(f *testing.F) {
	for _, text := range seeds(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		docs, problems := definition.Load(nil, definition.Source{Name: "body", Text: text})
		for _, p := range problems {
			if p.Line < 1 || p.Code == "" {
				t.Errorf("a problem without a place: %+v", p)
			}
		}
		for _, doc := range docs {
			if len(problems) == 0 {
				if _, err := doc.Expressions(); err != nil {
					t.Errorf("checked, and does not compile: %v", err)
				}
			}
		}
	})
}

func TestDamagedDocumentsNeverPanic(t *testing.T) {
	t.Parallel()
	texts := seeds(t)
	rapid.Check(t, func(t *rapid.T) {
		text := bytes.Clone(rapid.SampledFrom(texts).Draw(t, "text"))
		for range rapid.IntRange(1, 8).Draw(t, "damages") {
			i := rapid.IntRange(0, len(text)-1).Draw(t, "where")
			junk := rapid.SampledFrom([]string{"{", "}", "[", "- ", ":", "\n", "\t", "&a ", "*a", "!!x", "'", "\"", "|", "---\n", "\x00", "~", "? ", "0x1", ".inf", "陈", "\xff"}).Draw(t, "junk")
			text = append(text[:i:i], append([]byte(junk), text[i+rapid.IntRange(0, 1).Draw(t, "eat"):]...)...)
		}
		definition.Load(nil, definition.Source{Name: "body", Text: text})
	})
}

// The same content is the same version, however it is written.
func TestDigestIgnoresOrderCommentsAndLayout(t *testing.T) {
	t.Parallel()
	var docs []definition.Document
	for _, doc := range acme(t) {
		docs = append(docs, doc)
	}
	rapid.Check(t, func(t *rapid.T) {
		doc := rapid.SampledFrom(docs).Draw(t, "document")
		var node yaml.Node
		require.NoError(t, yaml.Unmarshal(doc.Canonical, &node))
		rewrite(t, &node)
		var out bytes.Buffer
		encoder := yaml.NewEncoder(&out)
		encoder.SetIndent(rapid.IntRange(2, 8).Draw(t, "indent"))
		require.NoError(t, encoder.Encode(&node))
		again, problems := parse(out.String())
		require.Empty(t, problems)
		require.Len(t, again, 1)
		require.Equal(t, doc.Digest, again[0].Digest)
		require.Equal(t, doc.Spec, again[0].Spec)
	})
}

// rewrite changes everything about a text that does not count.
func rewrite(t *rapid.T, node *yaml.Node) {
	node.Style &^= yaml.FlowStyle
	if node.Kind == yaml.MappingNode {
		pairs := len(node.Content) / 2
		var content []*yaml.Node
		for _, i := range rapid.Permutation(indexes(pairs)).Draw(t, "order") {
			content = append(content, node.Content[2*i], node.Content[2*i+1])
		}
		node.Content = content
	}
	if rapid.Bool().Draw(t, "comment") {
		node.HeadComment = "whatever"
	}
	for _, part := range node.Content {
		rewrite(t, part)
	}
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func TestEveryChangeOfContentIsAnotherVersion(t *testing.T) {
	t.Parallel()
	const text = "apiVersion: steward/v1\nkind: Person\nmetadata: {name: x}\nspec: {email: %s@acme.test}\n"
	a, _ := parse(fmt.Sprintf(text, "a"))
	b, _ := parse(fmt.Sprintf(text, "b"))
	assert.NotEqual(t, a[0].Digest, b[0].Digest)
	assert.Regexp(t, "^sha256:[0-9a-f]{64}$", a[0].Digest)
	assert.Equal(t, fmt.Sprintf(text, "a"), a[0].Text)
}

func TestJSONBodyIsRead(t *testing.T) {
	t.Parallel()
	yamlDocs, problems := parse("apiVersion: steward/v1\nkind: Person\nmetadata: {name: chen, title: 陈晓 😀 a/b}\nspec: {}\n")
	require.Empty(t, problems)
	jsonDocs, problems := parse("{\n\t\"kind\":\"Person\",\"apiVersion\":\"steward\\/v1\",\"spec\":{},\t\"metadata\":{\"name\":\"chen\",\"title\":\"\\u9648\\u6653 \\ud83d\\ude00 a\\/b\"}}")
	require.Empty(t, problems)
	assert.Equal(t, yamlDocs[0].Digest, jsonDocs[0].Digest)
}

func TestBombsAreRefusedQuickly(t *testing.T) {
	t.Parallel()
	laughs := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		laughs += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 9), ","))
	}
	flow := "apiVersion: steward/v1\nkind: ApprovalFlow\nmetadata: {name: f}\nspec:\n  stages:\n    - name: one\n      approvers: [{person: a}]\n      when: "
	for name, bomb := range map[string]struct{ text, code string }{
		"aliases":         {laughs, "yaml.alias"},
		"ten megabytes":   {strings.Repeat("a: b\n", 2<<20), "yaml.too_large"},
		"deep flow":       {strings.Repeat("[", 9000) + strings.Repeat("]", 9000), "yaml.too_deep"},
		"very deep flow":  {strings.Repeat("[", 1<<19), "yaml.malformed"},
		"deep indent":     {strings.Repeat("- ", 5000) + "a", "yaml.too_deep"},
		"deep expression": {flow + "'" + strings.Repeat("(", 1500) + "true" + strings.Repeat(")", 1500) + "'", "expression.syntax"},
		"many documents":  {strings.Repeat("---\nkind: Person\n", 50_000), "schema.required"},
		"many fields":     {"apiVersion: steward/v1\nkind: Person\nmetadata: {name: x}\nspec:\n" + lines("  field%d: 1\n", 40_000), "schema.unknown_field"},
		"many references": {"apiVersion: steward/v1\nkind: Group\nmetadata: {name: x}\nspec:\n  members:\n" + lines("  - person%d\n", 40_000), "reference.unknown"},
		"not text":        {"\xff\xfe\x00", "yaml.malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			_, problems := definition.Load(nil, definition.Source{Name: "body", Text: []byte(bomb.text)})
			assert.Contains(t, codes(problems), bomb.code)
			assert.Less(t, time.Since(start), 30*time.Second)
			assert.LessOrEqual(t, len(problems), 1000)
		})
	}
}

func lines(format string, n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, format, i)
	}
	return text.String()
}

func TestExpressionCanNotHang(t *testing.T) {
	t.Parallel()
	numbers := "[" + strings.TrimSuffix(strings.Repeat("1,", 100), ",") + "]"
	for name, bomb := range map[string]string{
		"nested loops": "lists.range(9999).all(a, lists.range(9999).all(b, lists.range(9999).all(c, a + b + c >= 0)))",
		"growing text": numbers + ".map(a, " + numbers + ".map(b, " + numbers + ".map(c, 'x' + string(a)))).size() > 0",
		"replacing":    "'a'" + strings.Repeat(".replace('a', 'aaaaaaaaaa')", 8) + ".size() > 0",
		"joining":      "lists.range(9999).map(i, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa').join('" + strings.Repeat("b", 2000) + "').replace('b', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa').size() > 0",
		"formatting":   "'%s%s%s%s%s%s%s%s%s%s'.format([" + strings.TrimSuffix(strings.Repeat("'%s%s%s%s%s%s%s%s%s%s'.format(['a','a','a','a','a','a','a','a','a','a']),", 10), ",") + "]).split('').map(a, lists.range(9999)).size() > 0",
		"doubling":     "lists.range(9999).map(a, lists.range(9999)).size() > 0",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docs, problems := parse("apiVersion: steward/v1\nkind: ApprovalFlow\nmetadata: {name: f}\nspec:\n  stages:\n    - name: one\n      approvers: [{managerOf: requester}]\n      when: \"" + bomb + "\"\n")
			require.Empty(t, problems)
			require.Empty(t, definition.Check(docs, nil))
			x, err := docs[0].Expressions()
			require.NoError(t, err)
			_, err = x.Bool(bomb, definition.Facts{})
			assert.ErrorContains(t, err, "limit exceeded")
		})
	}
}

func TestAllFaultsOfAllSourcesComeAtOnce(t *testing.T) {
	t.Parallel()
	_, problems := definition.Load(nil,
		definition.Source{Name: "b.yaml", Text: []byte("kind: [")},
		definition.Source{Name: "a.yaml", Text: []byte("apiVersion: steward/v1\nkind: Person\nmetadata: {name: x}\nspec: {manager: nobody, emial: x}\n---\napiVersion: steward/v1\nkind: Group\nmetadata: {name: g}\nspec: {members: [y]}\n")},
	)
	var places []string
	for _, p := range problems {
		places = append(places, fmt.Sprintf("%s:%d:%d %s %s%s", p.File, p.Line, p.Column, p.Code, p.Document, p.Path))
	}
	assert.Equal(t, []string{
		"a.yaml:4:17 reference.unknown Person/x/spec/manager",
		"a.yaml:4:25 schema.unknown_field Person/x/spec/emial",
		"a.yaml:9:18 reference.unknown Group/g/spec/members/0",
		"b.yaml:1:1 yaml.malformed ",
	}, places)
}

func TestSchemasAreForEditors(t *testing.T) {
	t.Parallel()
	assert.Len(t, definition.Kinds(), 12)
	for _, kind := range definition.Kinds() {
		raw, err := definition.Schema(kind)
		require.NoError(t, err)
		var schema map[string]any
		require.NoError(t, json.Unmarshal(raw, &schema))
		assert.Equal(t, "https://json-schema.org/draft/2020-12/schema", schema["$schema"])
		assertTold(t, kind, schema)
	}
	_, err := definition.Schema("Nothing")
	assert.ErrorContains(t, err, "not_found")
}

// assertTold checks that every field has a title and a description, by itself
// or where it refers to.
func assertTold(t *testing.T, where string, value any) {
	t.Helper()
	schema, ok := value.(map[string]any)
	if !ok {
		return
	}
	properties, _ := schema["properties"].(map[string]any)
	for name, property := range properties {
		field, _ := property.(map[string]any)
		if _, refers := field["$ref"]; !refers {
			assert.NotEmpty(t, field["title"], where+"."+name)
			assert.NotEmpty(t, field["description"], where+"."+name)
		}
		assertTold(t, where+"."+name, property)
	}
	assertTold(t, where+"[]", schema["items"])
	parts, _ := schema["$defs"].(map[string]any)
	for name, part := range parts {
		field, _ := part.(map[string]any)
		assert.NotEmpty(t, field["title"], where+"/"+name)
		assert.NotEmpty(t, field["description"], where+"/"+name)
		assertTold(t, where+"/"+name, part)
	}
}
