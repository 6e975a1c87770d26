package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/steward-itsm/steward/engine"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
	"github.com/steward-itsm/steward/store"
)

// Engine is what the server asks of package engine.
type Engine interface {
	StartApproval(ctx context.Context, call engine.Call, start engine.StartApproval) (itsm.Receipt, error)
	Decide(ctx context.Context, call engine.Call, id string, verdict itsm.Verdict, stage string) (itsm.Receipt, error)
	Delegate(ctx context.Context, call engine.Call, id, to string) (itsm.Receipt, error)
	Withdraw(ctx context.Context, call engine.Call, id string) (itsm.Receipt, error)
	Amend(ctx context.Context, call engine.Call, id string, subject json.RawMessage) (itsm.Receipt, error)
	Resume(ctx context.Context, call engine.Call, id string, override bool) (itsm.Receipt, error)
	Absence(ctx context.Context, call engine.Call, absence itsm.Absence) ([]itsm.Receipt, error)
	StartTransition(ctx context.Context, call engine.Call, start engine.StartTransition) (itsm.Receipt, error)
	Reschedule(ctx context.Context, call engine.Call, id string, to itsm.Period, override bool) (itsm.Receipt, error)
	Cancel(ctx context.Context, call engine.Call, id string) (itsm.Receipt, error)
	Rollback(ctx context.Context, call engine.Call, id string) (itsm.Receipt, error)
	ByHand(ctx context.Context, call engine.Call, id, step string, do itsm.ByHand, output json.RawMessage) (itsm.Receipt, error)
	ClaimTask(ctx context.Context, call engine.Call, task string) (itsm.Receipt, error)
	ReleaseTask(ctx context.Context, call engine.Call, task string, operator bool) (itsm.Receipt, error)
	WorkOnTask(ctx context.Context, call engine.Call, task string, work itsm.TaskWork) (itsm.Receipt, error)
	CompleteTask(ctx context.Context, call engine.Call, task string, work itsm.TaskWork) (itsm.Receipt, error)
	StartIncident(ctx context.Context, call engine.Call, start engine.StartIncident) (itsm.Receipt, error)
	Acknowledge(ctx context.Context, call engine.Call, id string) (itsm.Receipt, error)
	Assign(ctx context.Context, call engine.Call, id, person string) (itsm.Receipt, error)
	Note(ctx context.Context, call engine.Call, id string) (itsm.Receipt, error)
	Hold(ctx context.Context, call engine.Call, id string, phase itsm.IncidentPhase) (itsm.Receipt, error)
	Classify(ctx context.Context, call engine.Call, id string, class itsm.Classification) (itsm.Receipt, error)
	Escalate(ctx context.Context, call engine.Call, id string, rung int) (itsm.Receipt, error)
	DeclareMajor(ctx context.Context, call engine.Call, id, commander string) (itsm.Receipt, error)
	Resolve(ctx context.Context, call engine.Call, id, cause, fix string) (itsm.Receipt, error)
	Reopen(ctx context.Context, call engine.Call, id string) (itsm.Receipt, error)
	Merge(ctx context.Context, call engine.Call, id, into string) (itsm.Receipt, error)
	Attach(ctx context.Context, call engine.Call, id, transition string) (itsm.Receipt, error)
	Raise(ctx context.Context, call engine.Call, alert itsm.Alert) (engine.Raised, error)
	Clocks(ctx context.Context, id string, at time.Time) ([]engine.ClockReading, error)
	Callback(ctx context.Context, token string, answer itsm.CallbackAnswer) (itsm.Receipt, error)
	History(ctx context.Context, id string) ([]byte, error)
	Ping(ctx context.Context) error
}

// Limits bound what one request may take. What is zero has its default.
type Limits struct {
	BodyBytes      int64         // 1 MiB
	RequestTimeout time.Duration // 30 seconds
}

// Options are what a server is made of.
type Options struct {
	Engine    Engine
	Store     *store.Store
	Log       *slog.Logger
	Limits    Limits
	PublicURL string           // how people reach the server, without a slash at its end
	Dev       bool             // believe Steward-As, and ask for no token
	Version   string           // of this binary
	Now       func() time.Time // time.Now where nil
}

