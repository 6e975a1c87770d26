-- The same tables as for PostgreSQL.

-- +goose Up

-- What monitoring systems say: one row an alert, with the incident that it
-- belongs to, whose process may still have to be started. "severity" is the
-- rank of the worst that was said, "changes" counts what the incident's process
-- must be told, and "told" how far it was.
CREATE TABLE alerts (
    service  TEXT NOT NULL,
    key      TEXT NOT NULL CHECK (key <> ''),
    incident TEXT NOT NULL CHECK (incident <> ''),
    severity INTEGER NOT NULL,
    status   TEXT NOT NULL CHECK (status IN ('firing', 'acknowledged', 'resolved', 'unknown')),
    changes  INTEGER NOT NULL,
    told     INTEGER NOT NULL CHECK (told <= changes),
    repeats  INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (service, key)
);
CREATE INDEX alerts_incident ON alerts (incident, service, key);

-- Which incident is to be merged into which, so that no two are merged into each
-- other.
CREATE TABLE merges (
    incident TEXT PRIMARY KEY,
    target   TEXT NOT NULL
);

-- When work on a service is announced, so that nobody is paged for it. "ended"
-- is when that was called off before its end.
CREATE TABLE maintenances (
    id         TEXT PRIMARY KEY,
    service    TEXT NOT NULL,
    starts     INTEGER NOT NULL,
    ends       INTEGER NOT NULL CHECK (ends > starts),
    ended      INTEGER,
    reason     TEXT NOT NULL,
    entered_by TEXT NOT NULL,
    entered_at INTEGER NOT NULL
);
CREATE INDEX maintenances_ends ON maintenances (ends, id);
CREATE INDEX maintenances_service ON maintenances (service, ends, id);
INSERT INTO counters (kind, last) VALUES ('maintenance', 0);

-- A storm opens thousands of incidents on a service; its transitions are few,
-- and are asked for by each of them.
CREATE INDEX views_transitions ON views (service, opened, id) WHERE kind = 'transition' AND state <> 'closed';

-- +goose Down
DROP INDEX views_transitions;
DELETE FROM counters WHERE kind = 'maintenance';
DROP TABLE maintenances;
DROP TABLE merges;
DROP TABLE alerts;
