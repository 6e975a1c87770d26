//go:build !noembed

package embedded

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	"github.com/google/uuid"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	schema "go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"
)

const databaseFile = "temporal.db"

// databaseConfig describes the database in the folder, or a new one in memory.
func databaseConfig(dir string) (*config.SQL, error) {
	if dir == "" {
		return &config.SQL{
			PluginName:        sqlite.PluginName,
			DatabaseName:      uuid.NewString(),
			ConnectAttributes: map[string]string{"mode": "memory", "cache": "shared"},
		}, nil
	}
	path, err := filepath.Abs(filepath.Join(dir, databaseFile))
	if err != nil {
		return nil, fmt.Errorf("finding the data folder: %w", err)
	}
	return &config.SQL{
		PluginName: sqlite.PluginName,
		// The name becomes part of a URI: a folder may have a "?" or "%" in its name.
		DatabaseName: (&url.URL{Path: path}).EscapedPath(),
		ConnectAttributes: map[string]string{
			"mode":         "rwc",
			"journal_mode": "wal",
			"synchronous":  "normal",
			"busy_timeout": "5000",
		},
	}, nil
}

// prepareDatabase creates what a new database lacks: the schema and the namespace.
func prepareDatabase(ctx context.Context, o Options, cfg *config.SQL) error {
	if o.Dir != "" {
		if err := createSchema(ctx, cfg.DatabaseName); err != nil {
			return fmt.Errorf("creating Temporal's schema in %q: %w", o.Dir, err)
		}
	}
	namespace, err := schema.NewNamespaceConfig(clusterName, o.Namespace, false, nil)
	if err != nil {
		return fmt.Errorf("describing namespace %q: %w", o.Namespace, err)
	}
	namespace.Detail.Config.Retention = durationpb.New(o.Retention)
	if err := schema.CreateNamespaces(cfg, namespace); err != nil {
		return fmt.Errorf("registering namespace %q: %w", o.Namespace, err)
	}
	return nil
}

// createSchema creates the tables if there are none, all in one transaction: a
// process killed half-way leaves an empty file, not half a schema.
func createSchema(ctx context.Context, name string) (err error) {
	db, err := sql.Open("sqlite", "file:"+name+"?mode=rwc&_txlock=immediate&_pragma=busy_timeout=5000")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	var tables int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&tables); err != nil || tables > 0 {
		return err
	}
	if err := schema.SetupSchemaOnDB(schemaWriter{tx: tx, ctx: ctx}); err != nil {
		return err
	}
	return tx.Commit()
}

// schemaWriter is the one method of AdminDB that creating a schema takes.
type schemaWriter struct {
	sqlplugin.AdminDB
	tx  *sql.Tx
	ctx context.Context //nolint:containedctx // the interface passes none
}

// Exec implements sqlplugin.AdminCRUD.
func (w schemaWriter) Exec(statement string, args ...any) error {
	_, err := w.tx.ExecContext(w.ctx, statement, args...)
	return err
}
