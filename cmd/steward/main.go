// Command steward is the whole of Steward in one binary: the server, the
// worker, both with Temporal inside for trying it (dev), and the client of the
// API for the people who use it.
//
// One file holds one command, as a constructor with its options. What belongs
// here is wiring, and talking to a person at a terminal: flags, tables, exit
// codes. What does not: rules, SQL and anything that the API does not offer;
// the client commands know nothing that another client of the API would not.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	os.Exit(code)
}
