package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/steward-itsm/steward/itsm"
)

const (
	requestIDHeader = "X-Request-Id"

	// What gin's context carries to the request's log line.
	requestIDKey = "requestID"
	actorKey     = "actor"
	codeKey      = "code"
)

var saneRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

// observe gives each request an ID, counts and times it, and writes the one
// log line that tells of it. Bodies, queries and headers never get into a log,
// nor do the tokens of callbacks.
func (s *Server) observe(c *gin.Context) {
	start := time.Now() // how long it took is no business of the domain's clock
	id := c.GetHeader(requestIDHeader)
	if !saneRequestID.MatchString(id) {
		id = rand.Text()
	}
	c.Set(requestIDKey, id)
	c.Header(requestIDHeader, id)
	s.metrics.inFlight.Inc()
	defer s.metrics.inFlight.Dec()
	s.recovering(c)
	took := time.Since(start)
	s.metrics.observe(c, took)
	s.logRequest(c, took)
}

// recovering turns a panic into an ordinary failure.
func (s *Server) recovering(c *gin.Context) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler: // the value itself is the signal
			panic(p) //nolint:forbidigo // passes the signal on to net/http
		default:
			s.fail(c, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	c.Next()
}

func requestIDOf(c *gin.Context) string { return c.GetString(requestIDKey) }

// shownPath leaves out the token of a callback, which is all that it takes to
// call back.
func shownPath(path string) string {
	const callbacks = "/callbacks/"
	if before, _, found := strings.Cut(path, callbacks); found {
		return before + callbacks + "…"
	}
	return path
}

func (s *Server) logRequest(c *gin.Context, took time.Duration) {
	status := c.Writer.Status()
	level := slog.LevelInfo
	attributes := []slog.Attr{
		slog.String("method", c.Request.Method), slog.String("path", shownPath(c.Request.URL.EscapedPath())),
		slog.Int("status", status), slog.Duration("took", took), slog.String("requestId", requestIDOf(c)),
	}
	for _, key := range []string{actorKey, codeKey} {
		if value := c.GetString(key); value != "" {
			attributes = append(attributes, slog.String(key, value))
		}
	}
	if err := c.Errors.Last(); err != nil && status >= http.StatusInternalServerError {
		level = slog.LevelError
		if itsm.CodeUnavailable == itsm.Code(c.GetString(codeKey)) {
			level = slog.LevelWarn
		}
		if errors.Is(err, context.Canceled) {
			level = slog.LevelInfo // the caller went away
		}
		attributes = append(attributes, slog.String("error", err.Error()))
	}
	if c.FullPath() == healthPath || c.FullPath() == readyPath || c.FullPath() == metricsPath {
		level = min(level, slog.LevelDebug)
	}
	s.log.LogAttrs(c.Request.Context(), level, "request", attributes...)
}
