package steward_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLinksInThePagesLeadSomewhere(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, page := range pages(t) {
		for _, match := range link.FindAllStringSubmatch(prose(t, page), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, ":") {
				continue // another site, which a test on loopback can't ask
			}
			file := page
			if target != "" {
				file = filepath.Join(filepath.Dir(page), target)
			}
			_, err := os.Stat(file)
			if assert.NoError(t, err, "%s links to %s", page, match[1]) && anchor != "" {
				assert.Contains(t, anchors(t, file), anchor, "%s links to %s", page, match[1])
			}
		}
	}
}

func TestDecisionsTellWhatTheyMust(t *testing.T) {
	t.Parallel()
	index := read(t, "docs/decisions/README.md")
	decisions, err := filepath.Glob("docs/decisions/[0-9]*.md")
	require.NoError(t, err)
	require.NotEmpty(t, decisions)
	for i, page := range decisions {
		name := filepath.Base(page)
		assert.Regexp(t, fmt.Sprintf(`^%04d-[a-z-]+\.md$`, i+1), name, "decisions are numbered without a gap")
		assert.Contains(t, index, "("+name+")", "the index lacks %s", name)
		for _, heading := range []string{"context", "options", "choice", "price"} {
			assert.Contains(t, anchors(t, page), heading, page)
		}
	}
}

func TestEveryDependencyHasItsReason(t *testing.T) {
	t.Parallel()
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|(.*)\\|$")
	var listed []string
	for _, match := range row.FindAllStringSubmatch(read(t, "docs/dependencies.md"), -1) {
		listed = append(listed, match[1])
		for cell := range strings.SplitSeq(match[2], "|") {
			assert.NotEmpty(t, strings.TrimSpace(cell), "%s has an empty cell", match[1])
		}
	}
	assert.ElementsMatch(t, directDependencies(t), listed)
}

// directDependencies lists the modules that our code imports from.
func directDependencies(t *testing.T) []string {
	t.Helper()
	line := regexp.MustCompile(`(?m)^(?:require )?\s*(\S+) v\S+(?: // indirect)?$`)
	modules := line.FindAllStringSubmatch(read(t, "go.mod"), -1)
	used := map[string]bool{}
	for _, file := range sources(t) {
		for _, path := range file.imports {
			longest := ""
			for _, match := range modules {
				if strings.HasPrefix(path+"/", match[1]+"/") && len(match[1]) > len(longest) {
					longest = match[1]
				}
			}
			used[longest] = true
		}
	}
	delete(used, "") // the standard library, and our own
	return slices.Collect(maps.Keys(used))
}

// pages lists every page that people read.
func pages(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && skipped(path):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".md"):
			all = append(all, path)
		}
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

// prose is a page without its code, where brackets mean something else.
func prose(t *testing.T, page string) string {
	t.Helper()
	code := regexp.MustCompile("(?ms)^```.*?^```|`[^`\n]*`|^    .*?$")
	return code.ReplaceAllString(read(t, page), "")
}

// anchors lists what a link into a page can name, as GitHub makes it of headings.
func anchors(t *testing.T, page string) []string {
	t.Helper()
	heading := regexp.MustCompile(`(?m)^#+ (.+)$`)
	dropped := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	var all []string
	for _, match := range heading.FindAllStringSubmatch(read(t, page), -1) {
		slug := dropped.ReplaceAllString(strings.ToLower(strings.TrimSpace(match[1])), "")
		all = append(all, strings.ReplaceAll(slug, " ", "-"))
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}
