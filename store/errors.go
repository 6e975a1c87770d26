package store

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	sqlitedriver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/steward-itsm/steward/itsm"
)

// The SQLSTATEs of PostgreSQL that mean something to us, from appendix A of its manual.
const (
	stateBadCharacters  = pqerror.Code("22021") // a NUL or broken UTF-8 in a text
	stateReadOnly       = pqerror.Code("25006") // a standby, after a failover
	stateSerialisation  = pqerror.Code("40001")
	stateDeadlock       = pqerror.Code("40P01")
	stateAdminShutdown  = pqerror.Code("57P01")
	stateCrashShutdown  = pqerror.Code("57P02")
	stateCannotConnect  = pqerror.Code("57P03")
	classConnection     = pqerror.Class("08")
	classConstraint     = pqerror.Class("23")
	classResources      = pqerror.Class("53")
	classSystem         = pqerror.Class("58")
	sqlitePrimaryResult = 0xff // the lower byte of an extended result code
)

// IsUnavailable reports whether err means that the database is away, full or
// too busy, so that the same call may succeed later.
func IsUnavailable(err error) bool {
	var fromPostgres *pq.Error
	if errors.As(err, &fromPostgres) {
		switch fromPostgres.Code {
		case stateReadOnly, stateAdminShutdown, stateCrashShutdown, stateCannotConnect:
			return true
		}
		class := fromPostgres.Code.Class()
		return class == classConnection || class == classResources || class == classSystem
	}
	var fromSQLite *sqlitedriver.Error
	if errors.As(err, &fromSQLite) {
		switch fromSQLite.Code() & sqlitePrimaryResult {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN:
			return true
		}
		return false
	}
	var network *net.OpError
	var errno syscall.Errno
	return errors.As(err, &network) || errors.As(err, &errno) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// errRace is what a transaction returns that found another in its way.
var errRace = errors.New("another transaction came in between")

// lostRace reports whether the transaction may be done anew at once.
func lostRace(err error) bool {
	var fromPostgres *pq.Error
	if errors.As(err, &fromPostgres) {
		return fromPostgres.Code == stateSerialisation || fromPostgres.Code == stateDeadlock
	}
	return errors.Is(err, errRace)
}

// violates reports whether err is a constraint or trigger that refused.
func violates(err error) bool {
	var fromPostgres *pq.Error
	if errors.As(err, &fromPostgres) {
		return fromPostgres.Code.Class() == classConstraint
	}
	var fromSQLite *sqlitedriver.Error
	return errors.As(err, &fromSQLite) && fromSQLite.Code()&sqlitePrimaryResult == sqlite3.SQLITE_CONSTRAINT
}

// translate gives the domain's error for text that no database could hold.
func translate(err error) error {
	var fromPostgres *pq.Error
	if errors.As(err, &fromPostgres) && fromPostgres.Code == stateBadCharacters {
		return itsm.Errorf(itsm.CodeInvalid, "a text has a NUL or is not UTF-8; leave such characters out")
	}
	return err
}

// missing gives itsm.CodeNotFound for "no rows", and any other error as it is.
func missing(err error, format string, args ...any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return itsm.Errorf(itsm.CodeNotFound, format, args...)
	}
	return err
}
