-- Whether callers had called before, and what answered a call that was missed: for missed_callers and caller_figures. A
-- number is compared in the form of ITU-T E.164 if its source's country is known, and else as written; callers whose
-- number holds no digit (anonymous) are left out. A day is 86,400 seconds. Ids and numbers are hashed: a million sort fast.
-- Parameters: first_day and last_day: by the clock of each account, both included.
CREATE OR REPLACE VIEW caller_contacts
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `call_key` UInt64 COMMENT 'An inbound call: a hash of account and call_id',
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
    next_again - began <= a_day AND NOT was_called_back AS rang_again,
    bitShiftRight(code, 4) AS began,
    bitTest(code, 2) AS missed
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
    -- All calls of a number, in order of time, as arrays: window functions take four times as long.
    WITH
        toInt64(4102444800000000) AS never, -- the year 2100
        -- Of each call the last of these times before it, or 0, and the next one after it, or `never`.
        times -> arrayPushFront(arrayPopBack(arrayFill(at -> at != 0, times)), toInt64(0)) AS last_before,
        times -> arrayPushBack(arrayPopFront(arrayReverseFill(at -> at != never, times)), never) AS next_after
    SELECT
        any(of_account) AS account,
        number_key,
        arraySort(groupArray(coded)) AS codes,
        arraySort((key, code) -> (code, key), groupArray(key_of_call), groupArray(coded)) AS keys,
        last_before(arrayMap(code -> if(bitTest(code, 0), bitShiftRight(code, 4), 0), codes)) AS lasts_in,
        last_before(arrayMap(code -> if(bitTest(code, 2), bitShiftRight(code, 4), 0), codes)) AS lasts_missed,
        last_before(arrayMap(code -> if(bitAnd(code, 3) != 1, bitShiftRight(code, 4), 0), codes)) AS lasts_contact,
        next_after(arrayMap(code -> if(bitTest(code, 0), bitShiftRight(code, 4), never), codes)) AS nexts_in,
        next_after(arrayMap(code -> if(bitTest(code, 0), never, bitShiftRight(code, 4)), codes)) AS nexts_out,
        next_after(arrayMap(code -> if(bitAnd(code, 3) = 2, bitShiftRight(code, 4), never), codes)) AS nexts_reached,
        next_after(arrayMap(code -> if(bitAnd(code, 3) = 3, bitShiftRight(code, 4), never), codes)) AS nexts_again
    FROM
    (
        SELECT
            call.account AS of_account,
            if(place.number_key = 0, call.party_key, place.number_key) AS number_key,
            call.call_key AS key_of_call,
            -- when it began, and below that a bit each: inbound, answered, missed, of the days that are asked for
            bitShiftLeft(toUnixTimestamp64Micro(call.began_at), 4)
                + call.inbound
                + 2 * (call.outcome = 'answered')
                + 4 * (call.inbound AND call.outcome NOT IN ('answered', ''))
                + 8 * (call.local_day BETWEEN {first_day:Date} AND {last_day:Date}) AS coded
        FROM
        (
            SELECT
                account,
                call_key,
                party_key,
                bitXor(party_key, sipHash64(source)) AS written_key,
                local_day,
                began_at,
                ifNull(direction = 'inbound', false) AS inbound,
                outcome
            FROM calls_local
            WHERE party_key != 0
                -- beside a day of 23 hours, 24 hours reach two days away
                AND local_day BETWEEN toDate32({first_day:Date}) - 2 AND toDate32({last_day:Date}) + 2
                AND day IN (SELECT day FROM call_days WHERE began_on BETWEEN toDate32({first_day:Date}) - 3 AND toDate32({last_day:Date}) + 3)
        ) AS call
        LEFT JOIN
        (
            SELECT bitXor(sipHash64(account, number), sipHash64(source)) AS written_key, sipHash64(account, e164) AS number_key
            FROM number_places FINAL
            WHERE e164 != '' AND e164 != number
        ) AS place
            ON place.written_key = call.written_key
    ) AS of_numbers
    GROUP BY number_key
) AS of_number
ARRAY JOIN
    codes AS code,
    keys AS call_key,
    lasts_in AS last_in,
    lasts_missed AS last_missed,
    lasts_contact AS last_contact,
    nexts_in AS next_in,
    nexts_out AS next_out,
    nexts_reached AS next_reached,
    nexts_again AS next_again
WHERE bitTest(code, 0) AND bitTest(code, 3)
COMMENT 'Inbound calls by their caller: repeats, and what answered those that were missed. Parameters: first_day, last_day';
