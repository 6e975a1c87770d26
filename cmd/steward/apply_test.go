package main

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// files gives name and text of what a request carried, as Go's servers see it.
func files(t require.TestingT, contentType, body string) (names []string, texts []string) {
	_, params, err := mime.ParseMediaType(contentType)
	require.NoError(t, err)
	form := multipart.NewReader(strings.NewReader(body), params["boundary"])
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return names, texts
		}
		require.NoError(t, err)
		text, err := io.ReadAll(part)
		require.NoError(t, err)
		names, texts = append(names, part.FileName()), append(texts, string(text))
	}
}

func TestApplyTakesAFolderWithAllBelowIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"b.yaml", "a.yml", "sub/c.json", "notes.txt", ".git/d.yaml", ".hidden.yaml"} {
		write(t, dir, name, "text of "+name)
	}
	s := newShell(t)
	s.in = "text from standard input"
	s.answer("POST /v1/definitions", 200, api.Applied{Changes: []api.Change{
		{Action: "created", Kind: "ApprovalFlow", Name: "purchase", Version: 1, Digest: "sha256:0123456789abcdef"},
		{Action: "unchanged", Kind: "Person", Name: "maria", Version: 3, Digest: "sha256:fedcba9876543210"},
	}})
	got := s.run("apply", "-f", dir, "-f", "-")
	require.Equal(t, exitDone, got.code, got.errOut)
	assert.Equal(t, "created  ApprovalFlow/purchase  version 1  0123456789ab\n1 created, 0 updated, 1 unchanged\n", got.out)
	_, texts := files(t, s.sent().header.Get("Content-Type"), s.sent().body)
	assert.Equal(t, []string{"text of a.yml", "text of b.yaml", "text of sub/c.json", "text from standard input"}, texts)
	assert.Equal(t, "key-1", s.sent().header.Get("Idempotency-Key"))
}

func TestDryRunSaysThatNothingWasApplied(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.in = "x"
	s.answer("POST /v1/definitions", 200, api.Applied{DryRun: true, Changes: []api.Change{{Action: "updated", Kind: "Group", Name: "cab", Version: 2}}})
	got := s.run("apply", "-f", "-", "--dry-run")
	require.Equal(t, exitDone, got.code, got.errOut)
	assert.Contains(t, got.out, "nothing was applied (dry run)")
	assert.Equal(t, "dryRun=true", s.sent().query)
}

func TestFaultsAreToldWithFileNamesAsGiven(t *testing.T) {
	t.Parallel()
	path := write(t, t.TempDir(), "flows of 2026/purchase.yaml", "kind: ApprovalFlow")
	s := newShell(t)
	s.in = "kind: Group"
	s.answer("POST /v1/definitions", 422, problem(422, itsm.CodeDefinitionInvalid, "2 faults, and nothing was applied",
		api.Fault{File: url.PathEscape(path), Line: 12, Column: 5, Code: "unknown-field", Message: "there is no field amont"},
		api.Fault{File: "-", Line: 1, Column: 1, Code: "duplicate", Message: "also in " + url.PathEscape(path)}))
	got := s.run("apply", "-f", path, "-f", "-")
	assert.Equal(t, exitRefused, got.code)
	assert.Equal(t, "steward: definition.invalid: 2 faults, and nothing was applied\n"+
		path+":12:5: unknown-field: there is no field amont\n"+
		"-:1:1: duplicate: also in "+path+"\n", got.errOut)
}

func TestFolderWithoutDefinitionsIsUsage(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	got := s.run("apply", "-f", t.TempDir())
	assert.Equal(t, exitUsage, got.code)
	assert.Empty(t, s.requests)
}

func TestFormKeepsNamesAndTextsAndIsAlwaysTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var sources []source
		var names, texts []string
		for range rapid.IntRange(1, 4).Draw(t, "files") {
			name := filepath.Join("dir", rapid.StringMatching(`[a-zäß "%+/陈-]{1,12}`).Draw(t, "name"))
			text := rapid.String().Draw(t, "text")
			sources = append(sources, source{name, []byte(text)})
			names, texts = append(names, name), append(texts, text)
		}
		body, contentType, err := form(sources)
		require.NoError(t, err)
		once, err := io.ReadAll(body)
		require.NoError(t, err)
		again, sameType, err := form(sources)
		require.NoError(t, err)
		twice, err := io.ReadAll(again)
		require.NoError(t, err)
		assert.Equal(t, once, twice)
		assert.Equal(t, contentType, sameType)

		gotNames, gotTexts := files(t, contentType, string(once))
		for i := range gotNames {
			gotNames[i], err = url.PathUnescape(gotNames[i])
			require.NoError(t, err)
		}
		assert.Equal(t, names, gotNames)
		assert.Equal(t, texts, gotTexts)
	})
}
