-- Whom to call back. caller_contacts says who counts as missed.
-- Parameters: first_day and last_day: by the clock of each account, both included.
CREATE OR REPLACE VIEW missed_callers
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `call_id` String COMMENT 'The call that was missed first',
    `caller` String COMMENT 'The calling number',
    `line` String COMMENT 'The number that was called; empty where nobody says',
    `queue` Nullable(String) COMMENT 'The queue or IVR that it waited in last; NULL without one',
    `extension` Nullable(String) COMMENT 'The extension that was rung first',
    `began_at` DateTime64(6, 'UTC') COMMENT 'When the call began',
    `local_day` Date COMMENT 'The day on which it began, by the clock of the account',
    `local_time` String COMMENT 'When it began, by that clock, as in 2026-03-29 03:00:00+02:00',
    `wait_seconds` Nullable(Float64) COMMENT 'How long the caller waited; NULL where nobody says',
    `called_back_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When the number was called next, within a day; NULL if it was not, or if the caller rang again and was answered before',
    `call_back_seconds` Nullable(Float64) COMMENT 'From the beginning of the missed call until then',
    `reached_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When the first call back began that was answered, within a day; NULL if none was',
    `rang_again_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When the caller rang again and was answered, within a day; NULL if not, or if called back before'
)
AS SELECT
    call.account AS account,
    call.call_id AS call_id,
    assumeNotNull(call.caller) AS caller,
    ifNull(call.line, '') AS line,
    call.queue AS queue,
    call.extension AS extension,
    call.began_at AS began_at,
    call.local_day AS local_day,
    call.local_time AS local_time,
    call.ring_seconds AS wait_seconds,
    contact.called_back_at AS called_back_at,
    (toUnixTimestamp64Micro(contact.called_back_at) - toUnixTimestamp64Micro(call.began_at)) / 1e6 AS call_back_seconds,
    contact.reached_at AS reached_at,
    contact.rang_again_at AS rang_again_at
FROM
(
    SELECT
        account,
        call_id,
        call_key,
        caller,
        line,
        queue,
        extension,
        began_at,
        local_day,
        local_time,
        ring_seconds
    FROM calls_local
    WHERE local_day BETWEEN {first_day:Date} AND {last_day:Date}
        AND day IN (SELECT day FROM call_days WHERE began_on BETWEEN toDate32({first_day:Date}) - 1 AND toDate32({last_day:Date}) + 1)
        AND direction = 'inbound' AND outcome NOT IN ('answered', '')
) AS call
INNER JOIN
(
    SELECT call_key, called_back_at, reached_at, rang_again_at
    FROM {caller_contacts} AS every_call
    WHERE is_missed
) AS contact
    ON contact.call_key = call.call_key
COMMENT 'Each caller whose call was missed, and when it was called back. Parameters: first_day, last_day';
