package server

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

func TestGeneratedCodeIsThatOfTheDocument(t *testing.T) {
	t.Parallel()
	for config, output := range map[string]string{"server.cfg.yaml": "api.gen.go", "client.cfg.yaml": "client.gen.go"} {
		made := filepath.Join(t.TempDir(), output)
		settings, err := os.ReadFile(filepath.Join("api", config))
		require.NoError(t, err)
		elsewhere := filepath.Join(t.TempDir(), config)
		require.NoError(t, os.WriteFile(elsewhere, []byte(strings.Replace(string(settings), output, made, 1)), 0o600))
		generate := exec.CommandContext(t.Context(), "go", "tool", "-modfile=../../tools/go.mod", "oapi-codegen", "-config", elsewhere, "../openapi.yaml")
		generate.Dir = "api"
		out, err := generate.CombinedOutput()
		require.NoError(t, err, string(out))
		want, err := os.ReadFile(made)
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join("api", output))
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got), "run `make generate`")
	}
}

func TestEveryOperationIsGuarded(t *testing.T) {
	t.Parallel()
	c, err := loadContract()
	require.NoError(t, err)
	for name, op := range c.operations {
		if op.action == "" {
			assert.Contains(t, []string{"GET " + healthPath, "GET " + readyPath, "POST /v1/callbacks/:token", "POST " + enqueuePath}, name, "open to all the world")
		}
		assert.NotEmpty(t, op.route.Operation.Summary, name)
		assert.NotNil(t, op.route.Operation.Responses.Default(), name)
	}
}

func TestEveryCommandTakesAnIdempotencyKey(t *testing.T) {
	t.Parallel()
	c, err := loadContract()
	require.NoError(t, err)
	for name, op := range c.operations {
		takes := op.route.Operation.Parameters.GetByInAndName("header", keyHeader) != nil
		assert.Equal(t, op.route.Method != "GET", takes, name)
	}
}

func TestManualListsEveryErrorCode(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/errors.md")
	require.NoError(t, err)
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (\\d{3}) \\| ([^|]+) \\| ([^|]+) \\|$")
	listed := map[itsm.Code]int{}
	for _, match := range row.FindAllStringSubmatch(string(text), -1) {
		status, err := strconv.Atoi(match[2])
		require.NoError(t, err)
		assert.NotContains(t, listed, itsm.Code(match[1]), "listed twice")
		assert.True(t, strings.HasSuffix(strings.TrimSpace(match[4]), "."), "says what to do: %s", match[1])
		listed[itsm.Code(match[1])] = status
	}
	known := map[itsm.Code]int{}
	for _, code := range itsm.Codes() {
		known[code] = Status(code)
	}
	assert.Equal(t, known, listed)
}
