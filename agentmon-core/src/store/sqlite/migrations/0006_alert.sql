-- Version 6: what the user was told. Never edited after release: add a migration instead.

-- One row for each episode of what a rule wants told. `session` is `agent:id`: an alert outlives its session.
CREATE TABLE alert (
    id              INTEGER PRIMARY KEY,
    rule            TEXT    NOT NULL,
    kind            TEXT    NOT NULL,
    subject         TEXT    NOT NULL,
    session         TEXT,
    project         TEXT,
    title           TEXT    NOT NULL,
    message         TEXT    NOT NULL,
    detail          TEXT,
    since           INTEGER NOT NULL,
    raised_at       INTEGER NOT NULL,
    resolved_at     INTEGER,
    acknowledged_at INTEGER
) STRICT;

CREATE INDEX alert_subject ON alert (rule, subject, id);
CREATE INDEX alert_open ON alert (id) WHERE resolved_at IS NULL;

-- How each was told, or is to be. `due` is when to try next.
CREATE TABLE alert_delivery (
    alert    INTEGER NOT NULL REFERENCES alert (id),
    channel  TEXT    NOT NULL,
    state    TEXT    NOT NULL,
    attempts INTEGER NOT NULL,
    due      INTEGER NOT NULL,
    error    TEXT,
    at       INTEGER,
    PRIMARY KEY (alert, channel)
) STRICT, WITHOUT ROWID;

CREATE INDEX alert_delivery_due ON alert_delivery (due) WHERE state = 'pending';
