-- Whether callers had called before, and what answered a call that was missed: for missed_callers and caller_figures. A
-- number is compared in the form of ITU-T E.164 if its source's country is known, and else as written; callers whose
-- number holds no digit (anonymous) are left out. A day is 86,400 seconds. Ids and numbers are hashed: a million sort fast.
-- Parameters: first_day and last_day: by the clock of each account, both included.
CREATE OR REPLACE VIEW caller_contacts
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `call_key` UInt64 COMMENT 'An inbound call: sipHash64 of its call_id',
    `number_key` UInt64 COMMENT 'Its caller: a hash of the number',
    `began_at` DateTime64(6, 'UTC') COMMENT 'When it began',
    `is_repeat` Bool COMMENT 'Whether the caller had called within the day before, answered or not',
    `calls_again` Bool COMMENT 'Whether the caller called within the day after, answered or not',
    `is_missed` Bool COMMENT 'Whether it ended unanswered, and no call missed before and not yet answered counts for its caller',
    `called_back_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When the next outbound call to the number began, within a day; NULL if there was none, or the caller rang again and was answered before',
    `reached_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When the first of them began that was answered, within a day of the call; NULL if none was',
    `rang_again_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When the next inbound call of the number began that was answered, within a day; NULL if there was none, or it was called back before'
)
AS WITH
    toInt64(86400000000) AS a_day,
    next_out - began <= a_day AND next_out < next_again AS was_called_back,
    next_again - began <= a_day AND NOT was_called_back AS rang_again
SELECT
    account,
    call_key,
    number_key,
    fromUnixTimestamp64Micro(began, 'UTC') AS began_at,
    last_in > 0 AND began - last_in <= a_day AS is_repeat,
    next_in - began <= a_day AS calls_again,
    missed AND (last_missed <= last_contact OR began - last_missed > a_day) AS is_missed,
    if(was_called_back, fromUnixTimestamp64Micro(next_out, 'UTC'), NULL) AS called_back_at,
    if(was_called_back AND next_reached - began <= a_day, fromUnixTimestamp64Micro(next_reached, 'UTC'), NULL) AS reached_at,
    if(rang_again, fromUnixTimestamp64Micro(next_again, 'UTC'), NULL) AS rang_again_at
FROM
(
    WITH toInt64(4102444800000000) AS never -- the year 2100
    SELECT
        account,
        call_key,
        number_key,
        local_day,
        began,
        inbound,
        missed,
        -- Without any: 0 before, and `never` after. NULL would take twice as long.
        max(if(inbound, began, 0)) OVER earlier AS last_in,
        max(if(missed, began, 0)) OVER earlier AS last_missed,
        max(if(answered OR NOT inbound, began, 0)) OVER earlier AS last_contact,
        never - max(if(inbound, never - began, 0)) OVER later AS next_in,
        never - max(if(inbound, 0, never - began)) OVER later AS next_out,
        never - max(if(answered AND NOT inbound, never - began, 0)) OVER later AS next_reached,
        never - max(if(answered AND inbound, never - began, 0)) OVER later AS next_again
    FROM
    (
        SELECT
            call.account AS account,
            call.call_key AS call_key,
            sipHash64(call.account, if(place.e164 != '', place.e164, call.number)) AS number_key,
            call.local_day AS local_day,
            call.began AS began,
            call.inbound AS inbound,
            call.answered AS answered,
            call.inbound AND NOT call.answered AND NOT call.open AS missed
        FROM
        (
            SELECT
                account,
                source,
                sipHash64(call_id) AS call_key,
                ifNull(if(direction = 'inbound', caller, callee), '') AS number,
                local_day,
                toUnixTimestamp64Micro(began_at) AS began,
                ifNull(direction = 'inbound', false) AS inbound,
                outcome = 'answered' AS answered,
                outcome = '' AS open
            FROM calls_local
            WHERE direction IN ('inbound', 'outbound')
                AND local_day BETWEEN {first_day:Date} - 1 AND {last_day:Date} + 1
                AND day IN (SELECT day FROM call_days WHERE began_on BETWEEN {first_day:Date} - 2 AND {last_day:Date} + 2)
                AND match(number, '[0-9]')
        ) AS call
        LEFT JOIN
        (
            SELECT account, source, number, e164
            FROM number_places FINAL
            WHERE e164 != '' AND e164 != number
        ) AS place
            ON place.account = call.account AND place.source = call.source AND place.number = call.number
    ) AS of_numbers
    WINDOW
        earlier AS (PARTITION BY number_key ORDER BY began ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
        later AS (PARTITION BY number_key ORDER BY began DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
) AS told
WHERE inbound AND local_day BETWEEN {first_day:Date} AND {last_day:Date}
COMMENT 'Inbound calls by their caller: repeats, and what answered those that were missed. Parameters: first_day, last_day';
