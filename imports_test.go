package steward_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/steward-itsm/steward"

// layout is the import column of the layout table: which of our own folders a
// folder may import. Folders below one count as part of it. Where the rule
// differs from the first design, docs/decisions/0007 says why.
var layout = map[string][]string{
	"itsm":       {},
	"definition": {"itsm"},
	"workflows":  {"itsm", "definition"},
	"activities": {"itsm", "definition", "store", "notify", "workflows"},
	"worker":     {"workflows", "activities"},
	"engine":     {"itsm", "definition", "workflows", "store"},
	"server":     {"engine", "store", "itsm", "definition", "audit"},
	"store":      {"itsm", "definition"},
	"notify":     {"itsm"},
	"outgoing":   {"itsm", "store", "notify"},
	"audit":      {"itsm", "workflows", "store"},
	"embedded":   {},
	"config":     {"itsm"},
	"cmd":        {"itsm", "definition", "workflows", "activities", "worker", "engine", "server", "store", "notify", "outgoing", "audit", "embedded", "config"},
	"internal":   {}, // for tests alone
}

// homes says which folders may know a library, so that it can be exchanged
// there. Prefixes of import paths.
var homes = map[string][]string{
	"github.com/spf13/viper":      {"config"},
	"go.temporal.io/server":       {"embedded"},
	"go.temporal.io/":             {"workflows", "activities", "worker", "engine", "audit", "embedded", "cmd"},
	"cel.dev/":                    {"definition"},
	"go.yaml.in/yaml":             {"definition", "config", "cmd"},
	"github.com/gin-gonic/":       {"server"},
	"github.com/arran4/":          {"server"},
	"github.com/jmoiron/sqlx":     {"store"},
	"github.com/lib/pq":           {"store", "internal"},
	"github.com/pressly/goose":    {"store"},
	"github.com/spf13/cobra":      {"cmd"},
	"github.com/wneessen/":        {"notify"},
	"github.com/stretchr/":        {}, // tests alone
	"pgregory.net/rapid":          {}, // tests alone
	module + "/internal/pgtest":   {}, // tests alone
	module + "/internal/smtptest": {}, // tests alone
}

func TestFoldersImportOnlyWhatTheLayoutAllows(t *testing.T) {
	t.Parallel()
	for _, file := range sources(t) {
		if file.isTest {
			continue
		}
		allowed, known := layout[file.folder]
		if !assert.True(t, known, "%s: folder %q is not in the layout; give it a row here and a reason in CONTRIBUTING.md", file.path, file.folder) {
			continue
		}
		for _, path := range file.imports {
			if ours, ok := strings.CutPrefix(path, module+"/"); ok {
				other, _, _ := strings.Cut(ours, "/")
				assert.True(t, other == file.folder || slices.Contains(allowed, other), "%s must not import %s", file.path, path)
			}
		}
	}
}

func TestLibrariesStayWhereTheyBelong(t *testing.T) {
	t.Parallel()
	for _, file := range sources(t) {
		if file.isTest {
			continue
		}
		for _, path := range file.imports {
			for library, folders := range homes {
				if strings.HasPrefix(path+"/", library) {
					assert.Contains(t, folders, file.folder, "%s must not import %s", file.path, path)
				}
			}
		}
	}
}

// Compiling Temporal's server takes minutes; a test that imports it by mistake
// costs everybody that time.
func TestOnlyEmbeddedAndTheBinaryCompileTheTemporalServer(t *testing.T) {
	t.Parallel()
	for _, file := range sources(t) {
		for _, path := range file.imports {
			if strings.HasPrefix(path, "go.temporal.io/server") {
				assert.Equal(t, "embedded", file.folder, file.path)
			}
			if path == module+"/embedded" {
				assert.Contains(t, []string{"embedded", "cmd"}, file.folder, file.path)
			}
		}
	}
}

func TestDomainNeedsOnlyTheStandardLibrary(t *testing.T) {
	t.Parallel()
	for _, file := range sources(t) {
		if file.folder != "itsm" || file.isTest {
			continue
		}
		for _, path := range file.imports {
			first, _, _ := strings.Cut(path, "/")
			assert.NotContains(t, first, ".", "%s must not import %s", file.path, path)
		}
	}
}

func TestEveryPackageSaysWhatBelongsInIt(t *testing.T) {
	t.Parallel()
	documented := map[string]bool{}
	for _, file := range sources(t) {
		if !file.isTest {
			documented[file.dir] = documented[file.dir] || file.documented
		}
	}
	require.Contains(t, documented, "itsm")
	for dir, ok := range documented {
		assert.True(t, ok, "%s has no package comment", dir)
	}
}

func TestPackagesAreNamedAfterWhatTheyAreAbout(t *testing.T) {
	t.Parallel()
	drawers := []string{"util", "utils", "common", "helper", "helpers", "types", "models", "misc", "base", "shared"}
	for _, file := range sources(t) {
		assert.NotContains(t, drawers, strings.TrimSuffix(file.name, "_test"), file.path)
	}
}

func TestFilesCanBeReadInOneSitting(t *testing.T) {
	t.Parallel()
	const most = 600
	for _, file := range sources(t) {
		if !file.isTest && !file.generated {
			assert.LessOrEqual(t, file.lines, most, "%s tells more than one story; split it", file.path)
		}
	}
}

// source is what the rules look at in one Go file.
type source struct {
	path, dir, folder, name string // folder is the first part of dir
	imports                 []string
	lines                   int
	isTest                  bool
	generated               bool
	documented              bool // carries the package comment
}

// sources reads every Go file of this module.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && skipped(path):
			return filepath.SkipDir
		case !entry.IsDir() && strings.HasSuffix(path, ".go"):
			all = append(all, readSource(t, path))
		}
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

// skipped are folders of other modules, of data, and of what is built.
func skipped(dir string) bool {
	base := filepath.Base(dir)
	return strings.HasPrefix(base, ".") || slices.Contains([]string{"testdata", "tools", "bin", "steward-data"}, base)
}

var generatedMark = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

func readSource(t *testing.T, path string) source {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	parsed, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ImportsOnly|parser.ParseComments)
	require.NoError(t, err)
	dir := filepath.ToSlash(filepath.Dir(path))
	folder, _, _ := strings.Cut(dir, "/")
	return source{
		path: path, dir: dir, folder: folder, name: parsed.Name.Name,
		imports: importsOf(t, parsed), lines: bytes.Count(text, []byte("\n")),
		isTest: strings.HasSuffix(path, "_test.go"), generated: generatedMark.Match(text), documented: parsed.Doc != nil,
	}
}

func importsOf(t *testing.T, file *ast.File) []string {
	t.Helper()
	paths := make([]string, len(file.Imports))
	for i, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		paths[i] = path
	}
	return paths
}
