//go:build noembed

package embedded_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/steward-itsm/steward/embedded"
)

func TestSlimBuildSaysWhatToUseInstead(t *testing.T) {
	t.Parallel()
	_, err := embedded.Start(t.Context(), embedded.Options{})
	assert.ErrorContains(t, err, "--temporal-address")
	assert.False(t, embedded.Available)
}
