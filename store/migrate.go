package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"

	"github.com/steward-itsm/steward/itsm"
)

//go:embed migrations
var migrations embed.FS

const schemaTable = "steward_schema"

// Locks in PostgreSQL have numbers; these are ours, arbitrary and for ever.
const (
	lockMigrations  = 7_731_001
	lockDefinitions = 7_731_002
	lockServices    = 7_731_003 // with the names of the services
	lockMerges      = 7_731_004
)

// Migrate brings the schema up to date and tells how many migrations that took.
// Any number of processes may do so at once: one works, the others wait. A
// schema that is newer than this binary has itsm.CodeSchemaMismatch.
func (s *Store) Migrate(ctx context.Context) (applied int, err error) {
	err = s.alone(ctx, func(p *goose.Provider) error {
		found, wanted, err := s.schemaVersions(ctx, p)
		if err != nil {
			return err
		}
		if err := refuseNewer(found, wanted); err != nil {
			return err
		}
		results, err := p.Up(ctx)
		applied = len(results)
		return err
	})
	if err != nil {
		return applied, fmt.Errorf("migrating the database: %w", err)
	}
	return applied, nil
}

// MigrateDown removes all that Migrate made, and every row with it.
func (s *Store) MigrateDown(ctx context.Context) error {
	err := s.alone(ctx, func(p *goose.Provider) error {
		_, err := p.DownTo(ctx, 0)
		return err
	})
	if err != nil {
		return fmt.Errorf("removing the schema: %w", err)
	}
	return nil
}

// Verify checks that the schema is the one that this binary was made for, as
// one that starts must; itsm.CodeSchemaMismatch where it is not.
func (s *Store) Verify(ctx context.Context) error {
	found, wanted, err := s.serves(ctx)
	if err != nil {
		return err
	}
	return refuseNewer(found, wanted)
}

// Serves checks that the schema has all that this binary needs. One that has
// become newer since the start has: a release adds, and only a later one
// removes. Were old servers to take themselves out of the balancer as soon as
// the new version's migration ran, nobody would answer until the first new one.
func (s *Store) Serves(ctx context.Context) error {
	_, _, err := s.serves(ctx)
	return err
}

func (s *Store) serves(ctx context.Context) (found, wanted int64, err error) {
	provider, err := s.provider()
	if err != nil {
		return 0, 0, err
	}
	found, wanted, err = s.schemaVersions(ctx, provider)
	if err == nil && found < wanted {
		err = itsm.Errorf(itsm.CodeSchemaMismatch,
			"the database has schema %d, this steward needs %d; run `steward migrate`", found, wanted)
	}
	return found, wanted, err
}

func refuseNewer(found, wanted int64) error {
	if found > wanted {
		return itsm.Errorf(itsm.CodeSchemaMismatch,
			"the database has schema %d, this steward knows %d at most; use a newer steward", found, wanted)
	}
	return nil
}

// schemaVersions gives what the database has, 0 where it is empty, and what
// this binary needs.
func (s *Store) schemaVersions(ctx context.Context, provider *goose.Provider) (found, wanted int64, err error) {
	sources := provider.ListSources()
	wanted = sources[len(sources)-1].Version
	q := query{s, "schema", s.writes}
	var exists bool
	err = q.get(ctx, &exists, s.dialect.tableExists, schemaTable)
	if err == nil && exists {
		err = q.get(ctx, &found, `SELECT COALESCE(MAX(version_id), 0) FROM `+schemaTable+` WHERE is_applied`)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("reading the schema's version: %w", err)
	}
	return found, wanted, nil
}

func (s *Store) provider() (*goose.Provider, error) {
	folder, err := fs.Sub(migrations, s.dialect.folder)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(s.dialect.goose, s.writes.DB, folder,
		goose.WithTableName(schemaTable), goose.WithDisableGlobalRegistry(true))
}

// alone does the work while no other process migrates the same database.
func (s *Store) alone(ctx context.Context, work func(*goose.Provider) error) error {
	provider, err := s.provider()
	if err != nil {
		return err
	}
	lock := s.lockSQLite
	if s.dialect.goose == goose.DialectPostgres {
		lock = s.lockPostgres
	}
	release, err := lock(ctx)
	if err != nil {
		return fmt.Errorf("waiting for other migrations: %w", err)
	}
	defer release()
	return work(provider)
}

// lockPostgres holds a session's lock, which ends with the connection at the
// latest: a process that is killed leaves nothing behind.
func (s *Store) lockPostgres(ctx context.Context) (release func(), err error) {
	conn, err := s.writes.Connx(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := (query{s, "migrate", conn}).exec(ctx, `SELECT pg_advisory_lock(?)`, lockMigrations); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, lockMigrations)
		_ = conn.Close()
	}, nil
}

// lockSQLite holds the writer's lock of a file of its own, because changing to
// the write-ahead log, the first thing that a new file needs, does not wait for
// others. The lock ends with the process.
func (s *Store) lockSQLite(ctx context.Context) (release func(), err error) {
	if s.dialect.lockFile == "" {
		return func() {}, nil
	}
	file, err := openSQLite(fileURI(s.dialect.lockFile)+"?_pragma=busy_timeout(60000)&_txlock=exclusive", 1)
	if err != nil {
		return nil, err
	}
	tx, err := file.BeginTxx(ctx, nil)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	release = func() { _ = tx.Rollback(); _ = file.Close() }
	if err := useWriteAheadLog(ctx, s.writes); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// useWriteAheadLog lets readers go on while one writes; the file remembers it.
func useWriteAheadLog(ctx context.Context, db *sqlx.DB) error {
	_, err := db.ExecContext(ctx, `PRAGMA journal_mode = WAL`)
	return err
}
