//go:build unix

// Package pgtest gives tests a PostgreSQL of their own: a fresh database on the
// server that STEWARD_TEST_POSTGRES names, or on a throwaway server that it
// starts, or a whole server that a test may take away and bring back.
//
// It knows nothing of Steward's schema: a test migrates what it gets.
package pgtest

import (
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	_ "github.com/lib/pq" // the driver "postgres"
)

// Variable names the environment variable with the URL of a server on which
// tests may create databases.
const Variable = "STEWARD_TEST_POSTGRES"

// shared starts one server for all tests of the process, where one is needed.
var shared = sync.OnceValues(startServer)

// URL gives the URL of a new, empty database, which is dropped when the test ends.
func URL(t testing.TB) string {
	t.Helper()
	if address := os.Getenv(Variable); address != "" {
		return newDatabase(t, address)
	}
	s, err := shared()
	if err != nil {
		t.Fatalf("no PostgreSQL for this test: %v; run `make test`, or set %s to the URL of a server", err, Variable)
	}
	return newDatabase(t, s.url())
}

// Cluster is a PostgreSQL server that belongs to one test.
type Cluster struct{ server *server }

// NewCluster starts a server, which is removed when the test ends.
func NewCluster(t testing.TB) *Cluster {
	t.Helper()
	s, err := startServer()
	if err != nil {
		t.Fatalf("no PostgreSQL server for this test: %v; run `make test`", err)
	}
	t.Cleanup(s.remove)
	return &Cluster{s}
}

// URL gives the URL of the server's own database.
func (c *Cluster) URL() string { return c.server.url() }

// Stop takes the server away at once; what was committed stays.
func (c *Cluster) Stop(t testing.TB) { c.control(t, "stop", "-m", "immediate") }

// Start brings the server back, and returns when it answers.
func (c *Cluster) Start(t testing.TB) { c.control(t, c.server.startArgs()...) }

func (c *Cluster) control(t testing.TB, args ...string) {
	t.Helper()
	if err := c.server.control(args...); err != nil {
		t.Fatal(err)
	}
}

func newDatabase(t testing.TB, address string) string {
	t.Helper()
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatalf("reading %s: %v", Variable, err)
	}
	name := "steward_test_" + strings.ToLower(rand.Text())
	if _, err := db.ExecContext(t.Context(), `CREATE DATABASE `+name+` TEMPLATE template0`); err != nil {
		t.Fatalf("creating a database for the test: %v", err)
	}
	t.Cleanup(func() {
		if _, err := db.Exec(`DROP DATABASE ` + name + ` WITH (FORCE)`); err != nil {
			t.Errorf("dropping the test's database: %v", err)
		}
		_ = db.Close()
	})
	u, err := url.Parse(address)
	if err != nil {
		t.Fatalf("reading %s: %v", Variable, err)
	}
	u.Path = "/" + name
	return u.String()
}
