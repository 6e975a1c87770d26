package server

import (
	"context"
	"sync"
	"time"
)

const tideEvery = 250 * time.Millisecond

// tide tells the streams of a server when the journal has grown. It looks only
// while there is a stream, and once for all of them.
type tide struct {
	end   func(context.Context) (string, error) // the cursor of the newest event
	every time.Duration

	mu      sync.Mutex
	streams int
	stop    context.CancelFunc // ends looking; set while there are streams
	changed chan struct{}      // closed at the next change
}

func newTide(end func(context.Context) (string, error)) *tide {
	return &tide{end: end, every: tideEvery, changed: make(chan struct{})}
}

// join counts a stream in, until leave is called.
func (t *tide) join() (leave func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.streams++; t.streams == 1 {
		var ctx context.Context
		ctx, t.stop = context.WithCancel(context.Background())
		go t.watch(ctx)
	}
	return t.leave
}

func (t *tide) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.streams--; t.streams == 0 {
		t.stop()
	}
}

// next gives what is closed when the journal has changed since.
func (t *tide) next() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changed
}

// watch looks for changes. After an outage everything counts as changed.
func (t *tide) watch(ctx context.Context) {
	tick := time.NewTicker(t.every)
	defer tick.Stop()
	for last := ""; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		end, err := t.end(ctx)
		if err == nil && end != last {
			t.rise()
		}
		last = end // "" after an error
	}
}

func (t *tide) rise() {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.changed)
	t.changed = make(chan struct{})
}
