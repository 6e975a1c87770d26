package server

import (
	"bytes"
	"database/sql"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
	"github.com/steward-itsm/steward/store"
)

var loadedContract = sync.OnceValues(loadContract)

func ginContext(method, path string, body io.Reader) *gin.Context {
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequest(method, path, body)
	c.Request.Header.Set("Content-Type", jsonMedia)
	return c
}

func (b *bundle) apply(t *testing.T, yaml string, options ...option) *answered {
	t.Helper()
	return b.do(t, "POST", "/v1/definitions", yaml, append(options, header("Content-Type", yamlMedia))...)
}

func TestWholeOfAcmeAppliesFromItsFiles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body, media := form(t, "people.yaml", "time.yaml", "services.yaml", "approvals.yaml", "transitions.yaml", "incidents.yaml", "improvement.yaml")
	post := func(query string) api.Applied {
		return into[api.Applied](t, b.do(t, "POST", "/v1/definitions"+query, body, asToken(b.admin), header("Content-Type", media)).is(t, http.StatusOK))
	}
	dry := post("?dryRun=true")
	assert.True(t, dry.DryRun)
	real := post("")
	assert.False(t, real.DryRun)
	assert.Equal(t, dry.Changes, real.Changes, "a dry run tells what then happens, and changes nothing")
	assert.Contains(t, actionsOf(real.Changes), "created")
	for _, c := range post("").Changes {
		assert.Equal(t, "unchanged", c.Action, c.Name)
	}
}

func actionsOf(changes []api.Change) (actions []string) {
	for _, c := range changes {
		actions = append(actions, c.Action)
	}
	return actions
}

func form(t *testing.T, files ...string) (body, media string) {
	t.Helper()
	var text bytes.Buffer
	w := multipart.NewWriter(&text)
	for _, file := range files {
		part, err := w.CreateFormFile("file", file)
		require.NoError(t, err)
		_, err = io.WriteString(part, acme(t, file))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return text.String(), w.FormDataContentType()
}

func TestFaultsOfDocumentsAllComeWithTheirPlace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	yaml := strings.Join([]string{
		"apiVersion: steward/v1", "kind: Person", "metadata: {name: zoe}", "spec: {manager: nobody}", "---",
		"apiVersion: steward/v1", "kind: Group", "metadata: {name: g}", "spec: {membrs: [zoe]}", "",
	}, "\n")
	p := b.apply(t, yaml, asToken(b.admin)).problem(t, http.StatusUnprocessableEntity, itsm.CodeDefinitionInvalid)
	require.GreaterOrEqual(t, len(p.Errors), 2)
	lines := map[int]bool{}
	for _, e := range p.Errors {
		assert.Equal(t, "body", e.File)
		assert.Positive(t, e.Column)
		lines[e.Line] = true
	}
	assert.Equal(t, map[int]bool{4: true, 9: true}, lines)
	b.do(t, "GET", "/v1/definitions/Person/zoe", "", asToken(b.admin)).problem(t, http.StatusNotFound, itsm.CodeNotFound)

	b.apply(t, "kind: [", asToken(b.admin)).problem(t, http.StatusUnprocessableEntity, itsm.CodeDefinitionInvalid)
	for body, code := range map[string]itsm.Code{
		"--x\r\nContent-Disposition: form-data; name=file; filename=a.yaml\r\n\r\nkind: Gr": itsm.CodeMalformed,
		"--x\r\nContent-Disposition: form-data; name=dryRun\r\n\r\ntrue\r\n--x--\r\n":       itsm.CodeInvalid,
		"no form": itsm.CodeInvalid,
	} {
		b.do(t, "POST", "/v1/definitions", body, asToken(b.admin), header("Content-Type", "multipart/form-data; boundary=x")).problem(t, Status(code), code)
	}
	b.apply(t, "# nothing\n", asToken(b.admin)).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
}

func TestDefinitionsApplyAsJSONToo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doc := `{"apiVersion": "steward/v1", "kind": "Person", "metadata": {"name": "zoe", "title": "Zoë"}, "spec": {}}`
	applied := into[api.Applied](t, b.do(t, "POST", "/v1/definitions", doc, asToken(b.admin)).is(t, http.StatusOK))
	require.Len(t, applied.Changes, 1)
	got := into[api.Definition](t, b.do(t, "GET", "/v1/definitions/Person/zoe", "", asToken(b.admin)).is(t, http.StatusOK))
	assert.JSONEq(t, doc, string(got.Document))
	assert.Equal(t, applied.Changes[0].Digest, got.Digest)
	assert.Equal(t, 1, got.Version)
	assert.Equal(t, itsm.Integration("admin"), got.AppliedBy)
}

