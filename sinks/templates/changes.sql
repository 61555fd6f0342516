-- Each version of a call compared with the one before it: sinks/changes.py fills in the $words.
SELECT
    account,
    call_id,
    revision,
    received_at,
    event_id,
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
        event_id,
        arrayJoin(arrayFilter(each -> each.2 != each.3, arrayZip(
            [$names],
            if(revision = 1, [$first], known_before),
            known
        ))) AS change
    FROM
    (
        SELECT
            account,
            call_id,
            revision,
            received_at,
            event_id,
            known,
            lagInFrame(known) OVER (
                PARTITION BY account, call_id ORDER BY received_at, event_id
                ROWS BETWEEN 1 PRECEDING AND CURRENT ROW
            ) AS known_before
        FROM
        (
            SELECT
                account,
                call_id,
                revision,
                received_at,
                event_id,
                [
$values
                ] AS known
            FROM
            (
$versions
            ) AS version
        )
    )
) AS compared
