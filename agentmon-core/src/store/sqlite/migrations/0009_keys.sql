-- Version 9. Where events are by their keys and by the calls of tools that they belong to, in tables that are filled
-- behind the events: such identities lie anywhere, and an index that is kept with each event makes a page new for nearly
-- every one. Events of one call are joined by the row of the first of them (`call`), whose index grows at its end.

CREATE TABLE event_key (
    key INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT;

CREATE TABLE call_key (
    fact INTEGER PRIMARY KEY,
    call INTEGER NOT NULL
) STRICT;

INSERT INTO event_key (key, seq) SELECT key, seq FROM event ORDER BY key;
INSERT INTO call_key (fact, call)
SELECT call, min(seq) FROM event WHERE call IS NOT NULL GROUP BY call ORDER BY call;
INSERT INTO meta (key, value) SELECT 'event_keys', coalesce(max(seq), 0) FROM event;
INSERT INTO meta (key, value) SELECT 'call_keys', coalesce(max(seq), 0) FROM event;

CREATE TABLE event_now (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    key         INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    session     INTEGER NOT NULL,
    kind        INTEGER NOT NULL,
    status      INTEGER NOT NULL,
    tool        INTEGER,
    call        INTEGER,
    call_fact   INTEGER,
    model_call  INTEGER,
    duration_ms INTEGER,
    truncated   INTEGER NOT NULL,
    credit      INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO event_now (seq, key, at, session, kind, status, tool, call, call_fact, model_call, duration_ms, truncated,
                       credit)
SELECT event.seq, event.key, event.at, event.session, event.kind, event.status, event.tool, call_key.call, event.call,
       event.model_call, event.duration_ms, event.truncated, event.credit
FROM event LEFT JOIN call_key ON call_key.fact = event.call
ORDER BY event.seq;

-- Numbers of rows that are gone are not given out again.
DELETE FROM sqlite_sequence WHERE name = 'event_now';
INSERT INTO sqlite_sequence (name, seq) SELECT 'event_now', seq FROM sqlite_sequence WHERE name = 'event';

DROP TABLE event;
ALTER TABLE event_now RENAME TO event;

CREATE INDEX event_at ON event (at, seq);
CREATE INDEX event_session ON event (session, at, seq);
CREATE INDEX event_call ON event (call) WHERE call IS NOT NULL;
