-- The same tables as for PostgreSQL.

-- +goose Up

-- The schedule of change: when each transition is, or was, planned. A slot that
-- is held no more stays, so that the calendar shows the past. "ends" is in the
-- indexes so that what is over is passed over without its row.
CREATE TABLE slots (
    process   TEXT PRIMARY KEY REFERENCES views (id),
    title     TEXT NOT NULL,
    service   TEXT NOT NULL,
    starts    INTEGER NOT NULL,
    ends      INTEGER NOT NULL CHECK (ends > starts),
    exclusive BOOLEAN NOT NULL,
    held      BOOLEAN NOT NULL,
    body      TEXT NOT NULL
);
CREATE INDEX slots_starts ON slots (starts, process, ends);
CREATE INDEX slots_service ON slots (service, starts, process, ends);

-- What the slots that are held touch: each one's own service, and those that it
-- depends on. What is closed is not here, so a look for conflicts never meets it.
CREATE TABLE slot_services (
    process TEXT NOT NULL REFERENCES slots (process),
    service TEXT NOT NULL,
    own     BOOLEAN NOT NULL,
    starts  INTEGER NOT NULL,
    ends    INTEGER NOT NULL,
    PRIMARY KEY (process, service)
);
CREATE INDEX slot_services_touched ON slot_services (service, own, starts, ends, process);

-- Evidence, named by the SHA-256 of its content.
CREATE TABLE files (
    digest      TEXT PRIMARY KEY CHECK (digest LIKE 'sha256:%'),
    name        TEXT NOT NULL,
    media       TEXT NOT NULL,
    size        INTEGER NOT NULL CHECK (size = length(content)),
    content     BLOB NOT NULL,
    uploaded_by TEXT NOT NULL,
    uploaded_at INTEGER NOT NULL
);
-- +goose StatementBegin
CREATE TRIGGER files_no_update BEFORE UPDATE ON files
BEGIN
    SELECT RAISE(ABORT, 'files is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER files_no_delete BEFORE DELETE ON files
BEGIN
    SELECT RAISE(ABORT, 'files is append-only');
END;
-- +goose StatementEnd

-- Secrets that all servers and workers share.
CREATE TABLE keys (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL CHECK (length(value) >= 32)
);

-- +goose Down
DROP TABLE keys;
DROP TABLE files;
DROP TABLE slot_services;
DROP TABLE slots;
