-- Who is on the phone in several legs at once is so once. Busy is from a leg's first sign to its end; the part of it in
-- which some leg of the extension was answered is talk, the rest is ring. Nobody tells of log-ons: idle is the time
-- between two busy spells that are at most 30 minutes apart, and a longer one is absence. Spells that cross an hour are
-- split there. A leg without an end of its own ends with its call; while that is open it isn't counted. A call that its
-- CDR alone tells of counts as one leg of the CDR's extension. Occupancy: the part of the time on duty in which an agent
-- is not waiting for a call (ICMI, "Occupancy").
CREATE OR REPLACE VIEW agents
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `extension` String COMMENT 'The extension',
    `hour` DateTime('UTC') COMMENT 'The hour',
    `talk_seconds` Float64 COMMENT 'In how much of it some leg of the extension was answered',
    `ring_seconds` Float64 COMMENT 'In how much of it a leg rang, and none was answered',
    `idle_seconds` Float64 COMMENT 'In how much of it nothing rang, between two calls at most 30 minutes apart',
    `occupancy_percent` Nullable(Float64) COMMENT 'Talk and ring, of talk, ring and idle; NULL without any of them'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER -- it shows no number: also for people who may see none
AS WITH
    -- as in call_facts: there stands why
    (condition, one, other) -> other + condition * (one - other) AS choose,
    hours * 3600000000 AS since_hour,
    since_hour + 3600000000 AS until_hour,
    (since, until) -> choose(until < until_hour, until, until_hour) - choose(since > since_hour, since, since_hour) AS within,
    arrayMap((since, until) -> within(since, until) * (within(since, until) > 0), starts, ends) AS lengths
SELECT
    account,
    extension,
    toDateTime(since_hour / 1000000, 'UTC') AS hour,
    arraySum((length, talks) -> length * (talks > 0), lengths, talking) / 1e6 AS talk_seconds,
    arraySum((length, legs, talks) -> length * (legs > 0) * (talks = 0), lengths, busy, talking) / 1e6 AS ring_seconds,
    arraySum(
        (length, legs, since, until) -> length * (legs = 0) * (until - since <= 1800000000), lengths, busy, starts, ends
    ) / 1e6 AS idle_seconds,
    100 * (talk_seconds + ring_seconds) / (talk_seconds + ring_seconds + idle_seconds) AS occupancy_percent
FROM
(
    SELECT
        account,
        extension,
        hours,
        -- a mark is a time (µs) by 4, and what happens: 0 busy ends, 1 busy begins, 2 talk ends, 3 talk begins
        arraySort(groupArrayArray(marks)) AS ordered,
        arrayMap(mark -> bitShiftRight(mark, 2), ordered) AS times,
        arrayPopBack(times) AS starts,
        arrayPopFront(times) AS ends,
        arrayPopBack(arrayCumSum(mark -> (bitAnd(mark, 3) = 1) - (bitAnd(mark, 3) = 0), ordered)) AS busy,
        arrayPopBack(arrayCumSum(mark -> (bitAnd(mark, 3) = 3) - (bitAnd(mark, 3) = 2), ordered)) AS talking
    FROM
    (
        WITH
            (condition, one, other) -> other + condition * (one - other) AS choose,
            toInt64(9223372036854775807) AS unknown,
            -- a clock that ran backwards makes no negative time
            choose(answered < ended, answered, ended) AS talk_from,
            choose(began < talk_from, began, talk_from) AS busy_from
        SELECT
            account,
            extension,
            if(
                talk_from < ended,
                [busy_from * 4 + 1, talk_from * 4 + 3, ended * 4 + 2, ended * 4],
                [busy_from * 4 + 1, ended * 4]
            ) AS marks,
            -- the hours in which it is busy, or may be the one end of an idle time
            arrayJoin(range(
                intDiv(busy_from - 1800000000, 3600000000), intDiv(ended + 1800000000, 3600000000) + 1
            )) AS hours
        FROM
        (
            SELECT account, toLowCardinality(leg.extension.value) AS extension, began, answered_at AS answered, ended_at AS ended
            FROM
            (
                -- Whole columns: FINAL merges a part of one by no function, and so wrongly (ClickHouse#61161).
                SELECT account, extension, if(rang_at != unknown, rang_at, answered_at) AS began, answered_at, ended_at
                FROM stored_leg_times FINAL
            ) AS leg
            WHERE leg.extension.priority > 0 AND began != unknown AND ended_at != unknown
            UNION ALL
            -- Few legs that began have no end: they are what the join looks calls up in.
            SELECT
                account,
                toLowCardinality(leg.extension.value),
                leg.began,
                leg.answered_at,
                toUnixTimestamp64Micro(assumeNotNull(call.ended_at))
            FROM (SELECT account, call_id, ended_at FROM call_facts) AS call
            INNER JOIN
            (
                SELECT account, call_id, extension, began, answered_at
                FROM
                (
                    SELECT account, call_id, extension, if(rang_at != unknown, rang_at, answered_at) AS began, answered_at, ended_at
                    FROM stored_leg_times FINAL
                ) AS open
                WHERE open.extension.priority > 0 AND began != unknown AND ended_at = unknown
            ) AS leg
            ON leg.account = call.account AND leg.call_id = call.call_id
            WHERE isNotNull(call.ended_at)
            UNION ALL
            SELECT
                account,
                toLowCardinality(assumeNotNull(call.extension)),
                toUnixTimestamp64Micro(assumeNotNull(call.answered_at)),
                toUnixTimestamp64Micro(assumeNotNull(call.answered_at)),
                toUnixTimestamp64Micro(assumeNotNull(call.ended_at))
            FROM call_facts AS call
            -- Each of these has a row that says so, and without FINAL little else is read.
            WHERE call_id IN
                (
                    SELECT call_id
                    FROM stored_facts
                    WHERE kinds_seen = 16 AND cdr_times.answered_at != unknown AND isNotNull(cdr_ways.extension)
                )
                AND call.is_bill AND isNotNull(call.extension) AND isNotNull(call.answered_at) AND isNotNull(call.ended_at)
        ) AS spells
    ) AS marked
    GROUP BY account, extension, hours
) AS hourly
WHERE talk_seconds + ring_seconds + idle_seconds > 0
COMMENT 'Talk, ring and idle time and occupancy of each extension by the hour; overlapping legs count once'
;
