-- +goose Up

-- What monitoring systems say: one row an alert, with the incident that it
-- belongs to, whose process may still have to be started. "severity" is the
-- rank of the worst that was said, "changes" counts what the incident's process
-- must be told, and "told" how far it was. A storm rewrites a row again and
-- again: half of each page is free, so that no index has to be written for it.
CREATE TABLE alerts (
    service  TEXT COLLATE "C" NOT NULL,
    key      TEXT COLLATE "C" NOT NULL CHECK (key <> ''),
    incident TEXT COLLATE "C" NOT NULL CHECK (incident <> ''),
    severity INTEGER NOT NULL,
    status   TEXT COLLATE "C" NOT NULL CHECK (status IN ('firing', 'acknowledged', 'resolved', 'unknown')),
    changes  INTEGER NOT NULL,
    told     INTEGER NOT NULL CHECK (told <= changes),
    repeats  BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at  BIGINT NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (service, key)
) WITH (fillfactor = 50);
CREATE INDEX alerts_incident ON alerts (incident, service, key);

-- Which incident is to be merged into which, so that no two are merged into each
-- other.
CREATE TABLE merges (
    incident TEXT COLLATE "C" PRIMARY KEY,
    target   TEXT COLLATE "C" NOT NULL
);

-- When work on a service is announced, so that nobody is paged for it. "ended"
-- is when that was called off before its end.
CREATE TABLE maintenances (
    id         TEXT COLLATE "C" PRIMARY KEY,
    service    TEXT COLLATE "C" NOT NULL,
    starts     BIGINT NOT NULL,
    ends       BIGINT NOT NULL CHECK (ends > starts),
    ended      BIGINT,
    reason     TEXT NOT NULL,
    entered_by TEXT COLLATE "C" NOT NULL,
    entered_at BIGINT NOT NULL
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
