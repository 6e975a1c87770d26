-- The same tables as for PostgreSQL. Times are microseconds since 1970 UTC.
-- Bodies are JSON kept as text: what was written comes back byte for byte.

-- +goose Up

-- One row a process. "recorded" is the number of its newest event in the
-- journal; body, line and snapshot are as they are after it. Lists read the
-- line, which is the body without its large parts.
CREATE TABLE views (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL CHECK (kind IN ('approval', 'transition', 'incident', 'improvement', 'problem', 'request')),
    state      TEXT NOT NULL CHECK (state IN ('open', 'blocked', 'closed')),
    outcome    TEXT NOT NULL,
    requester  TEXT NOT NULL,
    service    TEXT NOT NULL,
    opened     INTEGER NOT NULL,
    recorded   INTEGER NOT NULL CHECK (recorded >= 1),
    body       TEXT NOT NULL,
    line       TEXT NOT NULL,
    snapshot   TEXT NOT NULL,
    CONSTRAINT closed_has_outcome CHECK ((state = 'closed') = (outcome <> ''))
);
CREATE INDEX views_opened ON views (opened, id);
CREATE INDEX views_kind ON views (kind, opened, id);
CREATE INDEX views_state ON views (state, opened, id);
CREATE INDEX views_kind_state ON views (kind, state, opened, id);
CREATE INDEX views_requester ON views (requester, opened, id);
CREATE INDEX views_requester_state ON views (requester, state, opened, id);
CREATE INDEX views_service ON views (service, opened, id);
CREATE INDEX views_service_state ON views (service, state, opened, id);

-- +goose StatementBegin
CREATE TRIGGER views_only_forward BEFORE UPDATE ON views
WHEN NEW.recorded <= OLD.recorded
BEGIN
    SELECT RAISE(ABORT, 'a view never goes back');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER views_outcome_final BEFORE UPDATE ON views
WHEN OLD.state = 'closed' AND (NEW.state <> OLD.state OR NEW.outcome <> OLD.outcome)
BEGIN
    SELECT RAISE(ABORT, 'the outcome of a closed process never changes');
END;
-- +goose StatementEnd

-- One writer at a time: the order of positions is the order of commits.
CREATE TABLE journal (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    process  TEXT NOT NULL,
    number   INTEGER NOT NULL CHECK (number >= 1),
    at       INTEGER NOT NULL,
    type     TEXT NOT NULL CHECK (type <> ''),
    actor    TEXT NOT NULL,
    key      TEXT NOT NULL,
    body     TEXT NOT NULL,
    UNIQUE (process, number)
);
CREATE INDEX journal_key ON journal (process, key, number) WHERE key <> '';

-- +goose StatementBegin
CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal
BEGIN
    SELECT RAISE(ABORT, 'journal is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
BEGIN
    SELECT RAISE(ABORT, 'journal is append-only');
END;
-- +goose StatementEnd

-- What waits for whom, and whose vote it is ("seat"). "due" is the greatest integer where there is no deadline,
-- so that those items come last and the order has no NULLs.
CREATE TABLE inbox (
    process TEXT NOT NULL REFERENCES views (id),
    task    TEXT NOT NULL,
    person  TEXT NOT NULL,
    seat    TEXT NOT NULL,
    due     INTEGER NOT NULL,
    since   INTEGER NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (process, task, person)
);
CREATE INDEX inbox_seat ON inbox (seat, process, task);
CREATE INDEX inbox_person ON inbox (person, due, since, process, task);

CREATE TABLE counters (
    kind TEXT PRIMARY KEY,
    last INTEGER NOT NULL
);
INSERT INTO counters (kind, last)
VALUES ('approval', 0), ('transition', 0), ('incident', 0), ('improvement', 0), ('problem', 0), ('request', 0);

CREATE TABLE reservations (
    actor       TEXT NOT NULL,
    key         TEXT NOT NULL CHECK (key <> ''),
    fingerprint TEXT NOT NULL,
    process     TEXT NOT NULL UNIQUE,
    at          INTEGER NOT NULL,
    PRIMARY KEY (actor, key)
);

-- What was answered to commands that no process records: '' until all is done.
CREATE TABLE answers (
    actor       TEXT NOT NULL,
    key         TEXT NOT NULL CHECK (key <> ''),
    fingerprint TEXT NOT NULL,
    answer      TEXT NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (actor, key)
);

CREATE TABLE definition_versions (
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL,
    number     INTEGER NOT NULL CHECK (number >= 1),
    digest     TEXT NOT NULL,
    title      TEXT NOT NULL,
    owner      TEXT NOT NULL,
    spec       TEXT NOT NULL,
    text       TEXT NOT NULL,
    applied_at INTEGER NOT NULL,
    applied_by TEXT NOT NULL,
    PRIMARY KEY (kind, name, number)
);
CREATE INDEX definition_versions_digest ON definition_versions (kind, name, digest, number);
-- +goose StatementBegin
CREATE TRIGGER definition_versions_no_update BEFORE UPDATE ON definition_versions
BEGIN
    SELECT RAISE(ABORT, 'definition_versions is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER definition_versions_no_delete BEFORE DELETE ON definition_versions
BEGIN
    SELECT RAISE(ABORT, 'definition_versions is append-only');
END;
-- +goose StatementEnd

-- Which version is the current one.
CREATE TABLE definition_heads (
    kind   TEXT NOT NULL,
    name   TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (kind, name),
    FOREIGN KEY (kind, name, number) REFERENCES definition_versions (kind, name, number)
);

CREATE TABLE absences (
    person     TEXT NOT NULL,
    starts     INTEGER NOT NULL,
    ends       INTEGER NOT NULL CHECK (ends > starts),
    delegate   TEXT NOT NULL,
    entered_by TEXT NOT NULL,
    entered_at INTEGER NOT NULL,
    PRIMARY KEY (person, starts, ends, delegate)
);

-- "hash" is the SHA-256 of a secret that is stored nowhere.
CREATE TABLE tokens (
    id      TEXT PRIMARY KEY,
    hash    BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    subject TEXT NOT NULL,
    roles   TEXT NOT NULL,
    service TEXT NOT NULL,
    label   TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER,
    revoked INTEGER
);
CREATE INDEX tokens_created ON tokens (created, id);

-- +goose Down
DROP TABLE tokens;
DROP TABLE absences;
DROP TABLE definition_heads;
DROP TABLE definition_versions;
DROP TABLE answers;
DROP TABLE reservations;
DROP TABLE counters;
DROP TABLE inbox;
DROP TABLE journal;
DROP TABLE views;
