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
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/server/common/log/tag"
	"go.temporal.io/server/common/persistence"
)

func TestStopIsNoNewsButFaultsAre(t *testing.T) {
	t.Parallel()
	closed := fmt.Errorf("loading: %w", &persistence.ShardOwnershipLostError{ShardID: 1, Msg: "shard closed"})
	cases := map[string]struct {
		cause                  error
		whileUp, whileStopping bool
	}{
		"closed shard":     {closed, true, false},
		"nobody waits":     {fmt.Errorf("reading: %w", context.Canceled), false, false},
		"a poll ended":     {serviceerror.NewCanceled("context canceled"), false, false},
		"its text is left": {serviceerror.NewUnavailable("GetTaskQueue operation failed. Error: context canceled"), false, false},
		"a full disk":      {errors.New("database or disk is full"), true, true},
		"without a cause":  {nil, true, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := func(stopping bool) bool {
				var out bytes.Buffer
				l := newLogger(slog.New(slog.NewTextHandler(&out, nil)))
				l.stopping.Store(stopping)
				l.Error("Queue reader unable to retrieve tasks", tag.Error(c.cause))
				first := out.Len()
				l.With(tag.Error(c.cause)).(logger).Error("Fail to process task", tag.ShardID(1))
				assert.Equal(t, first > 0, out.Len() > first, "whichever way the cause is told")
				return first > 0
			}
			assert.Equal(t, c.whileUp, told(false), "while it runs")
			assert.Equal(t, c.whileStopping, told(true), "while it stops")
		})
	}
}
