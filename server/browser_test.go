package server

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/steward-itsm/steward/itsm"
)

func from(host string) option { return func(r *http.Request) { r.Host = host } }

func TestDevAnswersNoForeignPage(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Dev = true })
	for name, options := range map[string][]option{
		"another site":               {from("127.0.0.1:8087"), header("Origin", "https://evil.test")},
		"another port":               {from("127.0.0.1:8087"), header("Origin", "http://127.0.0.1:3000")},
		"another name of loopback":   {from("127.0.0.1:8087"), header("Origin", "http://localhost:8087")},
		"a page from a file":         {from("localhost:8087"), header("Origin", "null")},
		"a name rebound to loopback": {from("evil.test:8087")},
		"a page of that name":        {from("evil.test:8087"), header("Origin", "http://evil.test:8087")},
		"a name like an address":     {from("127.0.0.1.evil.test")},
		"no host":                    {from("")},
	} {
		for _, target := range []string{"/v1/me", "/docs", "/metrics"} {
			p := b.do(t, "GET", target, "", options...).problem(t, http.StatusForbidden, itsm.CodeForbidden)
			assert.Contains(t, p.Detail, "use ", name)
		}
		b.do(t, "POST", "/v1/approvals", `{"flow": "purchase"}`, options...).problem(t, http.StatusForbidden, itsm.CodeForbidden)
	}
	assert.Empty(t, b.engine.got)
}

func TestDevAnswersItsOwnPagesAndPrograms(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Dev = true })
	for _, host := range []string{"127.0.0.1:8087", "localhost:8087", "LOCALHOST", "[::1]:8087", "192.0.2.7:8087", "steward.acme.test"} {
		b.do(t, "GET", "/v1/me", "", from(host)).is(t, http.StatusOK)
		b.do(t, "GET", "/v1/me", "", from(host), header("Origin", "http://"+host)).is(t, http.StatusOK)
	}
}

func TestWhoHasATokenMayCallFromAnywhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.do(t, "GET", "/v1/me", "", b.person(t, "raj"), from("any.test"), header("Origin", "https://portal.acme.test")).is(t, http.StatusOK)
}
