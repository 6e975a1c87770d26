package server

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

func TestFilesAreKeptByTheirContent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raj := b.person(t, "raj")
	for media, content := range map[string]string{
		"text/plain": "all green", jsonMedia: `{"not": "JSON"`, "image/png": "\x89PNG\r\n\x00\xff", yamlMedia: "a: [", "application/x-www-form-urlencoded": "a=%zz",
	} {
		kept := into[api.File](t, b.do(t, "POST", "/v1/files?name=result.txt", content, raj, header("Content-Type", media)).is(t, http.StatusCreated))
		sum := sha256.Sum256([]byte(content))
		assert.Equal(t, api.File{Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: int64(len(content)), Name: "result.txt"}, kept, media)

		a := b.do(t, "GET", "/v1/files/"+kept.Digest, "", b.person(t, "tom")).is(t, http.StatusOK)
		assert.Equal(t, content, a.Body.String())
		assert.Equal(t, "application/octet-stream", a.Header().Get("Content-Type"), "no browser may show it")
		assert.Equal(t, "nosniff", a.Header().Get("X-Content-Type-Options"))
		assert.Equal(t, "attachment; filename=result.txt", a.Header().Get("Content-Disposition"))

		again := b.do(t, "POST", "/v1/files?name=other.txt", content, raj, header("Content-Type", media)).is(t, http.StatusCreated)
		assert.Equal(t, kept, into[api.File](t, again))
		assert.Equal(t, "/v1/files/"+kept.Digest, again.Header().Get("Location"))
	}
}

func TestNamesOfFilesCanNotBreakOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raj := b.person(t, "raj")
	for _, name := range []string{"", "%0d%0aSet-Cookie:x", "a%00b", "..%2f..%2fetc%2fpasswd", "a%5cb", strings.Repeat("n", 201)} {
		p := b.do(t, "POST", "/v1/files?name="+name, "x", raj).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
		assert.Equal(t, "/name", p.Errors[0].Field, name)
	}
	b.do(t, "POST", "/v1/files", "x", raj).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
	for name, disposition := range map[string]string{
		"%E9%AA%8C%E6%94%B6.pdf": "attachment; filename*=utf-8''%E9%AA%8C%E6%94%B6.pdf",
		"a%22%3Bb=%22c":          `attachment; filename="a\";b=\"c"`,
		"%ff.txt":                "attachment; filename*=utf-8''%EF%BF%BD.txt",
	} {
		kept := into[api.File](t, b.do(t, "POST", "/v1/files?name="+name, "content of "+name, raj).is(t, http.StatusCreated))
		a := b.do(t, "GET", "/v1/files/"+kept.Digest, "", raj).is(t, http.StatusOK)
		assert.Equal(t, disposition, a.Header().Get("Content-Disposition"))
	}
}

func TestFilesHaveALimitOfTheirOwn(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Limits.BodyBytes = 64 << 10 }) // a quarter of Acme's people
	raj := b.person(t, "raj")
	most := strings.Repeat("x", 10<<20)
	b.do(t, "POST", "/v1/files?name=a", most, raj).is(t, http.StatusCreated)
	b.do(t, "POST", "/v1/files?name=a", most+"x", raj).problem(t, http.StatusRequestEntityTooLarge, itsm.CodeTooLarge)
	b.do(t, "POST", "/v1/files?name=a", "", raj).problem(t, http.StatusBadRequest, itsm.CodeMalformed)
}

func TestFilesThatAreNotThereAreNotFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raj := b.person(t, "raj")
	b.do(t, "GET", "/v1/files/sha256:"+strings.Repeat("0", 64), "", raj).problem(t, http.StatusNotFound, itsm.CodeNotFound)
	b.do(t, "GET", "/v1/files/README.md", "", raj).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
	b.do(t, "GET", "/v1/files/sha256:"+strings.Repeat("0", 64), "").problem(t, http.StatusUnauthorized, itsm.CodeUnauthenticated)
}

func TestCalledSystemsReportWithoutAToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.engine.receipt.Process = "CHG-1"
	for body, want := range map[string]itsm.CallbackAnswer{
		``:                        {},
		`{}`:                      {},
		`{"status": "succeeded"}`: {},
		`{"status": "failed", "message": "disk full", "result": {"host": "db1"}}`: {Failed: true, Message: "disk full", Result: []byte(`{"host": "db1"}`)},
		`{"result": [1, "a", null]}`: {Result: []byte(`[1, "a", null]`)},
	} {
		a := b.do(t, "POST", "/v1/callbacks/CHG-1.migration.2.1.s3al", body).is(t, http.StatusOK)
		assert.JSONEq(t, `{"process": "CHG-1"}`, a.Body.String(), "a stranger learns no more")
		args := b.engine.last(t).args
		assert.Equal(t, "CHG-1.migration.2.1.s3al", args[0])
		got := args[1].(itsm.CallbackAnswer)
		assert.NotEmpty(t, got.Digest)
		got.Digest = ""
		assert.Equal(t, want, got, body)
	}
}

func TestTheSameReportHasTheSameDigest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	digest := func(body string) string {
		b.do(t, "POST", "/v1/callbacks/token", body).is(t, http.StatusOK)
		return b.engine.last(t).args[1].(itsm.CallbackAnswer).Digest
	}
	one := digest(`{"status": "succeeded", "result": {"a": 1}}`)
	assert.Equal(t, one, digest(` { "result":{"a":1} } `))
	for _, other := range []string{``, `{"status": "failed", "result": {"a": 1}}`, `{"result": {"a": 2}}`, `{"result": {"a": 1}, "message": "x"}`} {
		assert.NotEqual(t, one, digest(other), other)
	}
	assert.Equal(t, digest(``), digest(`{"status": "succeeded"}`))
}

func TestWrongReportsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for body, field := range map[string]string{
		`{"status": "maybe"}`: "/status", `{"state": "failed"}`: "/state", `{"message": 7}`: "/message",
	} {
		p := b.do(t, "POST", "/v1/callbacks/token", body).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
		require.NotEmpty(t, p.Errors)
		assert.Equal(t, field, p.Errors[0].Field, body)
	}
	large := `{"message": "` + strings.Repeat(" ", 64<<10) + `"}`
	b.do(t, "POST", "/v1/callbacks/token", large).problem(t, http.StatusRequestEntityTooLarge, itsm.CodeTooLarge)
	b.do(t, "POST", "/v1/callbacks/token", "status=failed", header("Content-Type", "application/x-www-form-urlencoded")).
		problem(t, http.StatusUnsupportedMediaType, itsm.CodeUnsupportedMedia)
	assert.Empty(t, b.engine.got)
}

func TestTokensOfCallbacksAreNeverLogged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.engine.err = itsm.Errorf(itsm.CodeCallbackUsed, "it is over")
	path := "/v1/callbacks/CHG-1.migration.2.1.s3al"
	p := b.do(t, "POST", path, "").problem(t, http.StatusConflict, itsm.CodeCallbackUsed)
	assert.Equal(t, "/v1/callbacks/…", p.Instance)
	b.do(t, "GET", path, "").is(t, http.StatusMethodNotAllowed)
	b.do(t, "POST", path+"/", "").is(t, http.StatusNotFound)
	b.do(t, "POST", "/"+path, "").is(t, http.StatusNotFound)
	b.do(t, "POST", path, `{"status": 1}`).is(t, http.StatusUnprocessableEntity)
	b.engine.err, b.engine.do = assert.AnError, nil
	b.do(t, "POST", path, "").is(t, http.StatusInternalServerError)
	assert.Contains(t, b.logs.String(), "/v1/callbacks/…")
	assert.NotContains(t, b.logs.String(), "s3al")
}
