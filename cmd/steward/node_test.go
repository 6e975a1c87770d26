package main

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSDKWarnsOnlyWhileSomethingShouldWork(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	n := &node{log: slog.New(slog.NewTextHandler(&out, nil))}
	sdk := n.sdkLog().With("queue", "steward")
	sdk.Info("Started Worker")
	assert.Empty(t, out.String())
	sdk.Warn("Failed to poll for task.")
	assert.Contains(t, out.String(), "Failed to poll")

	require.NoError(t, n.close())
	out.Reset()
	sdk.Warn("Failed to poll for task.")
	assert.Empty(t, out.String(), "breaking polls off is what stopping means")
	sdk.Error("Task processing failed with error")
	assert.Contains(t, out.String(), "Task processing failed")
}
