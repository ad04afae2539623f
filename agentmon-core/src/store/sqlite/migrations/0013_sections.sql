-- Version 13. Identities by section: 262,144 rows of events are one. Within all rows the latest identities lie anywhere;
-- within the last section they lie close together, so that what is put away makes few pages new however much is stored.

CREATE TABLE event_key_now (
    section INTEGER NOT NULL,
    key     INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    PRIMARY KEY (section, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE call_key_now (
    section INTEGER NOT NULL,
    fact    INTEGER NOT NULL,
    call    INTEGER NOT NULL,
    PRIMARY KEY (section, fact)
) STRICT, WITHOUT ROWID;

INSERT INTO event_key_now (section, key, seq) SELECT seq >> 18, key, seq FROM event_key ORDER BY 1, 2;
INSERT INTO call_key_now (section, fact, call) SELECT call >> 18, fact, call FROM call_key ORDER BY 1, 2;
DROP TABLE event_key;
DROP TABLE call_key;
ALTER TABLE event_key_now RENAME TO event_key;
ALTER TABLE call_key_now RENAME TO call_key;

-- A model call that came with this event: [at, session, model, input, cache_read, cache_write_5m, cache_write_1h, output,
-- reasoning, cost, credit, source, mode, web_searches, reported] (JSON). It is put into its table behind; a row there is
-- the truth. The note tells up to which row of events all are there.
ALTER TABLE event ADD COLUMN usage TEXT;
INSERT INTO meta (key, value) SELECT 'told_calls', coalesce(max(seq), 0) FROM event;

-- Every model call, wherever it stands.
CREATE VIEW any_call (fact, at, session, model, input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, cost,
                      credit, source, mode, web_searches, reported) AS
SELECT fact, at, session, model, input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, cost,
       credit, source, mode, web_searches, reported
FROM call
UNION ALL
SELECT model_call, usage ->> 0, usage ->> 1, usage ->> 2, usage ->> 3, usage ->> 4, usage ->> 5, usage ->> 6, usage ->> 7,
       usage ->> 8, usage ->> 9, usage ->> 10, usage ->> 11, usage ->> 12, usage ->> 13, usage ->> 14
FROM event
WHERE usage IS NOT NULL
  AND seq > (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'told_calls')
  AND NOT EXISTS (SELECT 1 FROM call WHERE call.fact = event.model_call);
