package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/engine"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
)

// asHeader says on whose behalf a request to `steward dev` is made.
const asHeader = "Steward-As"

// caller is who sent a request.
type caller struct {
	actor   itsm.Actor
	roles   []string
	service string // that an integration's token is of; "" for any
	key     string // the request's idempotency key
	accept  string // the media types that the request wants, as its header has them
}

// call is the caller as the engine wants it.
func (c caller) call(comment string) engine.Call {
	return engine.Call{Actor: c.actor, Key: c.key, Comment: comment, Manages: c.may(transitionsManage)}
}

type callerKey struct{}

func withCaller(ctx context.Context, c caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// callerOf gives the caller that authentication left in the context.
func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// authenticate finds out who asks. The error has itsm.CodeUnauthenticated,
// CodeTokenExpired, CodeForbidden or CodePersonUnknown.
func (s *Server) authenticate(r *http.Request) (caller, error) {
	as := r.Header.Get(asHeader)
	authorization := r.Header.Get("Authorization")
	if as != "" && !s.dev {
		return caller{}, itsm.Errorf(itsm.CodeForbidden, "acting as somebody (%s, --as) is for `steward dev` alone; use a token of %s", asHeader, as)
	}
	if s.dev && authorization == "" {
		return s.devCaller(r.Context(), as)
	}
	scheme, secret, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") || secret == "" {
		return caller{}, itsm.Errorf(itsm.CodeUnauthenticated, "send a token as \"Authorization: Bearer …\"; `steward token create` makes one")
	}
	return s.tokenCaller(r.Context(), strings.TrimSpace(secret))
}

// devCaller believes what the header says; nobody in it means an administrator.
func (s *Server) devCaller(ctx context.Context, as string) (caller, error) {
	if as == "" {
		return caller{actor: itsm.Integration("dev"), roles: []string{RoleAdmin}}, nil
	}
	roles, known, err := s.rolesOf(ctx, as)
	if err == nil && !known {
		err = itsm.Errorf(itsm.CodePersonUnknown, "there is no Person %q to act as; apply one", as)
	}
	return caller{actor: itsm.Person(as), roles: roles}, err
}

// tokenCaller finds the token by the hash of its secret, so that nothing about
// the secret can be learnt from the time that a comparison takes.
func (s *Server) tokenCaller(ctx context.Context, secret string) (caller, error) {
	token, err := s.store.TokenByHash(ctx, hashOf(secret))
	switch {
	case itsm.ErrorCode(err) == itsm.CodeNotFound:
		return caller{}, itsm.Errorf(itsm.CodeUnauthenticated, "this token is not known; ask an administrator for another")
	case err != nil:
		return caller{}, fmt.Errorf("looking up a token: %w", err)
	case token.RevokedAt != nil:
		return caller{}, itsm.Errorf(itsm.CodeUnauthenticated, "token %s was revoked; ask an administrator for another", token.ID)
	case token.ExpiresAt != nil && !s.now().Before(*token.ExpiresAt):
		return caller{}, itsm.Errorf(itsm.CodeTokenExpired, "token %s has expired; ask an administrator for another", token.ID)
	case token.Subject.Kind != itsm.ActorPerson:
		return caller{actor: token.Subject, roles: token.Roles, service: token.Service}, nil
	}
	roles, known, err := s.rolesOf(ctx, token.Subject.Name)
	if err == nil && !known {
		err = itsm.Errorf(itsm.CodeUnauthenticated, "token %s is for %s, who is not in the directory", token.ID, token.Subject.Name)
	}
	return caller{actor: token.Subject, roles: roles}, err
}

// rolesOf gives the roles that a person has in the directory now.
func (s *Server) rolesOf(ctx context.Context, name string) (roles []string, known bool, err error) {
	found, err := s.store.CurrentDefinitions(ctx, store.Ref{Kind: definition.KindPerson, Name: name})
	if err != nil || len(found) == 0 {
		return nil, false, err
	}
	doc, err := definition.FromCanonical(found[0].Spec)
	if err != nil {
		return nil, false, fmt.Errorf("reading person %s: %w", name, err)
	}
	person, ok := doc.Spec.(*definition.Person)
	if !ok {
		return nil, false, fmt.Errorf("person %s has a spec of type %T", name, doc.Spec)
	}
	return person.Roles, true, nil
}
