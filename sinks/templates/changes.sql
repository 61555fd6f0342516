-- Made by sinks/changes.py.
CREATE OR REPLACE VIEW $name
(
$head
)
AS SELECT
    account,
    call_id,
    revision,
    received_at,
    visible_at,
    event_ids,
    change.1 AS field,
    nullIf(change.2, '') AS before,
    nullIf(change.3, '') AS after
FROM
(
    SELECT
        account,
        call_id,
        revision,
        received_at,
        visible_at,
        arraySort(arrayFilter(each -> NOT has(events_before, each), events)) AS event_ids,
        arrayJoin(arrayFilter(each -> each.2 != each.3, arrayZip(
            [$names],
            if(nth = 1, [$first], known_before),
            known
        ))) AS change
    FROM
    (
        SELECT
            account,
            call_id,
            revision,
            received_at,
            visible_at,
            events,
            known,
            first_received_at,
            row_number() OVER (PARTITION BY account, call_id ORDER BY version) AS nth,
            lagInFrame(known) OVER (
                PARTITION BY account, call_id ORDER BY version ROWS BETWEEN 1 PRECEDING AND CURRENT ROW
            ) AS known_before,
            lagInFrame(events) OVER (
                PARTITION BY account, call_id ORDER BY version ROWS BETWEEN 1 PRECEDING AND CURRENT ROW
            ) AS events_before
        FROM
        (
            SELECT
                account,
                call_id,
                version,
                revision,
                first_received_at,
                last_received_at AS received_at,
                visible_at,
                events,
                -- a row that came again, or came late, was never what people saw
                max(version) OVER (
                    PARTITION BY account, call_id ORDER BY visible_at, version
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ) AS seen,
                [
$values
                ] AS known
            FROM
            (
                SELECT *
                FROM call_versions
                WHERE is_gone = 0 AND $chosen
            ) AS version_of_call
        ) AS told
        WHERE version > seen
    ) AS in_order
    -- the first version of a call that is older than all versions that are kept came after others
    WHERE nth > 1 OR ifNull(first_received_at >= $kept_since, 1)
) AS compared
COMMENT '$comment';
