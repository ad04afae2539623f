-- Version 1. Never edited after release: add a migration instead.
--
-- Keys are positions or identities that sort; text is stored once, in dimensions; bodies are apart from what lists
-- read; totals are kept by quarter of an hour, so that the days of every time zone add up exactly.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE model (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE tool (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE project (
    id   INTEGER PRIMARY KEY,
    root TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL
) STRICT;

-- `body` is the whole session as the state machine keeps it (JSON); the columns repeat what lists and filters need.
CREATE TABLE session (
    id               INTEGER PRIMARY KEY,
    agent            TEXT    NOT NULL,
    native_id        TEXT    NOT NULL,
    parent           INTEGER REFERENCES session (id),
    relation         TEXT,
    report_as        INTEGER NOT NULL,
    project          INTEGER REFERENCES project (id),
    worktree         TEXT,
    state            TEXT    NOT NULL,
    reason           TEXT,
    detail           TEXT,
    liveness         TEXT    NOT NULL,
    since            INTEGER NOT NULL,
    deadline         INTEGER,
    title            TEXT,
    branch           TEXT,
    cwd              TEXT,
    model            TEXT,
    version          TEXT,
    entrypoint       TEXT,
    role             TEXT,
    started_at       INTEGER,
    last_activity_at INTEGER,
    context_used     INTEGER,
    context_window   INTEGER,
    progress_done    INTEGER,
    progress_total   INTEGER,
    blocked_ms       INTEGER NOT NULL,
    pid              INTEGER,
    transcript       TEXT,
    reported         TEXT,
    body             TEXT    NOT NULL,
    -- In this order it also serves beginnings of ids.
    UNIQUE (native_id, agent)
) STRICT;

CREATE INDEX session_report_as ON session (report_as);
CREATE INDEX session_activity ON session (last_activity_at);
CREATE INDEX session_parent ON session (parent) WHERE parent IS NOT NULL;
CREATE INDEX session_deadline ON session (deadline) WHERE deadline IS NOT NULL;

-- One row for each real model call, by the identity that all sources agree on. `cost` is NULL where no price is known.
CREATE TABLE call (
    fact           INTEGER PRIMARY KEY,
    at             INTEGER NOT NULL,
    session        INTEGER NOT NULL,
    model          INTEGER NOT NULL,
    input          INTEGER NOT NULL,
    cache_read     INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    output         INTEGER NOT NULL,
    reasoning      INTEGER NOT NULL,
    cost           INTEGER,
    credit         INTEGER NOT NULL,
    source         INTEGER NOT NULL,
    mode           INTEGER NOT NULL DEFAULT 0,
    web_searches   INTEGER NOT NULL DEFAULT 0,
    reported       INTEGER
) STRICT;

CREATE TABLE rollup (
    bucket         INTEGER NOT NULL,
    session        INTEGER NOT NULL,
    model          INTEGER NOT NULL,
    requests       INTEGER NOT NULL,
    unpriced       INTEGER NOT NULL,
    input          INTEGER NOT NULL,
    cache_read     INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    output         INTEGER NOT NULL,
    reasoning      INTEGER NOT NULL,
    cost           INTEGER NOT NULL,
    first          INTEGER NOT NULL,
    last           INTEGER NOT NULL,
    PRIMARY KEY (bucket, session, model)
) STRICT, WITHOUT ROWID;

CREATE INDEX rollup_session ON rollup (session);

CREATE TABLE cursor (
    pass        INTEGER NOT NULL,
    path        TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    device      INTEGER NOT NULL,
    inode       INTEGER NOT NULL,
    size        INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    checksum    INTEGER NOT NULL,
    evidence    INTEGER NOT NULL,
    state       BLOB    NOT NULL,
    PRIMARY KEY (pass, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE problem (
    path      TEXT    NOT NULL,
    pass      INTEGER NOT NULL,
    kind      TEXT    NOT NULL,
    detail    TEXT    NOT NULL,
    format    TEXT    NOT NULL,
    position  INTEGER NOT NULL,
    count     INTEGER NOT NULL,
    PRIMARY KEY (path, pass, kind, detail)
) STRICT, WITHOUT ROWID;

CREATE TABLE quota (
    agent          TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    span           TEXT    NOT NULL,
    used_percent   REAL    NOT NULL,
    window_minutes INTEGER,
    resets_at      INTEGER,
    plan           TEXT,
    at             INTEGER NOT NULL,
    PRIMARY KEY (agent, name, span)
) STRICT, WITHOUT ROWID;

CREATE TABLE transition (
    id      INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES session (id),
    at      INTEGER NOT NULL,
    body    TEXT    NOT NULL
) STRICT;

CREATE INDEX transition_session ON transition (session, at);

CREATE TABLE event (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    key         INTEGER NOT NULL UNIQUE,
    at          INTEGER NOT NULL,
    session     INTEGER NOT NULL,
    kind        INTEGER NOT NULL,
    status      INTEGER NOT NULL,
    tool        INTEGER,
    call        INTEGER,
    model_call  INTEGER,
    duration_ms INTEGER,
    truncated   INTEGER NOT NULL
) STRICT;

CREATE INDEX event_at ON event (at, seq);
CREATE INDEX event_session ON event (session, at, seq);
CREATE INDEX event_call ON event (call) WHERE call IS NOT NULL;

CREATE TABLE event_body (
    seq  INTEGER PRIMARY KEY,
    text TEXT NOT NULL
) STRICT;

CREATE VIRTUAL TABLE event_fts USING fts5 (
    text,
    content = 'event_body',
    content_rowid = 'seq',
    tokenize = 'unicode61 remove_diacritics 2'
);

-- Words are gathered in memory before they are written: fewer, larger segments. 8 MiB instead of 1.
INSERT INTO event_fts (event_fts, rank) VALUES ('hashsize', 8388608);
