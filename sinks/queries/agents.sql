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
AS SELECT
    account,
    extension,
    hour,
    talk_seconds,
    ring_seconds,
    idle_seconds,
    if(
        talk_seconds + ring_seconds + idle_seconds = 0,
        NULL,
        100 * (talk_seconds + ring_seconds) / (talk_seconds + ring_seconds + idle_seconds)
    ) AS occupancy_percent
FROM
(
    SELECT
        account,
        extension,
        toDateTime(hours * 3600, 'UTC') AS hour,
        sumIf(length, doing = 2) / 1e6 AS talk_seconds,
        sumIf(length, doing = 1) / 1e6 AS ring_seconds,
        sumIf(length, doing = 0) / 1e6 AS idle_seconds
    FROM
    (
        SELECT
            account,
            extension,
            piece.1 AS since,
            piece.2 AS until,
            piece.3 AS doing,
            arrayJoin(range(intDiv(since, 3600000000), intDiv(until - 1, 3600000000) + 1)) AS hours,
            -- what of the piece lies in the hour
            if(until < (hours + 1) * 3600000000, until, (hours + 1) * 3600000000)
                - if(since > hours * 3600000000, since, hours * 3600000000) AS length
        FROM
        (
            SELECT
                account,
                extension,
                -- a mark is a time (µs) by 4, and what happens: 0 busy ends, 1 busy begins, 2 talk ends, 3 talk begins
                arraySort(groupArrayArray(marks)) AS ordered,
                arrayMap(mark -> intDiv(mark, 4), ordered) AS times,
                arrayCumSum(mark -> [-1, 1, 0, 0][bitAnd(mark, 3) + 1], ordered) AS busy,
                arrayCumSum(mark -> [0, 0, -1, 1][bitAnd(mark, 3) + 1], ordered) AS talking,
                arrayJoin(arrayFilter(
                    piece -> piece.2 > piece.1 AND (piece.3 > 0 OR piece.2 - piece.1 <= 1800000000),
                    arrayMap(
                        (since, until, legs, answered) -> (since, until, multiIf(answered > 0, 2, legs > 0, 1, 0)),
                        arrayPopBack(times),
                        arrayPopFront(times),
                        arrayPopBack(busy),
                        arrayPopBack(talking)
                    )
                )) AS piece
            FROM
            (
                SELECT
                    account,
                    extension,
                    -- a clock that ran backwards makes no negative time
                    if(answered IS NOT NULL AND answered < ended, answered, ended) AS talk_from,
                    if(began < talk_from, began, talk_from) AS busy_from,
                    if(
                        talk_from < ended,
                        [busy_from * 4 + 1, talk_from * 4 + 3, ended * 4 + 2, ended * 4],
                        [busy_from * 4 + 1, ended * 4]
                    ) AS marks
                FROM
                (
                    SELECT
                        account,
                        assumeNotNull(leg.extension) AS extension,
                        toUnixTimestamp64Micro(assumeNotNull(coalesce(leg.rang_at, leg.answered_at))) AS began,
                        toUnixTimestamp64Micro(leg.answered_at) AS answered,
                        toUnixTimestamp64Micro(assumeNotNull(leg.ended_at)) AS ended
                    FROM leg_times AS leg
                    WHERE isNotNull(leg.extension) AND isNotNull(coalesce(leg.rang_at, leg.answered_at)) AND isNotNull(leg.ended_at)
                    UNION ALL
                    SELECT
                        account,
                        assumeNotNull(leg.extension),
                        toUnixTimestamp64Micro(assumeNotNull(coalesce(leg.rang_at, leg.answered_at))),
                        toUnixTimestamp64Micro(leg.answered_at),
                        toUnixTimestamp64Micro(assumeNotNull(call.ended_at))
                    FROM leg_times AS leg
                    INNER JOIN call_facts AS call ON call.account = leg.account AND call.call_id = leg.call_id
                    WHERE isNotNull(leg.extension) AND isNotNull(coalesce(leg.rang_at, leg.answered_at)) AND isNull(leg.ended_at)
                        AND isNotNull(call.ended_at)
                    UNION ALL
                    SELECT
                        account,
                        assumeNotNull(call.extension),
                        toUnixTimestamp64Micro(assumeNotNull(call.answered_at)),
                        toUnixTimestamp64Micro(call.answered_at),
                        toUnixTimestamp64Micro(assumeNotNull(call.ended_at))
                    FROM call_facts AS call
                    WHERE call.is_bill AND isNotNull(call.extension) AND isNotNull(call.answered_at) AND isNotNull(call.ended_at)
                ) AS spells
            ) AS marked
            GROUP BY account, extension
        ) AS pieces
    ) AS split
    GROUP BY account, extension, hour
) AS hourly
COMMENT 'Talk, ring and idle time and occupancy of each extension by the hour; overlapping legs count once';
