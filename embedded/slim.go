//go:build noembed

package embedded

import (
	"context"
	"errors"
)

// Available tells whether this build carries a Temporal server.
const Available = false

// Server is never made in a slim build.
type Server struct{}

// Start always fails: there is nothing to start in a slim build.
func Start(context.Context, Options) (*Server, error) {
	return nil, errors.New("this slim build has no embedded Temporal: " +
		"use `steward server` and `steward worker` with --temporal-address")
}

// Address is empty.
func (s *Server) Address() string { return "" }

// Stop does nothing.
func (s *Server) Stop() error { return nil }
