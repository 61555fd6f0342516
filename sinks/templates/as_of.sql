-- Made of calls.sql by sinks/changes.py. A row that changed last before call_versions begin is in stored_calls still,
-- unless a later version has replaced it there: then the earliest version that is kept tells of the time before it.
CREATE OR REPLACE VIEW calls_as_of
(
$head
)
AS WITH versions AS
(
    SELECT *
    FROM call_versions
    WHERE $told
    UNION ALL
    SELECT *
    FROM stored_calls
    WHERE $told
)
SELECT
$names
FROM versions
WHERE (account, day, call_id, version) IN (
    SELECT
        account,
        day,
        call_id,
        if(
            max(visible_at <= {at:DateTime64(6, 'UTC')}),
            maxIf(version, visible_at <= {at:DateTime64(6, 'UTC')}),
            min(version)
        )
    FROM versions
    GROUP BY account, day, call_id
)
    AND is_gone = 0
LIMIT 1 BY account, day, call_id
COMMENT 'calls as they were at a time, each since its first receipt; of a call whose versions of that time are no longer kept, the earliest that is: SELECT * FROM calls_as_of(at = …)';
