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
    toInt64(3600000000) AS an_hour,
    toInt64(1800000000) AS longest_idle,
    toInt64(9223372036854775807) AS unknown,
    told.1 AS hours,
    told.2 AS first_begin,
    told.3 AS last_end,
    told.4 AS busy,
    told.5 AS talk,
    told.6 AS idle_within
SELECT
    account,
    extension,
    toDateTime(hours * 3600, 'UTC') AS hour,
    talk / 1e6 AS talk_seconds,
    (busy - talk) / 1e6 AS ring_seconds,
    (
        idle_within
        + (first_begin - hours * an_hour) * (first_begin - end_before <= longest_idle)
        + (hours * an_hour + an_hour - last_end) * (begin_after - last_end <= longest_idle)
    ) / 1e6 AS idle_seconds,
    100 * (talk_seconds + ring_seconds) / (talk_seconds + ring_seconds + idle_seconds) AS occupancy_percent
FROM
(
    -- Each hour beside the one before and the one after it: a window function takes several times as long.
    SELECT
        account,
        extension,
        arraySort(groupArray((hours, first_begin, last_end, busy, talk, idle_within))) AS each_hour,
        arrayPushFront(arrayPopBack(each_hour.3), 0) AS ends_before,
        arrayPushBack(arrayPopFront(each_hour.2), unknown) AS begins_after
    FROM
    (
        WITH
            -- Once the nth of their ends has come, in order of time, nothing goes on until the next of their
            -- beginnings, if that is later.
            (ends, begins) -> arrayMap(
                (ended, began) -> greatest(began - ended, 0), arrayPopBack(ends), arrayPopFront(begins)
            ) AS gaps
        SELECT
            account,
            extension,
            hours,
            arraySort(groupArray(busy_begin)) AS busy_begins,
            arraySort(groupArray(talk_begin)) AS talk_begins,
            arraySort(groupArray(busy_end)) AS ends,
            busy_begins[1] AS first_begin,
            ends[-1] AS last_end,
            gaps(ends, busy_begins) AS still,
            last_end - first_begin - arraySum(still) AS busy,
            last_end - talk_begins[1] - arraySum(gaps(ends, talk_begins)) AS talk,
            arraySum(gap -> gap * (gap <= longest_idle), still) AS idle_within
        FROM
        (
            WITH
                -- a clock that ran backwards makes no negative time
                least(answered, ended) AS talk_from,
                least(began, talk_from) AS busy_from,
                hours * an_hour AS since,
                since + an_hour AS until
            SELECT
                account,
                extension,
                arrayJoin(range(intDiv(busy_from, an_hour), intDiv(ended, an_hour) + 1)) AS hours,
                greatest(busy_from, since) AS busy_begin,
                greatest(least(talk_from, until), since) AS talk_begin, -- of a leg that only rang: its end
                least(ended, until) AS busy_end
            FROM
            (
                SELECT account, leg.extension.value AS extension, began, answered_at AS answered, ended_at AS ended
                FROM
                (
                    -- Whole columns: FINAL merges a part of one by no function, and so wrongly (ClickHouse#61161).
                    SELECT account, extension, least(rang_at, answered_at) AS began, answered_at, ended_at
                    FROM stored_leg_times FINAL
                ) AS leg
                WHERE leg.extension.priority > 0 AND began != unknown AND ended_at != unknown
                UNION ALL
                -- Few legs that began have no end: they are what the join looks calls up in.
                SELECT
                    account,
                    leg.extension.value,
                    leg.began,
                    leg.answered_at,
                    toUnixTimestamp64Micro(assumeNotNull(call.ended_at))
                FROM (SELECT account, call_id, ended_at FROM call_facts) AS call
                INNER JOIN
                (
                    SELECT account, open_in, extension, began, answered_at
                    FROM
                    (
                        SELECT account, open_in, extension, least(rang_at, answered_at) AS began, answered_at
                        FROM stored_leg_times FINAL
                    ) AS open
                    WHERE open_in != '' AND open.extension.priority > 0 AND began != unknown
                ) AS leg
                ON leg.account = call.account AND leg.open_in = call.call_id
                WHERE isNotNull(call.ended_at)
                UNION ALL
                SELECT
                    account,
                    call.bill.extension,
                    call.bill.answered_at,
                    call.bill.answered_at,
                    call.bill.ended_at
                FROM (SELECT account, merged_into, bill FROM stored_facts FINAL) AS call
                WHERE call.bill.extension != ''
                    AND call.bill.answered_at != unknown
                    AND call.bill.ended_at != unknown
                    AND isNull(merged_into)
            ) AS spells
        ) AS spells_by_hour
        GROUP BY account, extension, hours
    ) AS hourly
    GROUP BY account, extension
) AS hours_in_order
ARRAY JOIN each_hour AS told, ends_before AS end_before, begins_after AS begin_after
WHERE talk_seconds + ring_seconds + idle_seconds > 0
COMMENT 'Talk, ring and idle time and occupancy of each extension by the hour; overlapping legs count once'
;
