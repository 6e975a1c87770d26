// Package steward_test checks what lies at the root of the repository and
// belongs to no package: how Steward is deployed.
package steward_test

import (
	"net/url"
	"regexp"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	healthy   = types.ServiceConditionHealthy
	completed = types.ServiceConditionCompletedSuccessfully
)

func TestComposeFileHasEveryPart(t *testing.T) {
	t.Parallel()
	project := loadCompose(t)
	assert.ElementsMatch(t, []string{"postgres", "temporal", "temporal-ui", "migrate", "server", "worker"}, project.ServiceNames())
	for _, name := range []string{"server", "worker"} {
		service := project.Services[name]
		assert.Equal(t, 2, service.GetScale(), "%s: nothing may assume that it is the only one", name)
	}
	for _, name := range []string{"migrate", "server", "worker"} {
		assert.Equal(t, types.ShellCommand{name}, project.Services[name].Command)
	}
}

func TestComposeImagesArePinned(t *testing.T) {
	t.Parallel()
	version := regexp.MustCompile(`^[^:@]+:v?\d+\.\d+(\.\d+)?([.-][a-z0-9.]+)*$`)
	for name, service := range loadCompose(t).Services {
		if service.Build == nil {
			assert.Regexp(t, version, service.Image, name)
		}
	}
}

func TestOurContainersHaveNoPowers(t *testing.T) {
	t.Parallel()
	ours := 0
	for name, service := range loadCompose(t).Services {
		if service.Build == nil {
			continue
		}
		ours++
		assert.Equal(t, "65532:65532", service.User, name)
		assert.True(t, service.ReadOnly, name)
		assert.Equal(t, []string{"ALL"}, service.CapDrop, name)
		assert.False(t, service.Privileged, name)
	}
	assert.Equal(t, 3, ours)
}

func TestComposeStartsThingsInOrder(t *testing.T) {
	t.Parallel()
	project := loadCompose(t)
	want := map[string]map[string]string{
		"temporal":    {"postgres": healthy},
		"temporal-ui": {"temporal": healthy},
		"migrate":     {"postgres": healthy},
		"server":      {"migrate": completed, "temporal": healthy},
		"worker":      {"migrate": completed, "temporal": healthy},
	}
	for name, conditions := range want {
		got := map[string]string{}
		for on, dependency := range project.Services[name].DependsOn {
			got[on] = dependency.Condition
			if dependency.Condition == healthy {
				assert.NotNil(t, project.Services[on].HealthCheck, "%s waits for the health of %s", name, on)
			}
		}
		assert.Equal(t, conditions, got, name)
	}
}

func TestComposePasswordComesFromTheEnvironment(t *testing.T) {
	t.Parallel()
	literal := regexp.MustCompile(`(?i)password|secret|token|pwd|api_?key`)
	for name, service := range loadCompose(t, "POSTGRES_PASSWORD=from-outside").Services {
		for key, value := range service.Environment {
			if literal.MatchString(key) {
				assert.Equal(t, "from-outside", *value, "%s: %s", name, key)
			}
			assert.NotContains(t, *value, "steward-dev", "%s: %s", name, key)
		}
	}
}

// A URL would be cut short by some of what a good password holds.
func TestComposePasswordMayHoldWhatEndsAURL(t *testing.T) {
	t.Parallel()
	const password = "p@ss/w#rd?:%&+=;"
	project := loadCompose(t, "POSTGRES_PASSWORD="+password)
	assert.Equal(t, password, *project.Services["postgres"].Environment["POSTGRES_PASSWORD"])
	for _, name := range []string{"migrate", "server", "worker"} {
		environment := project.Services[name].Environment
		assert.Equal(t, password, *environment["PGPASSWORD"], name)
		address, err := url.Parse(*environment["STEWARD_DATABASE_URL"])
		require.NoError(t, err, name)
		assert.Equal(t, "postgres:5432", address.Host, name)
	}
}

func TestComposeListensOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	for name, service := range loadCompose(t).Services {
		for _, port := range service.Ports {
			assert.Equal(t, "127.0.0.1", port.HostIP, name)
		}
	}
}

func loadCompose(t *testing.T, env ...string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{"docker-compose.yml"}, cli.WithEnv(env))
	require.NoError(t, err)
	project, err := options.LoadProject(t.Context())
	require.NoError(t, err)
	return project
}
