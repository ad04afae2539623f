-- Version 8: search's index is filled behind what is stored. Never edited after release: add a migration instead.

-- The last row whose text is in the index.
INSERT INTO meta (key, value) SELECT 'text_indexed', coalesce(max(seq), 0) FROM event_body;
