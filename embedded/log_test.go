//go:build !noembed

package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.temporal.io/server/common/log/tag"
	"go.temporal.io/server/common/persistence"
)

func TestStopIsNoNewsButFaultsAre(t *testing.T) {
	t.Parallel()
	closed := fmt.Errorf("loading: %w", &persistence.ShardOwnershipLostError{ShardID: 1, Msg: "shard closed"})
	full := errors.New("database or disk is full")
	cases := map[string]struct {
		cause                 error
		whileUp, whileStopped bool
	}{
		"closed shard": {closed, true, false},
		"cancelled":    {fmt.Errorf("reading: %w", context.Canceled), true, false},
		"full disk":    {full, true, true},
		"no cause":     {nil, true, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := func(stopping bool) bool {
				var out bytes.Buffer
				l := newLogger(slog.New(slog.NewTextHandler(&out, nil)))
				l.stopping.Store(stopping)
				l.With(tag.ShardID(1)).Error("Queue reader unable to retrieve tasks", tag.Error(c.cause))
				return out.Len() > 0
			}
			assert.Equal(t, c.whileUp, told(false), "while it runs")
			assert.Equal(t, c.whileStopped, told(true), "while it stops")
		})
	}
}
