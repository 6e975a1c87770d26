//go:build !noembed

package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
	"go.temporal.io/server/common/persistence"
)

// noNexus is the one warning of a healthy start: an HTTP listener that we leave
// closed would be needed for Nexus, which Steward does not use.
const noNexus = "HTTP API port has not been set"

// noBaggage is an error that comes when a caller leaves in the instant of its
// answer: what can't be sent along any more is for metrics, which are off here.
const noBaggage = "unable to add metrics baggage to gRPC trailer"

// logger hands Temporal's warnings and errors to slog, and drops the rest:
// what it says below that is for people who work on Temporal. Tags are turned
// into attributes only when something is said.
type logger struct {
	to   *slog.Logger
	tags []tag.Tag
	// stopping drops warnings too, and errors that only tell of the stop: the
	// services stop one by one, and each tells that it no longer reaches those
	// that went before, or that its shard is closed.
	stopping *atomic.Bool
}

func newLogger(to *slog.Logger) logger { return logger{to: to, stopping: new(atomic.Bool)} }

// fatalError is what Temporal calls fatal. It is thrown, so that Start can
// catch it and try again or report it; anywhere else it ends the process.
type fatalError struct {
	message string
	cause   error
}

func (e *fatalError) Error() string { return fmt.Sprintf("temporal: %s: %v", e.message, e.cause) }
func (e *fatalError) Unwrap() error { return e.cause }

func (l logger) Debug(string, ...tag.Tag) {}
func (l logger) Info(string, ...tag.Tag)  {}

func (l logger) Warn(message string, tags ...tag.Tag) {
	if !l.stopping.Load() && !strings.HasPrefix(message, noNexus) && !gaveUp(l.cause(tags)) {
		l.to.Warn(message, l.attributes(tags)...)
	}
}

func (l logger) Error(message string, tags ...tag.Tag) {
	cause := l.cause(tags)
	if message == noBaggage || gaveUp(cause) || l.stopping.Load() && shardClosed(cause) {
		return
	}
	l.to.Error(message, l.attributes(tags)...)
}

// gaveUp reports whether no more happened than that a caller no longer wanted
// the answer, as a worker that stops does with its polls. It knows that itself,
// and Temporal tries again whatever was under way.
//
// Where Temporal's persistence passes such an error on, only its text is left.
func gaveUp(err error) bool {
	var canceled *serviceerror.Canceled
	var unavailable *serviceerror.Unavailable
	return errors.As(err, &canceled) || errors.Is(err, context.Canceled) ||
		errors.As(err, &unavailable) && strings.HasSuffix(unavailable.Error(), context.Canceled.Error())
}

func shardClosed(err error) bool {
	var closed *persistence.ShardOwnershipLostError
	return errors.As(err, &closed)
}

func (l logger) DPanic(message string, tags ...tag.Tag) { l.Error(message, tags...) }
func (l logger) Panic(message string, tags ...tag.Tag)  { l.Fatal(message, tags...) }

func (l logger) Fatal(message string, tags ...tag.Tag) {
	panic(&fatalError{message: message, cause: l.cause(tags)})
}

// cause finds the error among the tags. Value would give its text alone; its
// kind is needed here.
func (l logger) cause(tags []tag.Tag) (cause error) {
	for _, t := range slices.Concat(l.tags, tags) {
		if zap, ok := t.(tag.ZapTag); ok {
			if err, ok := zap.Field().Interface.(error); ok {
				cause = err
			}
		}
	}
	return cause
}

// With implements log.WithLogger.
func (l logger) With(tags ...tag.Tag) log.Logger {
	l.tags = slices.Concat(l.tags, tags)
	return l
}

func (l logger) attributes(tags []tag.Tag) []any {
	var list []any
	for _, t := range slices.Concat(l.tags, tags) {
		list = append(list, slog.Any(t.Key(), t.Value()))
	}
	return list
}
