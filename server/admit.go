package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/steward-itsm/steward/itsm"
)

const (
	keyHeader = "Idempotency-Key"
	jsonMedia = "application/json"
	yamlMedia = "application/yaml"
	anyMedia  = "*/*"
)

// yamlNames are what YAML was called before RFC 9512.
var yamlNames = []string{"application/x-yaml", "text/yaml", "text/x-yaml"}

// guard lets a request through to its handler if it may be done and says
// what the contract wants.
func (s *Server) guard(c *gin.Context) {
	op := s.contract.operations[c.Request.Method+" "+c.FullPath()]
	if !op.stream {
		ctx, cancel := context.WithTimeout(c.Request.Context(), s.limits.RequestTimeout)
		defer cancel()
		c.Request = c.Request.WithContext(ctx)
	}
	if err := s.admit(c, op); err != nil {
		s.fail(c, err)
		return
	}
	c.Next()
}

// admit asks, in this order: who is it, may they, is the request well formed.
// So a stranger learns nothing from how a bad request is refused.
func (s *Server) admit(c *gin.Context, op operation) error {
	who := caller{}
	if op.action != "" {
		var err error
		if who, err = s.authenticate(c.Request); err != nil {
			return err
		}
		c.Set(actorKey, who.actor.String())
		if err := who.require(op.action); err != nil {
			return err
		}
	}
	if c.Request.Method != http.MethodGet {
		var err error
		if who.key, err = idempotencyKey(c.Request.Header); err != nil {
			return err
		}
		c.Header(keyHeader, who.key)
	}
	who.accept = c.GetHeader("Accept")
	c.Request = c.Request.WithContext(withCaller(c.Request.Context(), who))
	media, err := s.readBody(c, op)
	if err != nil {
		return err
	}
	return op.check(c, media)
}

// idempotencyKey gives the caller's key, or makes one where there is none. An
// empty header is refused: it is a script whose variable was not set, and would
// lose the protection that its author thinks to have.
func idempotencyKey(header http.Header) (string, error) {
	values := header.Values(keyHeader)
	switch {
	case len(values) == 0:
		return rand.Text(), nil
	case len(values) > 1 || values[0] == "":
		return "", itsm.FieldErrorf(itsm.CodeInvalid, "/"+keyHeader, "send one %s with 1 to 200 visible ASCII characters, or none", keyHeader)
	}
	return values[0], nil
}

// readBody reads the body within the limit, leaves it to be read again, and
// gives its media type; "" where there is no body.
func (s *Server) readBody(c *gin.Context, op operation) (media string, err error) {
	accepted := op.route.Operation.RequestBody
	if accepted == nil {
		return "", nil
	}
	limit := s.limits.BodyBytes
	if op.bytes > 0 {
		limit = op.bytes
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return "", itsm.Errorf(itsm.CodeTooLarge, "the body is larger than %d bytes; send less at a time", tooLarge.Limit)
	case err != nil:
		return "", itsm.Errorf(itsm.CodeMalformed, "the body broke off; send it again")
	}
	binary := accepted.Value.Content[cloudEventMedia] != nil && c.GetHeader(eventVersion) != ""
	switch {
	case len(body) == 0 && accepted.Value.Required && !binary:
		return "", itsm.Errorf(itsm.CodeMalformed, "the body is empty; see %s for what to send", docsPath)
	case len(body) > 0:
		media, err = checkBody(c.Request.Header, op, body)
	}
	if binary && err == nil && media != cloudEventMedia { // which says that it is structured
		media = cloudEventMedia
		body, err = structured(c.Request.Header, body)
		c.Request.Header.Set("Content-Type", media)
	}
	c.Request.Body = io.NopCloser(bytes.NewReader(body))
	c.Request.ContentLength = int64(len(body))
	return media, err
}

// checkBody gives the media type of a body that is there.
func checkBody(header http.Header, op operation, body []byte) (media string, err error) {
	accepted := op.route.Operation.RequestBody.Value.Content
	if accepted[anyMedia] != nil {
		return anyMedia, nil // nothing is known of what is in it
	}
	if op.any {
		header.Set("Content-Type", jsonMedia)
	}
	if media, err = mediaType(header, slices.Sorted(maps.Keys(accepted))); err != nil || !isJSON(media) {
		return media, err
	}
	if !utf8.Valid(body) {
		return "", itsm.Errorf(itsm.CodeMalformed, "the body is not UTF-8; encode it so")
	}
	return media, checkJSON(body)
}

func isJSON(media string) bool { return media == jsonMedia || media == cloudEventMedia }

// mediaType gives the body's type, and writes it in its own spelling, for those
// who look at the header later.
func mediaType(header http.Header, accepted []string) (string, error) {
	media, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	if slices.Contains(yamlNames, media) {
		media = yamlMedia
	}
	if err != nil || !slices.Contains(accepted, media) {
		return "", itsm.Errorf(itsm.CodeUnsupportedMedia, "the Content-Type is %q; send %s",
			header.Get("Content-Type"), strings.Join(accepted, " or "))
	}
	if written := mime.FormatMediaType(media, parameters); written != "" {
		header.Set("Content-Type", written)
	}
	return media, nil
}
