-- Version 12. The machine on which a session runs, where that is known. SQL does not know what this machine is called: the
-- sessions that are there already are settled by the program.

ALTER TABLE session ADD COLUMN host TEXT;

INSERT INTO meta (key, value) SELECT 'hosts_due', '' WHERE EXISTS (SELECT 1 FROM session);