func TestProcessOwnersCannotGiveThemselvesARole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	maria := b.person(t, "maria")
	person := func(name, roles string) string {
		return "apiVersion: steward/v1\nkind: Person\nmetadata: {name: " + name + "}\nspec: {roles: [" + roles + "]}\n"
	}
	b.apply(t, person("maria", "process-owner, admin"), maria).problem(t, http.StatusForbidden, itsm.CodeForbidden)
	b.apply(t, person("alice", ""), maria).problem(t, http.StatusForbidden, itsm.CodeForbidden)
	b.apply(t, person("newcomer", "auditor"), maria).problem(t, http.StatusForbidden, itsm.CodeForbidden)
	b.apply(t, person("newcomer", "")+"---\n"+person("maria", "process-owner"), maria).is(t, http.StatusOK)
}

func TestVersionsOfADefinitionAreKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	admin := asToken(b.admin)
	for _, title := range []string{"One", "Two"} {
		b.apply(t, "apiVersion: steward/v1\nkind: Group\nmetadata: {name: g, title: "+title+"}\nspec: {members: [raj]}\n", admin).is(t, http.StatusOK)
	}
	first := into[api.DefinitionPage](t, b.do(t, "GET", "/v1/definitions/Group/g/versions?limit=1", "", admin).is(t, http.StatusOK))
	rest := into[api.DefinitionPage](t, b.do(t, "GET", "/v1/definitions/Group/g/versions?cursor="+first.Next, "", admin).is(t, http.StatusOK))
	assert.Equal(t, "Two", first.Items[0].Title)
	assert.Equal(t, "One", rest.Items[0].Title)
	old := into[api.Definition](t, b.do(t, "GET", "/v1/definitions/Group/g?digest="+rest.Items[0].Digest, "", admin).is(t, http.StatusOK))
	assert.Contains(t, old.Text, "One")
	b.do(t, "GET", "/v1/definitions/Group/none/versions", "", admin).problem(t, http.StatusNotFound, itsm.CodeNotFound)
	b.do(t, "GET", "/v1/definitions/Group/g?digest=sha256:0", "", admin).problem(t, http.StatusNotFound, itsm.CodeNotFound)
	page := into[api.DefinitionPage](t, b.do(t, "GET", "/v1/definitions?kind=Group", "", admin).is(t, http.StatusOK))
	for _, d := range page.Items {
		assert.Equal(t, "Group", d.Kind)
		assert.Empty(t, d.Text)
		assert.Empty(t, d.Document)
	}
}

func TestSchemasAreServed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, kind := range definition.Kinds() {
		a := b.do(t, "GET", "/v1/schemas/"+kind, "", asToken(b.admin)).is(t, http.StatusOK)
		assert.Contains(t, a.Body.String(), "$schema")
	}
	b.do(t, "GET", "/v1/schemas/Nothing", "", asToken(b.admin)).problem(t, http.StatusNotFound, itsm.CodeNotFound)
}

func TestProcessesAreReadAsRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tom := b.person(t, "tom")
	b.record(t, "APR-1", "raj", "maria")
	b.record(t, "APR-2", "ines")
	view := into[api.Process](t, b.do(t, "GET", "/v1/processes/APR-1", "", tom).is(t, http.StatusOK))
	assert.Equal(t, "Buy a thing", view.Summary)
	assert.JSONEq(t, `{"item": "thing"}`, string(view.Subject))
	for query, want := range map[string][]string{
		"": {"APR-2", "APR-1"}, "?requester=raj": {"APR-1"}, "?kind=approval&state=open": {"APR-2", "APR-1"}, "?state=closed": nil,
		"?requester=integration:raj": nil, "?service=payments": nil,
	} {
		var ids []string
		for _, p := range into[api.ProcessPage](t, b.do(t, "GET", "/v1/processes"+query, "", tom).is(t, http.StatusOK)).Items {
			ids = append(ids, p.ID)
		}
		assert.Equal(t, want, ids, query)
	}
	first := into[api.ProcessPage](t, b.do(t, "GET", "/v1/processes?limit=1", "", tom))
	second := into[api.ProcessPage](t, b.do(t, "GET", "/v1/processes?limit=1&cursor="+first.Next, "", tom))
	assert.NotEqual(t, first.Items[0].ID, second.Items[0].ID)
	assert.Empty(t, second.Next)

	events := into[api.EventPage](t, b.do(t, "GET", "/v1/processes/APR-1/events?limit=1", "", tom).is(t, http.StatusOK))
	require.Len(t, events.Items, 1)
	assert.Equal(t, 1, events.Next)
	events = into[api.EventPage](t, b.do(t, "GET", "/v1/processes/APR-1/events?after=1", "", tom).is(t, http.StatusOK))
	assert.Empty(t, events.Items)
	for _, path := range []string{"/v1/processes/APR-9", "/v1/processes/APR-9/events", "/v1/processes/nonsense"} {
		b.do(t, "GET", path, "", tom).problem(t, http.StatusNotFound, itsm.CodeNotFound)
	}
}

