-- Version 11. How long the events of a cell took: `12:1 1200:3` is once 12 ms and three times 1,200 ms, each time rounded
-- to two significant digits, the second one to steps of 1, 2 or 5. Only times of tools are kept so. Cells are counted anew from the events, which they are the sums of.

ALTER TABLE event_cell ADD COLUMN times TEXT;

DELETE FROM event_cell;

WITH used AS (
    SELECT call, max(tool) AS tool FROM event WHERE call IS NOT NULL AND tool IS NOT NULL GROUP BY call
), told AS (
    SELECT event.session, event.kind, coalesce(event.tool, used.tool, 0) AS tool,
           event.at - ((event.at % 900000) + 900000) % 900000 AS bucket, event.status = 1 AS failed,
           min(event.duration_ms, 1 << 40) AS took,
           CAST('1' || substr('0000000000000', 1, length(min(event.duration_ms, 1 << 40)) - 2) AS INTEGER) AS scale
    FROM event LEFT JOIN used ON event.tool IS NULL AND used.call = event.call
), stepped AS (
    SELECT *, scale * CASE WHEN took < 20 * scale THEN 1 WHEN took < 50 * scale THEN 2 ELSE 5 END AS step FROM told
), counted AS (
    SELECT session, kind, tool, bucket, (took + step / 2) / step * step AS rounded, count(*) AS events,
           sum(failed) AS errors, count(took) AS timed, coalesce(sum(took), 0) AS duration_ms
    FROM stepped GROUP BY 1, 2, 3, 4, 5
)
INSERT INTO event_cell (session, kind, tool, bucket, events, errors, timed, duration_ms, times)
SELECT session, kind, tool, bucket, sum(events), sum(errors), sum(timed), sum(duration_ms),
       group_concat(rounded || ':' || timed, ' ' ORDER BY rounded) FILTER (WHERE tool > 0)
FROM counted GROUP BY 1, 2, 3, 4;
