package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/internal/pgtest"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

const acmeFolder = "../../examples/acme"

// environments holds the environment of each person: the server and the token.
type environments map[string]map[string]string

// TestProductionOnPostgreSQL goes the way of an operator: an empty database,
// its schema, the first token, servers and workers, and then people's work,
// while parts go away.
func TestProductionOnPostgreSQL(t *testing.T) {
	t.Parallel()
	c := startCluster(t, pgtest.URL(t))
	c.refusesSchema("run `steward migrate`")
	assert.Contains(t, succeed(t, nil, "migrate", "--database-url", c.database), "Applied")
	assert.Contains(t, succeed(t, nil, "migrate", "--database-url", c.database), "up to date")

	servers := []*part{c.server(), c.server()}
	workers := []*part{c.worker(), c.worker()}
	people := c.people(servers[0].url, "maria", "tom", "ines", "raj", "olga")
	buyOscilloscope(t, people, servers)
	useTokens(t, people, servers)
	partsGoAway(t, people, servers, workers)

	c.pretendNewerSchema()
	c.refusesSchema("use a newer steward")
	assert.True(t, servers[1].isReady(), "one that runs already goes on beside a newer version")
}

// refusesSchema starts each part on a schema that it does not know.
func (c *cluster) refusesSchema(advice string) {
	c.t.Helper()
	for _, name := range []string{"server", "worker"} {
		r := command(c.t, nil, c.settings(name)...)
		assert.Equal(c.t, exitUnavailable, r.code, name)
		assert.Contains(c.t, r.errOut, "store.schema_mismatch", name)
		assert.Contains(c.t, r.errOut, advice, name)
	}
	r := command(c.t, nil, "token", "bootstrap", "--database-url", c.database)
	assert.Contains(c.t, r.errOut, advice, "token bootstrap")
	assert.Empty(c.t, r.out)
}

func (c *cluster) pretendNewerSchema() {
	db, err := sql.Open("postgres", c.database)
	require.NoError(c.t, err)
	defer func() { require.NoError(c.t, db.Close()) }()
	_, err = db.ExecContext(c.t.Context(), `INSERT INTO steward_schema (version_id, is_applied) VALUES (99999, true)`)
	require.NoError(c.t, err)
}

// people makes the first token in the database, applies acme's documents under
// it, and gives each person a token. The last one is the administrator's.
func (c *cluster) people(url string, names ...string) environments {
	c.t.Helper()
	secret := succeed(c.t, nil, "token", "bootstrap", "--database-url", c.database)
	require.Regexp(c.t, `^stw_[\w-]{43}\n$`, secret, "the token alone")
	admin := map[string]string{"STEWARD_URL": url, "STEWARD_TOKEN": strings.TrimSpace(secret)}
	succeed(c.t, admin, "apply", "-f", acmeFolder)
	people := environments{"admin": admin}
	for _, name := range names {
		secret := succeed(c.t, admin, "token", "create", "--person", name)
		people[name] = map[string]string{"STEWARD_URL": url, "STEWARD_TOKEN": strings.TrimSpace(secret)}
	}
	return people
}

// at is the same person at another server.
func at(who map[string]string, server *part) map[string]string {
	return map[string]string{"STEWARD_URL": server.url, "STEWARD_TOKEN": who["STEWARD_TOKEN"]}
}

// buyOscilloscope has a purchase decided through any server.
func buyOscilloscope(t *testing.T, people environments, servers []*part) {
	t.Helper()
	id := strings.TrimSpace(succeed(t, people["raj"], "start", "approval", "--flow", "purchase", "--subject", `{"item": "Oscilloscope", "amount": 7400}`))
	require.Regexp(t, `^APR-\d+`, id)
	id = strings.Fields(id)[0]

	own := command(t, at(people["raj"], servers[1]), "approve", id)
	assert.Equal(t, exitRefused, own.code)
	assert.Contains(t, own.errOut, string(itsm.CodeNotApprover))
	assert.Contains(t, succeed(t, at(people["maria"], servers[1]), "inbox"), id)

	succeed(t, at(people["maria"], servers[1]), "approve", id)
	succeed(t, at(people["tom"], servers[0]), "approve", id)
	succeed(t, at(people["ines"], servers[1]), "approve", id)
	assert.Contains(t, succeed(t, at(people["raj"], servers[0]), "get", id), itsm.OutcomeApproved)
	assert.Contains(t, succeed(t, at(people["olga"], servers[1]), "replay", id), ": deterministic")
}

