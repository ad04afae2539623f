-- Version 9. Where events are by their keys, in a table that is filled behind the events: keys lie anywhere, and an index
-- that is kept with each event makes a page new for nearly every one.

CREATE TABLE event_key (
    key INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT;

INSERT INTO event_key (key, seq) SELECT key, seq FROM event ORDER BY key;
INSERT INTO meta (key, value) SELECT 'event_keys', coalesce(max(seq), 0) FROM event;

CREATE TABLE event_now (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    key         INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    session     INTEGER NOT NULL,
    kind        INTEGER NOT NULL,
    status      INTEGER NOT NULL,
    tool        INTEGER,
    call        INTEGER,
    model_call  INTEGER,
    duration_ms INTEGER,
    truncated   INTEGER NOT NULL,
    credit      INTEGER NOT NULL
) STRICT;

INSERT INTO event_now (seq, key, at, session, kind, status, tool, call, model_call, duration_ms, truncated, credit)
SELECT seq, key, at, session, kind, status, tool, call, model_call, duration_ms, truncated, credit FROM event ORDER BY seq;

-- Numbers of rows that are gone are not given out again.
DELETE FROM sqlite_sequence WHERE name = 'event_now';
INSERT INTO sqlite_sequence (name, seq) SELECT 'event_now', seq FROM sqlite_sequence WHERE name = 'event';

DROP TABLE event;
ALTER TABLE event_now RENAME TO event;

CREATE INDEX event_at ON event (at, seq);
CREATE INDEX event_session ON event (session, at, seq);
CREATE INDEX event_call ON event (call) WHERE call IS NOT NULL;
