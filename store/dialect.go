package store

import (
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite", in Go alone

	"github.com/steward-itsm/steward/itsm"
)

// dialect is all in which the two databases differ.
type dialect struct {
	bind        int           // how parameters are written
	goose       goose.Dialect // and the folder of the migrations
	folder      string
	forUpdate   string // locks the rows that are read until the transaction ends
	tableExists string // asks whether the table with the given name is there
	serialise   string // makes the transaction wait for others with the same number; "" where there is one writer
	serialiseBy string // the same for each of an array of names, in its order, given a number that sets them apart from other uses
	newestFirst string // the journal's order of commits, backwards
	place       string // of an event in the journal's order of commits
	placeAfter  string // is the place after the given one
	settled     string // no event is going to come before this one any more
	lockFile    string // SQLite: the file whose lock keeps migrations apart
}

var postgres = dialect{
	bind:        sqlx.DOLLAR,
	goose:       goose.DialectPostgres,
	folder:      "migrations/postgres",
	forUpdate:   ` FOR UPDATE`,
	tableExists: `SELECT to_regclass(?) IS NOT NULL`,
	serialise:   `SELECT pg_advisory_xact_lock(?)`,
	serialiseBy: `SELECT pg_advisory_xact_lock(hashtextextended(name, ?)) FROM unnest(?::text[]) AS name`,
	newestFirst: `xact DESC, position DESC`,
	place:       `xact, position`,
	placeAfter:  `(xact, position) > (?, ?)`,
	settled:     `xact < pg_snapshot_xmin(pg_current_snapshot())::text::bigint`,
}

var sqlite = dialect{
	bind:        sqlx.QUESTION,
	goose:       goose.DialectSQLite3,
	folder:      "migrations/sqlite",
	tableExists: `SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?)`,
	newestFirst: `position DESC`,
	place:       `0 AS xact, position`,
	placeAfter:  `? = 0 AND position > ?`,
	settled:     `TRUE`, // one writer at a time
}

const (
	schemePostgres   = "postgres"
	schemePostgresQL = "postgresql"
	schemeSQLite     = "sqlite"
	inMemory         = ":memory:"

	connectTimeout     = "5" // seconds
	connectionLifetime = 30 * time.Minute
	connectionIdle     = 5 * time.Minute
)

func connect(address string, connections int) (d dialect, reads, writes *sqlx.DB, err error) {
	scheme, rest, _ := strings.Cut(address, ":")
	switch scheme {
	case schemePostgres, schemePostgresQL:
		db, err := connectPostgres(address, connections)
		return postgres, db, db, err
	case schemeSQLite:
		if rest == "" {
			return dialect{}, nil, nil, itsm.Errorf(itsm.CodeInvalid, "the database URL names no file; write sqlite:PATH")
		}
		return connectSQLite(rest, connections)
	}
	return dialect{}, nil, nil, itsm.Errorf(itsm.CodeInvalid, "the database URL must start with postgres:// or sqlite:")
}

// connectPostgres asks for binary parameters: a statement then takes one round
// trip instead of two, and works behind a pooler that shares connections.
func connectPostgres(address string, connections int) (*sqlx.DB, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, itsm.Errorf(itsm.CodeInvalid, "the database URL can't be read; write postgres://USER:PASSWORD@HOST:PORT/NAME and escape what is special in the password")
	}
	query := u.Query()
	query.Set("binary_parameters", "yes")
	if !query.Has("connect_timeout") {
		query.Set("connect_timeout", connectTimeout)
	}
	u.RawQuery = query.Encode()
	connector, err := pq.NewConnector(u.String())
	if err != nil {
		return nil, itsm.Errorf(itsm.CodeInvalid, "the database URL has a setting that PostgreSQL's driver refuses; see its host, port and sslmode")
	}
	db := sqlx.NewDb(sql.OpenDB(connector), schemePostgres)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxLifetime(connectionLifetime)
	db.SetConnMaxIdleTime(connectionIdle)
	return db, nil
}

// sqliteSettings hold for every connection. FULL keeps every commit through a
// power cut, for the price of an fsync each: were one to take events that the
// workflow's history says are recorded, nothing would record them again, and the
// next would find a gap. Immediate
// transactions wait for the writer's lock at BEGIN, where waiting is safe.
const sqliteSettings = "?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=synchronous(FULL)&_txlock=immediate"

// connectSQLite has one connection that writes, so that writers queue in Go,
// in order, and not in SQLite's busy loop; and some that can only read.
func connectSQLite(path string, connections int) (d dialect, reads, writes *sqlx.DB, err error) {
	d = sqlite
	if path == inMemory {
		db, err := openSQLite("file::memory:"+sqliteSettings, 1)
		return d, db, db, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return d, nil, nil, fmt.Errorf("finding the database file: %w", err)
	}
	d.lockFile = path + ".lock"
	if writes, err = openSQLite(fileURI(path)+sqliteSettings, 1); err != nil {
		return d, nil, nil, err
	}
	reads, err = openSQLite(fileURI(path)+sqliteSettings+"&_pragma=query_only(1)", connections)
	return d, reads, writes, err
}

func openSQLite(dsn string, connections int) (*sqlx.DB, error) {
	db, err := sqlx.Open(schemeSQLite, dsn)
	if err != nil {
		return nil, fmt.Errorf("opening the database file: %w", err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

func fileURI(path string) string {
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
}
