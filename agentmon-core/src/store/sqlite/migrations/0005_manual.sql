-- Version 5: agents that people keep by hand. Never edited after release: add a migration instead.

-- Times are milliseconds since 1970. Rows are written by clients of the dashboard API and nobody else.
CREATE TABLE manual_agent (
    id         TEXT    PRIMARY KEY,
    name       TEXT    NOT NULL,
    label      TEXT,
    model      TEXT    NOT NULL,
    task       TEXT,
    status     TEXT    NOT NULL,
    progress   INTEGER NOT NULL,
    start_time INTEGER,
    end_time   INTEGER,
    tokens_in  INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE manual_log (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    agent     TEXT    NOT NULL REFERENCES manual_agent (id) ON DELETE CASCADE,
    message   TEXT    NOT NULL,
    level     TEXT    NOT NULL,
    timestamp INTEGER NOT NULL
) STRICT;

CREATE INDEX manual_log_agent ON manual_log (agent, id);
