-- +goose Up

-- The schedule of change: when each transition is, or was, planned. A slot that
-- is held no more stays, so that the calendar shows the past. "ends" is in the
-- indexes so that what is over is passed over without its row.
CREATE TABLE slots (
    process   TEXT COLLATE "C" PRIMARY KEY REFERENCES views (id),
    title     TEXT NOT NULL,
    service   TEXT COLLATE "C" NOT NULL,
    starts    BIGINT NOT NULL,
    ends      BIGINT NOT NULL CHECK (ends > starts),
    exclusive BOOLEAN NOT NULL,
    held      BOOLEAN NOT NULL,
    body      TEXT NOT NULL
);
CREATE INDEX slots_starts ON slots (starts, process, ends);
CREATE INDEX slots_service ON slots (service, starts, process, ends);

-- What the slots that are held touch: each one's own service, and those that it
-- depends on. What is closed is not here, so a look for conflicts never meets it.
CREATE TABLE slot_services (
    process TEXT COLLATE "C" NOT NULL REFERENCES slots (process),
    service TEXT COLLATE "C" NOT NULL,
    own     BOOLEAN NOT NULL,
    starts  BIGINT NOT NULL,
    ends    BIGINT NOT NULL,
    PRIMARY KEY (process, service)
);
CREATE INDEX slot_services_touched ON slot_services (service, own, starts, ends, process);

-- Evidence, named by the SHA-256 of its content.
CREATE TABLE files (
    digest      TEXT COLLATE "C" PRIMARY KEY CHECK (digest LIKE 'sha256:%'),
    name        TEXT NOT NULL,
    media       TEXT NOT NULL,
    size        BIGINT NOT NULL CHECK (size = length(content)),
    content     BYTEA NOT NULL,
    uploaded_by TEXT COLLATE "C" NOT NULL,
    uploaded_at BIGINT NOT NULL
);
CREATE TRIGGER files_append_only BEFORE UPDATE OR DELETE ON files FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER files_no_truncate BEFORE TRUNCATE ON files FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Secrets that all servers and workers share.
CREATE TABLE keys (
    name  TEXT COLLATE "C" PRIMARY KEY,
    value BYTEA NOT NULL CHECK (length(value) >= 32)
);

-- +goose Down
DROP TABLE keys;
DROP TABLE files;
DROP TABLE slot_services;
DROP TABLE slots;
