//go:build !noembed

package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"syscall"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Available tells whether this build carries a Temporal server.
const Available = true

const (
	// startAttempts bounds how often Start tries again with other ports when
	// somebody took one between choosing and using it.
	startAttempts = 5

	// readyTimeout is long past what any machine needs: a server that does not
	// serve by then has a fault that waiting will not mend.
	readyTimeout = 30 * time.Second
)

// Server is a running Temporal server.
type Server struct {
	address string
	stop    func() error
}

// Start runs a Temporal server and returns when it serves. It does not lock
// the folder: see Lock. When ctx ends first, nothing is left running.
func Start(ctx context.Context, o Options) (*Server, error) {
	o = o.withDefaults()
	if o.Retention < time.Hour {
		return nil, fmt.Errorf("retention of %s is too short for Temporal: choose an hour or more", o.Retention)
	}
	db, err := databaseConfig(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := prepareDatabase(ctx, o, db); err != nil {
		return nil, err
	}
	server, err := startOnFreePorts(ctx, o, db)
	if err != nil {
		return nil, fmt.Errorf("starting Temporal: %w", err)
	}
	if err := server.awaitReady(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("waiting for Temporal to serve: %w", err), server.Stop())
	}
	return server, nil
}

// Address is where the frontend listens: "127.0.0.1:port".
func (s *Server) Address() string { return s.address }

// Stop ends the server once running calls are answered, or a second later. A
// second call does nothing.
func (s *Server) Stop() error { return s.stop() }

func startOnFreePorts(ctx context.Context, o Options, db *config.SQL) (*Server, error) {
	for attempt := 1; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		ports, err := freePorts(o.Port)
		if err != nil {
			return nil, err
		}
		server, err := startOn(ports, db, o.Logger)
		if err == nil || attempt == startAttempts || !errors.Is(err, syscall.EADDRINUSE) {
			return server, err
		}
	}
}

// startOn starts the server on the given ports. A port that is taken shows as
// a fatal log call of Temporal's while it is put together, caught here.
func startOn(at endpoints, db *config.SQL, to *slog.Logger) (server *Server, err error) {
	defer func() {
		switch thrown := recover().(type) {
		case nil:
		case *fatalError:
			server, err = nil, thrown
		default:
			panic(thrown)
		}
	}()
	log := newLogger(to)
	inner, err := temporal.NewServer(
		temporal.WithConfig(serverConfig(db, at)),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(at.staticHosts()),
		temporal.WithLogger(log),
		temporal.WithDynamicConfigClient(dynamicConfig()),
		temporal.WithCustomMetricsHandler(metrics.NoopMetricsHandler),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return authorization.NewNoopClaimMapper() }),
	)
	if err != nil {
		return nil, err
	}
	server = &Server{address: at.address(primitives.FrontendService), stop: sync.OnceValue(func() error {
		log.stopping.Store(true)
		return inner.Stop()
	})}
	if err := inner.Start(); err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	return server, nil
}

// awaitReady returns when a question about a workflow gets its proper answer,
// which takes every part: frontend, history with its shard, database. On the
// way it brings the namespace's retention up to date.
func (s *Server) awaitReady(ctx context.Context, o Options) error {
	conn, err := grpc.NewClient(s.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	frontend := workflowservice.NewWorkflowServiceClient(conn)
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := probe(ctx, frontend, o)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-tick.C:
		}
	}
}

func probe(ctx context.Context, frontend workflowservice.WorkflowServiceClient, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	namespace, err := frontend.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: o.Namespace})
	if err != nil {
		return err
	}
	if namespace.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration() != o.Retention {
		_, err := frontend.UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
			Namespace: o.Namespace,
			Config:    &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(o.Retention)},
		})
		if err != nil {
			return err
		}
	}
	_, err = frontend.DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{
		Namespace: o.Namespace,
		Execution: &commonpb.WorkflowExecution{WorkflowId: "steward-ready"},
	})
	if status.Code(err) == codes.NotFound {
		return nil
	}
	return err
}

// freePorts chooses a port for each service. All are held open until all are
// chosen, so that no two are the same.
func freePorts(frontend int) (endpoints, error) {
	ports := endpoints{}
	for _, service := range temporal.DefaultServices {
		port := 0
		if service == string(primitives.FrontendService) {
			port = frontend
		}
		listener, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
		if err != nil {
			return nil, fmt.Errorf("finding a port for Temporal's %s: %w", service, err)
		}
		defer func() { _ = listener.Close() }()
		ports[primitives.ServiceName(service)] = listener.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

func (e endpoints) address(service primitives.ServiceName) string {
	return net.JoinHostPort(loopback, strconv.Itoa(e[service]))
}
