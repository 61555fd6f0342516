-- What was known once each event had come: sinks/changes.py fills in the $words.
WITH chosen AS
(
    SELECT account, call_id, arrayJoin(events) AS event_id
    FROM (SELECT account, call_id, events FROM call_records FINAL WHERE $chosen)
)
SELECT
    account,
    call_id,
    event_id,
    came_at AS received_at,
$fields,
    CAST((0, 0, ''), '$preference') AS closed
FROM
(
    SELECT
        account,
        call_id,
        event_id,
        came_at,
        JSONExtract(arrayJoin(contributions), 'Tuple(
$kinds)') AS said
    FROM chosen
    INNER JOIN
    (
        SELECT account, event_id, received_at AS came_at, contributions
        FROM stored_events FINAL
        PREWHERE (account, event_id) IN (SELECT account, event_id FROM chosen)
    ) AS event
    USING (account, event_id)
)
WINDOW so_far AS (PARTITION BY account, call_id ORDER BY came_at, event_id)
LIMIT 1 BY account, call_id, event_id
