-- +goose Up

-- Where events are sent. "types" and "kinds" are lists in JSON; an empty one
-- means all. The secret is kept, because each delivery is signed with it. One
-- that is removed stays as a row, without secret, so that a late retry of its
-- making makes no other. "reached" is the cursor up to which the journal is
-- done; who has the lease works on it.
CREATE TABLE webhooks (
    id          TEXT COLLATE "C" PRIMARY KEY,
    url         TEXT NOT NULL,
    types       TEXT NOT NULL,
    kinds       TEXT NOT NULL,
    description TEXT NOT NULL,
    secret      TEXT NOT NULL,
    created     BIGINT NOT NULL,
    created_by  TEXT COLLATE "C" NOT NULL,
    removed     BIGINT,
    disabled    BIGINT,
    reached     TEXT COLLATE "C" NOT NULL,
    failures    INTEGER NOT NULL DEFAULT 0,
    not_before  BIGINT NOT NULL DEFAULT 0,
    lease       TEXT COLLATE "C" NOT NULL DEFAULT '',
    lease_until BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX webhooks_created ON webhooks (created, id) WHERE removed IS NULL;

-- What could not be delivered at once: what is tried again, and what no more.
CREATE TABLE deliveries (
    webhook  TEXT COLLATE "C" NOT NULL REFERENCES webhooks (id),
    process  TEXT COLLATE "C" NOT NULL,
    number   INTEGER NOT NULL,
    xact     BIGINT NOT NULL,
    position BIGINT NOT NULL,
    state    TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'dead')),
    attempts INTEGER NOT NULL,
    first_at BIGINT NOT NULL,
    next_at  BIGINT NOT NULL,
    fault    TEXT NOT NULL,
    PRIMARY KEY (webhook, process, number)
);
CREATE INDEX deliveries_order ON deliveries (webhook, xact, position);
CREATE INDEX deliveries_state ON deliveries (webhook, state, xact, position);
CREATE INDEX deliveries_due ON deliveries (webhook, next_at) WHERE state = 'pending';

-- +goose Down
DROP TABLE deliveries;
DROP TABLE webhooks;
