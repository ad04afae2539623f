-- Version 3: what telemetry knows by other names. Never edited after release: add a migration instead.

-- Other names of calls: telemetry knows a call by the request, a transcript by the message.
CREATE TABLE call_alias (
    alias INTEGER PRIMARY KEY,
    fact  INTEGER NOT NULL
) STRICT;

-- Sums that agents keep themselves, the last report of each series. `start` tells the runs of a series apart that each
-- count from zero; it is 0 where reports only hold what was added.
CREATE TABLE counter (
    series  INTEGER NOT NULL,
    start   INTEGER NOT NULL,
    session INTEGER NOT NULL,
    model   INTEGER NOT NULL,
    kind    INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    value   REAL    NOT NULL,
    PRIMARY KEY (series, start)
) STRICT, WITHOUT ROWID;

CREATE INDEX counter_session ON counter (session);