func TestHistoryIsPassedOnByteByByte(t *testing.T) {
	t.Parallel()
	b := setup(t)
	olga := b.person(t, "olga")
	got := b.do(t, "GET", "/v1/processes/APR-1/history", "", olga).is(t, http.StatusOK).Body.Bytes()
	assert.True(t, bytes.Equal([]byte(`{"events": []}`), got), "%s", got)
	b.do(t, "GET", "/v1/processes/steward-internal/history", "", olga).problem(t, http.StatusNotFound, itsm.CodeNotFound)
	b.do(t, "POST", "/v1/processes/steward-internal/resume", "", b.person(t, "alice")).problem(t, http.StatusNotFound, itsm.CodeNotFound)
	b.engine.err = itsm.Errorf(itsm.CodeHistoryGone, "gone")
	b.do(t, "GET", "/v1/processes/APR-1/history", "", olga).problem(t, http.StatusNotFound, itsm.CodeHistoryGone)
}

func TestInboxIsOnesOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.record(t, "APR-1", "raj", "maria", "tom")
	mine := into[api.InboxPage](t, b.do(t, "GET", "/v1/inbox", "", b.person(t, "maria")).is(t, http.StatusOK))
	require.Len(t, mine.Items, 1)
	assert.Equal(t, "maria", mine.Items[0].Person)
	b.do(t, "GET", "/v1/inbox?person=tom", "", b.person(t, "maria")).problem(t, http.StatusForbidden, itsm.CodeForbidden)
	b.do(t, "GET", "/v1/inbox?person=maria", "", b.person(t, "maria")).is(t, http.StatusOK)
	others := into[api.InboxPage](t, b.do(t, "GET", "/v1/inbox?person=tom", "", b.person(t, "olga")).is(t, http.StatusOK))
	assert.Equal(t, "tom", others.Items[0].Person)
	b.do(t, "GET", "/v1/inbox", "", asToken(b.admin)).problem(t, http.StatusUnprocessableEntity, itsm.CodeInvalid)
}

func TestReadinessNamesThePartThatIsDown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ready := into[api.Readiness](t, b.do(t, "GET", "/readyz", "").is(t, http.StatusOK))
	assert.Len(t, ready.Parts, 3)
	b.engine.down = itsm.Errorf(itsm.CodeUnavailable, "Temporal does not answer")
	a := b.do(t, "GET", "/readyz", "")
	p := a.problem(t, http.StatusServiceUnavailable, itsm.CodeUnavailable)
	assert.Equal(t, []api.Part{{Name: "database", Ok: true}, {Name: "schema", Ok: true}, {Name: "temporal", Detail: "Temporal does not answer"}}, p.Parts)
	assert.NotEmpty(t, a.Header().Get("Retry-After"))

	b.engine.down = nil
	require.NoError(t, b.store.MigrateDown(t.Context()))
	p = b.do(t, "GET", "/readyz", "").problem(t, http.StatusServiceUnavailable, itsm.CodeUnavailable)
	assert.False(t, p.Parts[1].Ok)
	assert.Contains(t, p.Parts[1].Detail, "steward migrate")
	health := into[api.Health](t, b.do(t, "GET", "/healthz", "").is(t, http.StatusOK))
	assert.Equal(t, api.Health{Status: "ok", Version: "v1.2.3"}, health)
}