// Server answers the API. It holds no state of its own; any number may work
// side by side.
type Server struct {
	engine    Engine
	store     *store.Store
	log       *slog.Logger
	limits    Limits
	publicURL string
	dev       bool
	version   string
	now       func() time.Time

	contract *contract
	metrics  *metrics
	handler  http.Handler
	streams  *streams
	stopping chan struct{} // closed when Serve stops: whoever makes callers wait lets them go
}

const (
	defaultBodyBytes      = 1 << 20
	defaultRequestTimeout = 30 * time.Second

	maxHeaderBytes = 64 << 10
	headerTimeout  = 10 * time.Second
	readTimeout    = time.Minute
	idleTimeout    = 2 * time.Minute
	graceTimeout   = 30 * time.Second // for requests in flight when the server stops
)

// New makes a Server.
func New(o Options) (*Server, error) {
	s := &Server{
		engine: o.Engine, store: o.Store, log: o.Log, limits: o.Limits,
		publicURL: o.PublicURL, dev: o.Dev, version: o.Version, now: o.Now,
		metrics: newMetrics(o.Store.Statements), streams: newStreams(o.Store), stopping: make(chan struct{}),
	}
	if s.limits.BodyBytes == 0 {
		s.limits.BodyBytes = defaultBodyBytes
	}
	if s.limits.RequestTimeout == 0 {
		s.limits.RequestTimeout = defaultRequestTimeout
	}
	if s.now == nil {
		s.now = func() time.Time { return time.Now().UTC() }
	}
	var err error
	if s.contract, err = loadContract(); err != nil {
		return nil, err
	}
	if s.handler, err = s.routes(); err != nil {
		return nil, err
	}
	return s, nil
}

// routes puts the handlers behind what every request passes.
func (s *Server) routes() (http.Handler, error) {
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.HandleMethodNotAllowed = true
	router.RedirectTrailingSlash = false
	router.ContextWithFallback = true
	router.Use(s.observe)
	if s.dev {
		router.Use(s.refuseForeignPages)
	}
	router.NoRoute(func(c *gin.Context) {
		s.fail(c, itsm.Errorf(itsm.CodeNotFound, "there is nothing at this path; see %s", docsPath))
	})
	router.NoMethod(func(c *gin.Context) {
		s.fail(c, itsm.Errorf(itsm.CodeMethodNotAllowed, "this path has no %s; use %s", c.Request.Method, c.Writer.Header().Get("Allow")))
	})
	router.GET(metricsPath, s.metrics.serve())
	if err := s.servePages(router); err != nil {
		return nil, err
	}
	api.RegisterHandlersWithOptions(router.Group("/", s.guard), s.strict(), api.GinServerOptions{
		ErrorHandler: func(c *gin.Context, err error, _ int) {
			s.fail(c, itsm.Errorf(itsm.CodeInvalid, "%v", err))
		},
	})
	return answerHead(router), nil
}

// strict adapts the operations to what the generated routing wants.
func (s *Server) strict() api.ServerInterface {
	return api.NewStrictHandlerWithOptions(operations{s}, []api.StrictMiddlewareFunc{detach}, api.StrictGinServerOptions{
		RequestErrorHandlerFunc: func(c *gin.Context, err error) {
			s.fail(c, itsm.Errorf(itsm.CodeMalformed, "the body can't be read: %v", err))
		},
		HandlerErrorFunc:         s.fail,
		ResponseErrorHandlerFunc: s.fail,
	})
}

// detach hands handlers a copy of gin's context, because gin uses the original
// for other requests afterwards, while a driver may still look at this one.
func detach(next api.StrictHandlerFunc, _ string) api.StrictHandlerFunc {
	return func(c *gin.Context, request any) (any, error) { return next(c.Copy(), request) }
}

// answerHead answers HEAD as GET; net/http leaves the body out. A stream would
// never end.
func answerHead(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead && r.URL.Path != eventsPath {
			r = r.Clone(r.Context())
			r.Method = http.MethodGet
		}
		next.ServeHTTP(w, r)
	})
}

// Handler answers requests, wherever they come from.
func (s *Server) Handler() http.Handler { return s.handler }

// Serve answers on the listener until ctx ends; then it lets the requests in
// flight finish. It works once.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	web := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      readTimeout + s.limits.RequestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // broken connections
	}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving the API: %w", err)
	case <-ctx.Done():
	}
	close(s.stopping)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceTimeout)
	defer cancel()
	if err := web.Shutdown(grace); err != nil {
		return fmt.Errorf("stopping the API: %w", errors.Join(err, web.Close()))
	}
	return nil
}
