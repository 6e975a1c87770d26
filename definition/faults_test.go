package definition_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/definition"
)

// catalog is what is applied already in these tests.
type catalog map[string]definition.Document

func (c catalog) Lookup(kind, name string) (definition.Document, bool) {
	doc, ok := c[kind+"/"+name]
	return doc, ok
}

// The files in testdata/faults are broken documents, and faults.txt says where
// and how each is broken: file, line, column, code. All are read on top of Acme.
func TestEveryFaultIsFoundAtItsPlace(t *testing.T) {
	t.Parallel()
	existing := catalog(acme(t))
	files, err := filepath.Glob("testdata/faults/*.yaml")
	require.NoError(t, err)
	var found []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		_, problems := definition.Load(existing, definition.Source{Name: filepath.Base(file), Text: text})
		for _, p := range problems {
			assert.NotEmpty(t, p.Message, p)
			found = append(found, fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Code))
		}
	}
	want, err := os.ReadFile("testdata/faults.txt")
	require.NoError(t, err)
	assert.Equal(t, strings.Split(strings.TrimSpace(string(want)), "\n"), found)
}

func TestEveryCodeIsDocumentedAndTested(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../docs/definition-errors.md")
	require.NoError(t, err)
	faults, err := os.ReadFile("testdata/faults.txt")
	require.NoError(t, err)
	var rows []string
	for line := range strings.Lines(string(manual)) {
		if strings.HasPrefix(line, "| `") {
			rows = append(rows, strings.TrimSpace(line))
		}
	}
	assert.Len(t, rows, len(definition.Codes()), "each code once, and no others")
	for code, meaning := range definition.Codes() {
		assert.Contains(t, rows, fmt.Sprintf("| `%s` | %s |", code, meaning))
		if code != "yaml.too_large" && code != "schema.invalid" { // the first has a test of its own; no schema of today can give the second
			assert.Contains(t, string(faults), ": "+code+"\n", "no broken document shows this code")
		}
	}
}
