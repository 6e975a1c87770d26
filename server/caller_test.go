package server

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

func TestStrangersAreAskedForAToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, options := range map[string][]option{
		"none":    {},
		"basic":   {header("Authorization", "Basic cmFqOnJhag==")},
		"empty":   {header("Authorization", "Bearer ")},
		"unknown": {asToken("stw_" + strings.Repeat("A", 43))},
		"id":      {asToken("tok_0011223344556677")},
	} {
		a := b.do(t, "GET", "/v1/me", "", options...)
		a.problem(t, http.StatusUnauthorized, itsm.CodeUnauthenticated)
		assert.Contains(t, a.Header().Get("WWW-Authenticate"), `Bearer realm="steward"`, name)
	}
	b.do(t, "POST", "/v1/approvals", `{broken`).problem(t, http.StatusUnauthorized, itsm.CodeUnauthenticated)
}

func TestTokenEndsWhenItExpires(t *testing.T) {
	t.Parallel()
	now := noon
	b := setup(t, func(o *Options) { o.Now = func() time.Time { return now } })
	raj := asToken(b.token(t, api.TokenRequest{Person: "raj", ExpiresIn: "8h"}))
	now = noon.Add(8*time.Hour - time.Microsecond)
	b.do(t, "GET", "/v1/me", "", raj).is(t, http.StatusOK)
	now = noon.Add(8 * time.Hour)
	a := b.do(t, "GET", "/v1/me", "", raj)
	a.problem(t, http.StatusUnauthorized, itsm.CodeTokenExpired)
	assert.Contains(t, a.Header().Get("WWW-Authenticate"), "invalid_token")
}

func TestRevokedTokenNoLongerWorks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.do(t, "POST", "/v1/tokens", `{"person": "raj", "label": "laptop"}`, asToken(b.admin)).is(t, http.StatusCreated)
	made := into[api.NewToken](t, a)
	raj := asToken(made.Secret)
	b.do(t, "GET", "/v1/me", "", raj).is(t, http.StatusOK)
	for range 2 {
		b.do(t, "DELETE", "/v1/tokens/"+made.Token.Id, "", asToken(b.admin)).is(t, http.StatusNoContent)
	}
	b.do(t, "GET", "/v1/me", "", raj).problem(t, http.StatusUnauthorized, itsm.CodeUnauthenticated)
	b.do(t, "DELETE", "/v1/tokens/tok_none", "", asToken(b.admin)).problem(t, http.StatusNotFound, itsm.CodeNotFound)
}

func TestPersonsRolesAreThoseInTheDirectoryNow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	alice := b.person(t, "alice")
	me := into[api.Me](t, b.do(t, "GET", "/v1/me", "", alice).is(t, http.StatusOK))
	assert.Equal(t, itsm.Person("alice"), me.Actor)
	assert.Equal(t, []string{RoleOperator}, me.Roles)
	assert.Contains(t, me.Actions, "processes.resume")
	assert.NotContains(t, me.Actions, "tokens.manage")

	b.apply(t, "apiVersion: steward/v1\nkind: Person\nmetadata: {name: alice}\nspec: {roles: [auditor]}\n", asToken(b.admin)).is(t, http.StatusOK)
	me = into[api.Me](t, b.do(t, "GET", "/v1/me", "", alice).is(t, http.StatusOK))
	assert.Equal(t, []string{RoleAuditor}, me.Roles)
}

func TestTokenRequestsAreChecked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for body, code := range map[string]itsm.Code{
		`{}`: itsm.CodeInvalid,
		`{"person": "raj", "integration": "shop"}`:      itsm.CodeInvalid,
		`{"person": "raj", "roles": ["admin"]}`:         itsm.CodeInvalid,
		`{"person": "nobody"}`:                          itsm.CodePersonUnknown,
		`{"integration": "shop", "roles": ["root"]}`:    itsm.CodeInvalid,
		`{"integration": "shop", "expiresIn": "-8h"}`:   itsm.CodeInvalid,
		`{"integration": "shop", "expiresIn": "never"}`: itsm.CodeInvalid,
		`{"integration": "Shop"}`:                       itsm.CodeInvalid,
		`{"integration": "shop", "roles": "admin"}`:     itsm.CodeInvalid,
	} {
		p := b.do(t, "POST", "/v1/tokens", body, asToken(b.admin)).problem(t, http.StatusUnprocessableEntity, code)
		assert.NotEmpty(t, p.Errors, body)
	}
	page := into[api.TokenPage](t, b.do(t, "GET", "/v1/tokens", "", asToken(b.admin)).is(t, http.StatusOK))
	assert.Len(t, page.Items, 1, "only the one that the test itself has")
}

