package main

import (
	"io"
	"time"
	_ "time/tzdata" // a container may have no time zones of its own

	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

// env is what a command has of the world around it. A test gives another one.
type env struct {
	in     io.Reader
	out    io.Writer // results alone, so that a script can read them
	errOut io.Writer // everything else that people are told
	getenv func(string) string
	now    func() time.Time
	newKey func() string   // an idempotency key that nobody used before
	zone   *time.Location  // in which people read and write times
	pauses []time.Duration // before each further try of a request that got no answer
	slow   time.Duration   // a try that took this long is not made again
	linger time.Duration   // between questions to a server that is waited for

	args     []string // the command line, without the program's name
	started  bool     // the command line was understood; errors since are not about usage
	keyed    bool     // a command went out under a key, so its fate may be unknown
	again    []string // flags to add to args to send the very same command again
	fromPipe bool     // standard input was read, and is gone
}

// newEnv is the environment of a real run.
func newEnv(in io.Reader, out, errOut io.Writer, getenv func(string) string) *env {
	return &env{
		in: in, out: out, errOut: errOut, getenv: getenv,
		now: time.Now, newKey: uuid.NewString, zone: zoneOf(getenv("TZ")),
		// Two seconds in all: enough for a server that restarts behind a
		// balancer, not enough to make a person wonder.
		pauses: []time.Duration{100 * time.Millisecond, 300 * time.Millisecond, 600 * time.Millisecond, time.Second},
		slow:   2 * time.Second,
		linger: time.Second,
	}
}

func zoneOf(name string) *time.Location {
	if name == "" {
		return time.Local
	}
	if zone, err := time.LoadLocation(name); err == nil {
		return zone
	}
	return time.Local
}

// setting gives a global flag, or else the environment variable behind it, or
// else the default.
func (e *env) setting(cmd *cobra.Command, flag, variable, byDefault string) string {
	if value := cmd.Flag(flag).Value.String(); value != "" {
		return value
	}
	if value := e.getenv(variable); value != "" {
		return value
	}
	return byDefault
}

// stdin reads all of standard input.
func (e *env) stdin() ([]byte, error) {
	e.fromPipe = true
	return io.ReadAll(e.in)
}

// addKeyFlag adds the flag that every command has which changes something.
func addKeyFlag(cmd *cobra.Command) {
	cmd.Flags().String("idempotency-key", "", "`KEY` that marks the command: sent twice under one key, it counts once (default: a random one)")
}

// key gives the idempotency key of the command that is about to be sent, and
// remembers that it was.
func (e *env) key(cmd *cobra.Command) *string {
	e.keyed = true
	key := cmd.Flag("idempotency-key").Value.String()
	if key == "" {
		key = e.newKey()
		e.again = append(e.again, "--idempotency-key", key)
	}
	return &key
}
