package server

import (
	"context"
	"time"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

const (
	healthPath  = "/healthz"
	readyPath   = "/readyz"
	metricsPath = "/metrics"

	probeTimeout = 2 * time.Second
)

func (o operations) GetHealth(context.Context, api.GetHealthRequestObject) (api.GetHealthResponseObject, error) {
	return api.GetHealth200JSONResponse{Status: "ok", Version: o.version}, nil
}

func (o operations) GetReadiness(ctx context.Context, _ api.GetReadinessRequestObject) (api.GetReadinessResponseObject, error) {
	parts, down := o.probe(ctx)
	if down == "" {
		return api.GetReadiness200JSONResponse{Status: "ready", Parts: parts}, nil
	}
	return nil, &notReady{parts, itsm.Errorf(itsm.CodeUnavailable, "not ready: %s does not work; parts says why", down)}
}

// probe asks each part that Steward needs, and names the first that is down.
func (s *Server) probe(ctx context.Context) (parts []api.Part, down string) {
	for _, part := range []struct {
		name string
		ask  func(context.Context) error
	}{
		{"database", s.store.Ping}, {"schema", s.store.Serves}, {"temporal", s.engine.Ping},
	} {
		ctx, cancel := context.WithTimeout(ctx, probeTimeout)
		err := part.ask(ctx)
		cancel()
		shown := api.Part{Name: part.name, Ok: err == nil}
		if err != nil {
			shown.Detail = visible(err).Message
			if down == "" {
				down = part.name
			}
		}
		parts = append(parts, shown)
	}
	return parts, down
}

// notReady tells which parts of Steward work and which do not.
type notReady struct {
	parts []api.Part
	cause *itsm.Error
}

// Error implements error.
func (e *notReady) Error() string { return e.cause.Error() }

// Unwrap gives the error that callers see.
func (e *notReady) Unwrap() error { return e.cause }
