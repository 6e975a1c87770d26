package main

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSDKIsHeardWhileSomethingShouldWork(t *testing.T) {
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
	sdk.Error("Activity task postprocess error: context canceled")
	assert.Empty(t, out.String(), "breaking off is what stopping means")
	n.log.Error("closing the database")
	assert.NotEmpty(t, out.String(), "Steward itself is heard")
}
