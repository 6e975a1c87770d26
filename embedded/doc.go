// Package embedded runs a Temporal server inside the process, on one SQLite
// file, for `steward dev` and the tests.
//
// What belongs here: the server's configuration for one small machine, its
// database file, and the lock on the data folder. What does not: anything of
// Steward's own; to the rest of the code this is a Temporal address like any
// other.
//
// What survives: the file is written ahead (WAL) and every commit reaches the
// operating system before it is answered, so killing the process at any moment
// loses nothing. It is flushed to the disk itself only at checkpoints: if the
// power fails, the file stays sound but the last moments may be missing. Those
// who need more run `steward server` on a Temporal cluster.
//
// Builds with the tag noembed leave the server out.
package embedded

import (
	"log/slog"
	"time"
)

// DefaultRetention is how long closed workflows stay readable in Temporal.
// After that their histories are gone; what is left of them is in Steward's
// journal: every event, but not how the workflow came to it.
const DefaultRetention = 30 * 24 * time.Hour

// Options say what to start.
type Options struct {
	Dir       string        // data folder, which must exist; "" keeps everything in memory, for tests
	Namespace string        // registered if new; "" means "steward"
	Retention time.Duration // of closed workflows, an hour or more; 0 means DefaultRetention
	Port      int           // of the frontend on loopback; 0 takes any free one
	Logger    *slog.Logger  // gets the server's warnings and errors; nil means slog.Default()
}

func (o Options) withDefaults() Options {
	if o.Namespace == "" {
		o.Namespace = "steward"
	}
	if o.Retention == 0 {
		o.Retention = DefaultRetention
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}
