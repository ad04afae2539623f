-- Version 10. The calls that are what another agentmon summed up of a session: they go when the session's own calls come.

CREATE TABLE remote_cell (
    session INTEGER NOT NULL,
    fact    INTEGER NOT NULL,
    PRIMARY KEY (session, fact)
) STRICT, WITHOUT ROWID;
