package server

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"slices"
	"time"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
	"github.com/steward-itsm/steward/store"
)

const (
	secretPrefix = "stw_" // lets scanners find tokens that were committed by mistake
	secretBytes  = 32
	routingBytes = 21 // make a secret of 32 characters, which PagerDuty's senders expect of a routing key
	idBytes      = 8
)

// hashOf is what the store keeps of a secret. The secrets are random and long,
// so a slow hash would add nothing.
func hashOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// NewToken makes a token and stores all of it but its secret, which is nowhere
// else than in the answer.
//
// The error has itsm.CodeInvalid or, where the person or the service is in no
// applied document, itsm.CodePersonUnknown or itsm.CodeDefinitionUnknown.
func NewToken(ctx context.Context, s *store.Store, request api.TokenRequest, now time.Time) (api.NewToken, error) {
	id := make([]byte, idBytes)
	_, _ = rand.Read(id) // never fails
	return newToken(ctx, s, "tok_"+hex.EncodeToString(id), request, now)
}

func newToken(ctx context.Context, s *store.Store, id string, request api.TokenRequest, now time.Time) (api.NewToken, error) {
	token, err := tokenFor(request, now)
	if err != nil {
		return api.NewToken{}, err
	}
	if err := checkSubject(ctx, s, request); err != nil {
		return api.NewToken{}, err
	}
	secret := make([]byte, secretBytes)
	if token.Service != "" {
		secret = secret[:routingBytes]
	}
	_, _ = rand.Read(secret) // never fails
	text := secretPrefix + base64.RawURLEncoding.EncodeToString(secret)
	token.ID, token.Hash = id, hashOf(text)
	if err := s.CreateToken(ctx, token); err != nil {
		return api.NewToken{}, err
	}
	return api.NewToken{Secret: text, Token: shownToken(token)}, nil
}

// integrationName is how the contract writes names. A token that is made in the
// database does not pass the contract.
var integrationName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// tokenFor checks the request by itself.
func tokenFor(request api.TokenRequest, now time.Time) (store.Token, error) {
	token := store.Token{Label: request.Label, CreatedAt: now, Roles: []string{}}
	switch {
	case (request.Person == "") == (request.Integration == ""):
		return token, itsm.FieldErrorf(itsm.CodeInvalid, "/person", "a token is for a person or for an integration; name one of the two")
	case request.Person != "" && len(request.Roles) > 0:
		return token, itsm.FieldErrorf(itsm.CodeInvalid, "/roles", "a person's roles are those in the directory; leave roles out")
	case request.Person != "" && request.Service != "":
		return token, itsm.FieldErrorf(itsm.CodeInvalid, "/service", "only an integration's token is of a service; leave service out")
	case request.Person != "":
		token.Subject = itsm.Person(request.Person)
	case !integrationName.MatchString(request.Integration):
		return token, itsm.FieldErrorf(itsm.CodeInvalid, "/integration", "an integration can't be named %q; use up to 63 lower-case letters, digits and dashes", request.Integration)
	default:
		token.Subject, token.Service = itsm.Integration(request.Integration), request.Service
		token.Roles = append(token.Roles, request.Roles...)
	}
	for _, role := range token.Roles {
		if !slices.Contains([]string{RoleAdmin, RoleProcessOwner, RoleOperator, RoleAuditor}, role) {
			return token, itsm.FieldErrorf(itsm.CodeInvalid, "/roles", "there is no role %q; use admin, process-owner, operator or auditor", role)
		}
	}
	if request.ExpiresIn == "" {
		return token, nil
	}
	length, err := itsm.ParseDuration(request.ExpiresIn)
	if err != nil {
		return token, itsm.FieldErrorf(itsm.CodeInvalid, "/expiresIn", "expiresIn is %q; write a time such as 90d or 8h", request.ExpiresIn)
	}
	expires := length.After(now, nil)
	token.ExpiresAt = &expires
	return token, nil
}

func checkSubject(ctx context.Context, s *store.Store, request api.TokenRequest) error {
	switch {
	case request.Service != "":
		return checkService(ctx, s, request.Service)
	case request.Person == "":
		return nil
	}
	found, err := s.CurrentDefinitions(ctx, store.Ref{Kind: definition.KindPerson, Name: request.Person})
	if err == nil && len(found) == 0 {
		err = itsm.FieldErrorf(itsm.CodePersonUnknown, "/person", "there is no Person %q; apply one first", request.Person)
	}
	return err
}

// checkService refuses a service that is not applied, with itsm.CodeDefinitionUnknown.
func checkService(ctx context.Context, s *store.Store, name string) error {
	found, err := s.CurrentDefinitions(ctx, store.Ref{Kind: definition.KindService, Name: name})
	if err == nil && len(found) == 0 {
		err = itsm.FieldErrorf(itsm.CodeDefinitionUnknown, "/service", "there is no Service %q; apply one first", name)
	}
	return err
}

func shownToken(t store.Token) api.Token {
	return api.Token{
		Id: t.ID, Subject: t.Subject, Roles: append([]string{}, t.Roles...), Service: t.Service, Label: t.Label,
		CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, RevokedAt: t.RevokedAt,
	}
}

// CreateToken names the token after the caller's idempotency key, so that a
// retry does not make a second one. It can't get the same answer, because the
// secret is kept nowhere.
func (o operations) CreateToken(ctx context.Context, r api.CreateTokenRequestObject) (api.CreateTokenResponseObject, error) {
	who := callerOf(ctx)
	id := "tok_" + hex.EncodeToString(hashOf(who.actor.String() + "/" + who.key)[:idBytes])
	token, err := newToken(ctx, o.store, id, *r.Body, o.now())
	if err != nil {
		return nil, err
	}
	return api.CreateToken201JSONResponse(token), nil
}

func (o operations) ListTokens(ctx context.Context, r api.ListTokensRequestObject) (api.ListTokensResponseObject, error) {
	page, err := o.store.Tokens(ctx, given(r.Params.Cursor), given(r.Params.Limit))
	if err != nil {
		return nil, err
	}
	shown := api.ListTokens200JSONResponse{Items: make([]api.Token, len(page.Items)), Next: page.Next}
	for i, token := range page.Items {
		shown.Items[i] = shownToken(token)
	}
	return shown, nil
}

func (o operations) RevokeToken(ctx context.Context, r api.RevokeTokenRequestObject) (api.RevokeTokenResponseObject, error) {
	if err := o.store.RevokeToken(ctx, r.Id, o.now()); err != nil {
		return nil, err
	}
	return api.RevokeToken204Response{}, nil
}

func (o operations) GetMe(ctx context.Context, _ api.GetMeRequestObject) (api.GetMeResponseObject, error) {
	who := callerOf(ctx)
	return api.GetMe200JSONResponse{Actor: who.actor, Roles: append([]string{}, who.roles...), Service: who.service, Actions: who.actions()}, nil
}