// Two neighbouring versions run side by side: the older must go on to serve
// when the newer one's migration has run.
func TestNewerSchemaLeavesARunningServerReady(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "steward.db")
	migrated, err := store.Open(t.Context(), "sqlite:"+path, store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, migrated.Close()) })
	_, err = migrated.Migrate(t.Context())
	require.NoError(t, err)
	b := setup(t)
	b.Server.store = migrated
	b.do(t, "GET", "/readyz", "").is(t, http.StatusOK)

	raw, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, raw.Close()) })
	_, err = raw.ExecContext(t.Context(), `INSERT INTO steward_schema (version_id, is_applied) VALUES (99999, TRUE)`)
	require.NoError(t, err)
	assert.Equal(t, itsm.CodeSchemaMismatch, itsm.ErrorCode(migrated.Verify(t.Context())), "one that starts now is refused")
	ready := into[api.Readiness](t, b.do(t, "GET", "/readyz", "").is(t, http.StatusOK))
	assert.Contains(t, ready.Parts, api.Part{Name: "schema", Ok: true})
}

func TestMetricsCountByRoute(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.record(t, "APR-1", "raj")
	b.do(t, "GET", "/v1/processes/APR-1", "", asToken(b.admin))
	b.do(t, "GET", "/nowhere", "")
	text := b.do(t, "GET", "/metrics", "").is(t, http.StatusOK).Body.String()
	assert.Contains(t, text, `steward_http_request_duration_seconds_count{method="GET",route="/v1/processes/:id",status="200"} 1`)
	assert.Contains(t, text, `{method="any",route="none",status="404"} 1`)
	assert.Contains(t, text, "steward_http_requests_in_flight 1")
	assert.Regexp(t, `steward_sql_statements_total [1-9]`, text)
	assert.NotContains(t, text, "APR-1")
}

func TestPagesShowTheWholeContract(t *testing.T) {
	t.Parallel()
	b := setup(t)
	page := b.do(t, "GET", "/docs", "").is(t, http.StatusOK).Body.String()
	spec := b.do(t, "GET", "/openapi.json", "").is(t, http.StatusOK).Body.String()
	for _, op := range b.contract.operations {
		assert.Contains(t, page, `id="`+op.route.Operation.OperationID+`"`)
		assert.Contains(t, spec, `"`+op.route.Path+`"`)
	}
	for _, code := range itsm.Codes() {
		assert.Contains(t, page, `id="`+string(code)+`"`, "problems link here")
	}
	assert.NotContains(t, page, "http://", "self-contained")
	assert.NotContains(t, page, "<script")
}

func TestDatabaseAwayIsUnavailable(t *testing.T) {
	t.Parallel()
	away, err := store.Open(t.Context(), "postgres://nobody@127.0.0.1:1/none?sslmode=disable", store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, away.Close()) })
	b := setup(t)
	b.Server.store = away
	a := b.do(t, "GET", "/v1/me", "", asToken(b.admin))
	a.problem(t, http.StatusServiceUnavailable, itsm.CodeUnavailable)
	assert.NotContains(t, a.Body.String(), "127.0.0.1")
	p := b.do(t, "GET", "/readyz", "").problem(t, http.StatusServiceUnavailable, itsm.CodeUnavailable)
	assert.False(t, p.Parts[0].Ok)
	assert.NotContains(t, p.Parts[0].Detail, "127.0.0.1")
}

func TestRetryOfAnApplyGetsItsFirstAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	group := func(title string) string {
		return "apiVersion: steward/v1\nkind: Group\nmetadata: {name: g, title: " + title + "}\nspec: {members: [raj]}\n"
	}
	send := func(title, key string) *answered {
		return b.apply(t, group(title), asToken(b.admin), header(keyHeader, key))
	}
	first := send("One", "k1").is(t, http.StatusOK).Body.String()
	send("Two", "k2").is(t, http.StatusOK)
	assert.Equal(t, first, send("One", "k1").is(t, http.StatusOK).Body.String())
	got := into[api.Definition](t, b.do(t, "GET", "/v1/definitions/Group/g", "", asToken(b.admin)).is(t, http.StatusOK))
	assert.Equal(t, "Two", got.Title, "a late retry reverts nothing")
	send("Three", "k1").problem(t, http.StatusUnprocessableEntity, itsm.CodeKeyReused)

	dry := b.do(t, "POST", "/v1/definitions?dryRun=true", group("Four"), asToken(b.admin), header(keyHeader, "k3"), header("Content-Type", yamlMedia)).is(t, http.StatusOK)
	assert.Equal(t, []string{"updated"}, actionsOf(into[api.Applied](t, dry).Changes))
	assert.Equal(t, []string{"updated"}, actionsOf(into[api.Applied](t, send("Four", "k3").is(t, http.StatusOK)).Changes), "a dry run uses up no key")
}