// useTokens sees that a token is good for its time and its person.
func useTokens(t *testing.T, people environments, servers []*part) {
	t.Helper()
	admin := visitor{url: servers[0].url, token: people["admin"]["STEWARD_TOKEN"]}
	create := func(request api.TokenRequest) (api.NewToken, []visitor) {
		var made api.NewToken
		r := admin.send(http.MethodPost, "/v1/tokens", "", request)
		require.Equal(t, http.StatusCreated, r.status, "%s", r.body)
		r.into(t, &made)
		return made, []visitor{{url: servers[0].url, token: made.Secret}, {url: servers[1].url, token: made.Secret}}
	}
	_, short := create(api.TokenRequest{Integration: "passing", ExpiresIn: "1s"})
	revoked, holders := create(api.TokenRequest{Person: "tom"})
	for _, holder := range holders {
		assert.Equal(t, http.StatusOK, holder.send(http.MethodGet, "/v1/me", "", nil).status)
	}
	succeed(t, people["admin"], "token", "revoke", revoked.Token.Id)
	for _, holder := range holders {
		r := holder.send(http.MethodGet, "/v1/me", "", nil)
		assert.Equal(t, http.StatusUnauthorized, r.status)
		assert.Contains(t, string(r.body), "revoked")
	}
	for _, holder := range short {
		require.Eventually(t, func() bool {
			r := holder.send(http.MethodGet, "/v1/me", "", nil)
			return r.status == http.StatusUnauthorized && r.code() == string(itsm.CodeTokenExpired)
		}, 10*time.Second, 50*time.Millisecond)
	}
	for _, as := range []visitor{{url: admin.url, as: "maria"}, {url: admin.url, as: "maria", token: admin.token}} {
		r := as.send(http.MethodGet, "/v1/me", "", nil)
		assert.Equal(t, http.StatusForbidden, r.status, "nobody acts as another outside dev")
		assert.Contains(t, string(r.body), "steward dev")
	}
	assert.Equal(t, http.StatusUnauthorized, visitor{url: admin.url}.send(http.MethodGet, "/v1/me", "", nil).status)
}

// partsGoAway has many purchases decided through a balancer while one worker is
// killed and one server stops.
func partsGoAway(t *testing.T, people environments, servers []*part, workers []*part) {
	t.Helper()
	const purchases = 30
	var answered atomic.Int64
	var working, ending sync.WaitGroup
	var once sync.Once
	count := func() {
		if answered.Add(1) == purchases {
			once.Do(func() {
				ending.Go(func() { workers[0].end(syscall.SIGKILL) })
				ending.Go(func() { assert.Equal(t, exitDone, servers[0].end(syscall.SIGTERM), "a server stops in peace") })
			})
		}
	}
	ids := make([]string, purchases)
	for i := range purchases {
		working.Go(func() { ids[i] = decidePurchase(t, i, people, servers, count) })
	}
	working.Wait()
	ending.Wait()
	for _, p := range append(servers, workers...) {
		assert.NotContains(t, p.log.String(), "level=ERROR", "parts that go away are no error of the others")
	}
	admin := visitor{url: servers[1].url, token: people["admin"]["STEWARD_TOKEN"]}
	for i, id := range ids {
		checkPurchase(t, admin, i, id)
	}
}

// decidePurchase sends every command to whichever server answers.
func decidePurchase(t *testing.T, i int, people environments, servers []*part, count func()) string {
	send := func(person, path, key string, body any) reply {
		defer count()
		for try := 0; ; try++ {
			v := visitor{url: servers[(i+try)%2].url, token: people[person]["STEWARD_TOKEN"]}
			if r := v.send(http.MethodPost, path, key, body); !r.lost() || try == 500 {
				return r
			}
			pause(20 * time.Millisecond)
		}
	}
	var receipt itsm.Receipt
	r := send("raj", "/v1/approvals", fmt.Sprintf("buy-%d", i), map[string]any{"flow": "purchase", "subject": map[string]any{"item": "Probe", "amount": 6000}})
	if !assert.Equal(t, http.StatusCreated, r.status, "%s", r.body) {
		return ""
	}
	r.into(t, &receipt)
	for _, person := range []string{"maria", "tom", "ines"} {
		r := send(person, "/v1/approvals/"+receipt.Process+"/decisions", fmt.Sprintf("%s-%d", person, i), map[string]any{"decision": "approve"})
		assert.Equal(t, http.StatusOK, r.status, "%s: %s", person, r.body)
	}
	return receipt.Process
}

func checkPurchase(t *testing.T, v visitor, i int, id string) {
	t.Helper()
	var view itsm.View
	v.get(t, "/v1/processes/"+id, &view)
	assert.Equal(t, itsm.OutcomeApproved, view.Outcome, id)
	var page struct{ Items []itsm.Event }
	v.get(t, "/v1/processes/"+id+"/events?limit=100", &page)
	keys := map[string]int{}
	for n, event := range page.Items {
		assert.Equal(t, n+1, event.Number, "%s has no gap and no double", id)
		keys[event.Key]++
	}
	text, err := json.Marshal(keys)
	require.NoError(t, err)
	for key, person := range map[string]string{"buy": "raj", "maria": "maria", "tom": "tom", "ines": "ines"} {
		assert.Equal(t, 1, keys[fmt.Sprintf("person:%s/%s-%d", person, key, i)], "%s: %s in %s", id, key, text)
	}
}
