//go:build !noembed

package embedded

import (
	"log/slog"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/server/common/primitives"
)

// Somebody may take a port between choosing and using it: that must come back
// as an error that Start can answer with other ports, not end the process.
func TestPortTakenMeanwhileIsAnError(t *testing.T) {
	t.Parallel()
	o := Options{Logger: slog.New(slog.DiscardHandler)}.withDefaults()
	db, err := databaseConfig(o.Dir)
	require.NoError(t, err)
	require.NoError(t, prepareDatabase(t.Context(), o, db))
	ports, err := freePorts(0)
	require.NoError(t, err)
	thief, err := net.Listen("tcp", ports.address(primitives.HistoryService))
	require.NoError(t, err)
	t.Cleanup(func() { _ = thief.Close() })

	server, err := startOn(ports, db, o.Logger)
	assert.ErrorIs(t, err, syscall.EADDRINUSE)
	assert.Nil(t, server)
}
