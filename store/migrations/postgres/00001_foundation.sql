-- Times are microseconds since 1970 UTC. Names and IDs use the collation "C",
-- so that they sort here as they do in SQLite. Bodies are JSON kept as text:
-- what was written comes back byte for byte.

-- +goose Up

-- One row a process. "recorded" is the number of its newest event in the
-- journal; body, line and snapshot are as they are after it. Lists read the
-- line, which is the body without its large parts.
CREATE TABLE views (
    id         TEXT COLLATE "C" PRIMARY KEY,
    kind       TEXT COLLATE "C" NOT NULL CHECK (kind IN ('approval', 'transition', 'incident', 'improvement', 'problem', 'request')),
    state      TEXT COLLATE "C" NOT NULL CHECK (state IN ('open', 'blocked', 'closed')),
    outcome    TEXT COLLATE "C" NOT NULL,
    requester  TEXT COLLATE "C" NOT NULL,
    service    TEXT COLLATE "C" NOT NULL,
    opened     BIGINT NOT NULL,
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
CREATE FUNCTION views_only_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.recorded <= OLD.recorded THEN
        RAISE EXCEPTION 'a view never goes back' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state = 'closed' AND (NEW.state <> OLD.state OR NEW.outcome <> OLD.outcome) THEN
        RAISE EXCEPTION 'the outcome of a closed process never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER views_only_forward BEFORE UPDATE ON views FOR EACH ROW EXECUTE FUNCTION views_only_forward();

-- The order of a stream over the journal is (xact, position), not position
-- alone: a sequence hands out numbers before the commit, so a reader that went
-- by position could pass over a row that commits late. A reader takes only rows
-- with xact < pg_snapshot_xmin(pg_current_snapshot()): whatever commits later
-- has a greater xact, so nothing is ever passed over, and writers need no common
-- lock. The price: one long writing transaction, in any database of the server,
-- holds the stream back, and after
-- a logical restore into a younger cluster xact starts anew (a physical copy and
-- pg_upgrade keep it).
--
-- To partition by month, the primary key becomes (process, number, at). That a
-- number is there only once then still follows from views.recorded, which every
-- writer moves under the row's lock.
CREATE TABLE journal (
    position BIGINT GENERATED ALWAYS AS IDENTITY,
    xact     BIGINT NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    process  TEXT COLLATE "C" NOT NULL,
    number   INTEGER NOT NULL CHECK (number >= 1),
    at       BIGINT NOT NULL,
    type     TEXT COLLATE "C" NOT NULL CHECK (type <> ''),
    actor    TEXT COLLATE "C" NOT NULL,
    key      TEXT COLLATE "C" NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (process, number)
);
CREATE INDEX journal_stream ON journal (xact, position);
CREATE INDEX journal_key ON journal (process, key, number) WHERE key <> '';

-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
-- +goose StatementEnd
CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE ON journal FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER journal_no_truncate BEFORE TRUNCATE ON journal FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What waits for whom, and whose vote it is ("seat"). "due" is the greatest BIGINT where there is no deadline,
-- so that those items come last and the order has no NULLs.
CREATE TABLE inbox (
    process TEXT COLLATE "C" NOT NULL REFERENCES views (id),
    task    TEXT COLLATE "C" NOT NULL,
    person  TEXT COLLATE "C" NOT NULL,
    seat    TEXT COLLATE "C" NOT NULL,
    due     BIGINT NOT NULL,
    since   BIGINT NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (process, task, person)
);
CREATE INDEX inbox_seat ON inbox (seat, process, task);
CREATE INDEX inbox_person ON inbox (person, due, since, process, task);

CREATE TABLE counters (
    kind TEXT COLLATE "C" PRIMARY KEY,
    last BIGINT NOT NULL
);
INSERT INTO counters (kind, last)
VALUES ('approval', 0), ('transition', 0), ('incident', 0), ('improvement', 0), ('problem', 0), ('request', 0);

CREATE TABLE reservations (
    actor       TEXT COLLATE "C" NOT NULL,
    key         TEXT COLLATE "C" NOT NULL CHECK (key <> ''),
    fingerprint TEXT COLLATE "C" NOT NULL,
    process     TEXT COLLATE "C" NOT NULL UNIQUE,
    at          BIGINT NOT NULL,
    PRIMARY KEY (actor, key)
);

-- What was answered to commands that no process records: '' until all is done.
CREATE TABLE answers (
    actor       TEXT COLLATE "C" NOT NULL,
    key         TEXT COLLATE "C" NOT NULL CHECK (key <> ''),
    fingerprint TEXT COLLATE "C" NOT NULL,
    answer      TEXT NOT NULL,
    at          BIGINT NOT NULL,
    PRIMARY KEY (actor, key)
);

CREATE TABLE definition_versions (
    kind       TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    number     INTEGER NOT NULL CHECK (number >= 1),
    digest     TEXT COLLATE "C" NOT NULL,
    title      TEXT NOT NULL,
    owner      TEXT COLLATE "C" NOT NULL,
    spec       TEXT NOT NULL,
    text       TEXT NOT NULL,
    applied_at BIGINT NOT NULL,
    applied_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, name, number)
);
CREATE INDEX definition_versions_digest ON definition_versions (kind, name, digest, number);
CREATE TRIGGER definition_versions_immutable BEFORE UPDATE OR DELETE ON definition_versions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER definition_versions_no_truncate BEFORE TRUNCATE ON definition_versions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Which version is the current one.
CREATE TABLE definition_heads (
    kind   TEXT COLLATE "C" NOT NULL,
    name   TEXT COLLATE "C" NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (kind, name),
    FOREIGN KEY (kind, name, number) REFERENCES definition_versions (kind, name, number)
);

CREATE TABLE absences (
    person     TEXT COLLATE "C" NOT NULL,
    starts     BIGINT NOT NULL,
    ends       BIGINT NOT NULL CHECK (ends > starts),
    delegate   TEXT COLLATE "C" NOT NULL,
    entered_by TEXT COLLATE "C" NOT NULL,
    entered_at BIGINT NOT NULL,
    PRIMARY KEY (person, starts, ends, delegate)
);

-- "hash" is the SHA-256 of a secret that is stored nowhere.
CREATE TABLE tokens (
    id      TEXT COLLATE "C" PRIMARY KEY,
    hash    BYTEA NOT NULL UNIQUE CHECK (length(hash) = 32),
    subject TEXT COLLATE "C" NOT NULL,
    roles   TEXT NOT NULL,
    service TEXT COLLATE "C" NOT NULL,
    label   TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT,
    revoked BIGINT
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
DROP FUNCTION refuse_change();
DROP FUNCTION views_only_forward();
