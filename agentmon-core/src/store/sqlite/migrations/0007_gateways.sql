-- Version 7: gateways, and what was said to agents through them. Never edited after release: add a migration instead.

-- Gateways that were added while running. Tokens and passwords are not here.
CREATE TABLE gateway (
    id       TEXT    PRIMARY KEY,
    name     TEXT    NOT NULL,
    url      TEXT    NOT NULL,
    enabled  INTEGER NOT NULL,
    added_at INTEGER NOT NULL
) STRICT;

-- How each gateway was doing when that last changed, also those of the configuration file.
CREATE TABLE gateway_status (
    gateway   TEXT    PRIMARY KEY,
    connected INTEGER NOT NULL,
    note      TEXT    NOT NULL,
    at        INTEGER NOT NULL
) STRICT;

-- How far the transcripts of a gateway's sessions were read: when the row was written that was last read behind.
CREATE TABLE gateway_progress (
    gateway TEXT    NOT NULL,
    session TEXT    NOT NULL,
    read_to INTEGER NOT NULL,
    PRIMARY KEY (gateway, session)
) STRICT, WITHOUT ROWID;

-- Conversations by gateway and session key: nothing crosses over.
CREATE TABLE chat (
    id          INTEGER PRIMARY KEY,
    gateway     TEXT    NOT NULL,
    session_key TEXT    NOT NULL,
    UNIQUE (gateway, session_key)
) STRICT;

-- What was said. `record` is the gateway's own name for the message, once that is known; `run` the run that it began
-- or ended; `state` 0 sent, 1 on its way, 2 failed, 3 aborted.
CREATE TABLE chat_message (
    seq    INTEGER PRIMARY KEY,
    chat   INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    role   INTEGER NOT NULL,
    text   TEXT    NOT NULL,
    run    TEXT,
    record TEXT,
    state  INTEGER NOT NULL,
    error  TEXT
) STRICT;

CREATE INDEX chat_message_order ON chat_message (chat, at, seq);
CREATE UNIQUE INDEX chat_message_record ON chat_message (chat, record) WHERE record IS NOT NULL;
