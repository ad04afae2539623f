-- Version 4: records that forks copy. Never edited after release: add a migration instead.

-- Who holds an event that copies in other sessions are of: the lowest credit.
ALTER TABLE event ADD COLUMN credit INTEGER NOT NULL DEFAULT 0;
