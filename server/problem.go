package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
	"github.com/steward-itsm/steward/store"
)

const (
	problemMedia = "application/problem+json"
	retryAfter   = "1" // seconds
)

// statuses is the one table from a kind of failure to its HTTP status.
var statuses = map[itsm.Class]int{
	itsm.ClassInternal:        http.StatusInternalServerError,
	itsm.ClassInvalid:         http.StatusUnprocessableEntity,
	itsm.ClassUnauthenticated: http.StatusUnauthorized,
	itsm.ClassForbidden:       http.StatusForbidden,
	itsm.ClassNotFound:        http.StatusNotFound,
	itsm.ClassConflict:        http.StatusConflict,
	itsm.ClassTooLarge:        http.StatusRequestEntityTooLarge,
	itsm.ClassUnavailable:     http.StatusServiceUnavailable,
}

// httpOnly are the faults for which HTTP has a status of its own.
var httpOnly = map[itsm.Code]int{
	itsm.CodeMalformed:        http.StatusBadRequest,
	itsm.CodeUnsupportedMedia: http.StatusUnsupportedMediaType,
	itsm.CodeMethodNotAllowed: http.StatusMethodNotAllowed,
}

// Status gives the HTTP status with which an error code is answered.
func Status(code itsm.Code) int {
	if status, ok := httpOnly[code]; ok {
		return status
	}
	return statuses[code.Class()]
}

// fail answers with a problem document and stops. What is our own fault is
// hidden from the caller; the request's log line tells it.
func (s *Server) fail(c *gin.Context, err error) {
	_ = c.Error(err)
	shown := visible(err)
	if c.FullPath() == enqueuePath {
		refuseEvent(c, shown)
		return
	}
	problem := s.problem(c, shown)
	for _, f := range shown.Fields {
		problem.Errors = append(problem.Errors, api.Fault{Field: f.Field, Code: string(f.Code), Message: f.Message})
	}
	var documents definition.Problems
	if errors.As(err, &documents) {
		problem.Errors = faultsOf(documents)
	}
	var down *notReady
	if errors.As(err, &down) {
		problem.Parts = down.parts
	}
	writeProblem(c, problem)
}

// visible gives the part of an error that its caller may see.
func visible(err error) *itsm.Error {
	var known *itsm.Error
	var documents definition.Problems
	switch {
	case errors.As(err, &documents):
		errors.As(documents.Fault(), &known)
	case errors.As(err, &known) && known.Code.Class() != itsm.ClassInternal:
	case store.IsUnavailable(err):
		known = itsm.Errorf(itsm.CodeUnavailable, "the database does not answer; try again with the same idempotency key")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		known = itsm.Errorf(itsm.CodeUnavailable, "this took too long and may still happen; try again with the same idempotency key")
	default:
		known = itsm.Errorf(itsm.CodeInternal, "something went wrong on our side; tell the operators the request ID")
	}
	return known
}

// problem makes the document that tells of an error.
func (s *Server) problem(c *gin.Context, e *itsm.Error) api.Problem {
	status := Status(e.Code)
	return api.Problem{
		Type: s.publicURL + docsPath + "#" + string(e.Code), Title: http.StatusText(status), Status: status,
		Detail: e.Message, Instance: shownPath(c.Request.URL.EscapedPath()), Code: string(e.Code), RequestId: requestIDOf(c),
	}
}

func writeProblem(c *gin.Context, problem api.Problem) {
	switch problem.Status {
	case http.StatusServiceUnavailable:
		c.Header("Retry-After", retryAfter)
	case http.StatusUnauthorized:
		challenge := `Bearer realm="steward"`
		if c.GetHeader("Authorization") != "" {
			challenge += `, error="invalid_token"`
		}
		c.Header("WWW-Authenticate", challenge)
	}
	body, err := json.Marshal(problem)
	if err != nil { // plain strings and numbers; this can't happen
		body = []byte(`{}`)
	}
	c.Set(codeKey, problem.Code)
	c.Abort()
	c.Data(problem.Status, problemMedia, body)
}

// faultsOf tells of every fault in documents and where it is.
func faultsOf(problems definition.Problems) []api.Fault {
	faults := make([]api.Fault, len(problems))
	for i, p := range problems {
		faults[i] = api.Fault{
			Field: p.Path, Code: p.Code, Message: p.Message,
			Document: strings.Trim(p.Document, "/"), File: p.File, Line: p.Line, Column: p.Column,
		}
	}
	return faults
}
