-- Version 2: events that clients post, and totals of events. Never edited after release: add a migration instead.

-- Words that posted events repeat.
CREATE TABLE label (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- Who sends events (`api`, `hook`, ...).
CREATE TABLE sender (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- What only the events API knows of an event; `seq` is the event's. An event's `at` is when it was received.
CREATE TABLE posted (
    seq               INTEGER PRIMARY KEY,
    event_id          TEXT,
    client_at         INTEGER,
    sender            INTEGER NOT NULL,
    branch            INTEGER,
    project           INTEGER,
    model             INTEGER,
    metadata          TEXT    NOT NULL,
    payload_truncated INTEGER NOT NULL
) STRICT;

-- The sessions that events were posted for, by that contract's own clock.
CREATE TABLE posted_session (
    session       INTEGER PRIMARY KEY,
    last_at       INTEGER NOT NULL,
    ended_at      INTEGER,
    lines_added   INTEGER NOT NULL,
    lines_removed INTEGER NOT NULL
) STRICT;

-- The files that a session was told to have edited, by a hash of their path.
CREATE TABLE posted_file (
    session INTEGER NOT NULL,
    file    INTEGER NOT NULL,
    PRIMARY KEY (session, file)
) STRICT, WITHOUT ROWID;

-- Totals of events by quarter of an hour. `tool` is 0 where there is none; a tool's result counts for its tool.
CREATE TABLE event_cell (
    session     INTEGER NOT NULL,
    kind        INTEGER NOT NULL,
    tool        INTEGER NOT NULL,
    bucket      INTEGER NOT NULL,
    events      INTEGER NOT NULL,
    errors      INTEGER NOT NULL,
    timed       INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    PRIMARY KEY (session, kind, tool, bucket)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_cell_bucket ON event_cell (bucket);

INSERT INTO event_cell (session, kind, tool, bucket, events, errors, timed, duration_ms)
SELECT event.session, event.kind, coalesce(event.tool, used.tool, 0),
       event.at - ((event.at % 900000) + 900000) % 900000,
       count(*), sum(event.status = 1), count(event.duration_ms), coalesce(sum(event.duration_ms), 0)
FROM event
LEFT JOIN (SELECT call, max(tool) AS tool FROM event WHERE call IS NOT NULL AND tool IS NOT NULL GROUP BY call) AS used
    ON event.tool IS NULL AND used.call = event.call
GROUP BY 1, 2, 3, 4;
