-- Made of calls.sql by sinks/changes.py. A row that changed last before call_versions begin is in stored_calls still.
CREATE OR REPLACE VIEW calls_as_of
(
$head
)
AS WITH versions AS
(
    SELECT *
    FROM call_versions
    WHERE visible_at <= {at:DateTime64(6, 'UTC')}
    UNION ALL
    SELECT *
    FROM stored_calls
    WHERE visible_at <= {at:DateTime64(6, 'UTC')}
)
SELECT
$names
FROM versions
WHERE (account, day, call_id, version) IN (
    SELECT account, day, call_id, max(version)
    FROM versions
    GROUP BY account, day, call_id
)
    AND is_gone = 0
LIMIT 1 BY account, day, call_id
COMMENT 'calls as they were at a time: SELECT * FROM calls_as_of(at = …)';