func TestTokensAreListedWithoutSecrets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	secret := b.token(t, api.TokenRequest{Integration: "shop", Roles: []string{RoleOperator}, ExpiresIn: "1d", Label: "the shop"})
	assert.Regexp(t, `^stw_[A-Za-z0-9_-]{43}$`, secret)
	a := b.do(t, "GET", "/v1/tokens?limit=1", "", asToken(b.admin)).is(t, http.StatusOK)
	assert.NotContains(t, a.Body.String(), secretPrefix)
	first := into[api.TokenPage](t, a)
	require.Len(t, first.Items, 1)
	rest := into[api.TokenPage](t, b.do(t, "GET", "/v1/tokens?cursor="+first.Next, "", asToken(b.admin)).is(t, http.StatusOK))
	require.Len(t, rest.Items, 1)
	assert.Empty(t, rest.Next)
	assert.NotEqual(t, first.Items[0].Id, rest.Items[0].Id)
}

func TestRetryMakesNoSecondToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	again := func() *answered {
		return b.do(t, "POST", "/v1/tokens", `{"integration": "shop"}`, asToken(b.admin), header(keyHeader, "same"))
	}
	again().is(t, http.StatusCreated)
	again().problem(t, http.StatusUnprocessableEntity, itsm.CodeKeyReused)
}

func TestDevBelievesWhoeverIsNamed(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Dev = true })
	me := into[api.Me](t, b.do(t, "GET", "/v1/me", "").is(t, http.StatusOK))
	assert.Equal(t, itsm.Integration("dev"), me.Actor)
	assert.Equal(t, []string{RoleAdmin}, me.Roles)
	me = into[api.Me](t, b.do(t, "GET", "/v1/me", "", header(asHeader, "maria")).is(t, http.StatusOK))
	assert.Equal(t, itsm.Person("maria"), me.Actor)
	assert.Equal(t, []string{RoleProcessOwner}, me.Roles)
	b.do(t, "GET", "/v1/me", "", header(asHeader, "nobody")).problem(t, http.StatusUnprocessableEntity, itsm.CodePersonUnknown)
	me = into[api.Me](t, b.do(t, "GET", "/v1/me", "", b.person(t, "raj")).is(t, http.StatusOK))
	assert.Equal(t, itsm.Person("raj"), me.Actor)
}

func TestOnlyDevBelievesWhoeverIsNamed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.do(t, "GET", "/v1/me", "", header(asHeader, "maria")).problem(t, http.StatusForbidden, itsm.CodeForbidden)
	b.do(t, "GET", "/v1/me", "", header(asHeader, "maria"), asToken(b.admin)).problem(t, http.StatusForbidden, itsm.CodeForbidden)
}

func TestCallersAreNotMixedUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var all sync.WaitGroup
	for _, name := range []string{"raj", "tom", "ines", "olga"} {
		as := b.person(t, name)
		all.Go(func() {
			for range 25 {
				me := into[api.Me](t, b.do(t, "GET", "/v1/me", "", as))
				assert.Equal(t, name, me.Actor.Name)
			}
		})
	}
	all.Wait()
}

func TestSecretsNeverGetIntoALog(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := into[api.NewToken](t, b.do(t, "POST", "/v1/tokens", `{"person": "raj", "label": "l4bel"}`, asToken(b.admin)).is(t, http.StatusCreated))
	b.do(t, "POST", "/v1/approvals?secretquery=1", `{"flow": "s3cretflow", "x": 1}`, asToken(made.Secret))
	b.do(t, "GET", "/v1/me", "", asToken("stw_wrong"))
	b.engine.err = assert.AnError
	b.do(t, "POST", "/v1/approvals", `{"flow": "s3cretflow"}`, asToken(made.Secret)).problem(t, http.StatusInternalServerError, itsm.CodeInternal)
	logs := b.logs.String()
	assert.Contains(t, logs, "actor=person:raj")
	for _, secret := range []string{secretPrefix, b.admin, made.Secret, "s3cretflow", "l4bel", "secretquery"} {
		assert.NotContains(t, logs, secret)
	}
}
