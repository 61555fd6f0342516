-- An agent in several calls at once counts once. Busy is from a leg's first event to its end; the part of it in which a
-- leg of the extension was answered is talk, the rest is ring. Providers don't report log-ons: idle is the time between
-- two busy spells that are at most 30 minutes apart, and a longer gap is absence. Spells that cross an hour are split
-- there. Occupancy: the part of the time on duty in which an agent is not waiting for a call (ICMI, "Occupancy").
-- The view agent_spells has the legs behind each number.
CREATE OR REPLACE VIEW agents
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `extension` String COMMENT 'The extension',
    `hour` DateTime('UTC') COMMENT 'The hour',
    `talk_seconds` Float64 COMMENT 'Time of the hour in which a leg of the extension was answered',
    `ring_seconds` Float64 COMMENT 'Time of the hour in which a leg rang and none was answered',
    `idle_seconds` Float64 COMMENT 'Time of the hour without calls, between two calls at most 30 minutes apart',
    `occupancy_percent` Nullable(Float64) COMMENT 'Talk and ring as a percentage of talk, ring and idle; NULL without any of them'
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
        substringIndex(busy_key, '\n', 1) AS account,
        substring(busy_key, length(account) + 2) AS extension,
        arraySort(groupArray((hours, first_begin, last_end, busy_time, talk, idle_within))) AS each_hour,
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
            any(of_extension) AS busy_key,
            any(of_hours) AS hours,
            arraySort(groupArray(busy_from)) AS busy_begins,
            arraySort(groupArray(talk_from)) AS talk_begins,
            arraySort(groupArray(busy_to)) AS ends,
            hours * an_hour + busy_begins[1] AS first_begin,
            hours * an_hour + ends[-1] AS last_end,
            gaps(ends, busy_begins) AS still,
            last_end - first_begin - arraySum(still) AS busy_time,
            toInt64(ends[-1]) - talk_begins[1] - arraySum(gaps(ends, talk_begins)) AS talk,
            arraySum(gap -> gap * (gap <= longest_idle), still) AS idle_within
        FROM
        (
            -- within an hour, which half of the bytes hold
            WITH of_hours * an_hour AS since
            SELECT
                of_extension,
                arrayJoin(range(intDiv(busy_begin, an_hour), intDiv(busy_end, an_hour) + 1)) AS of_hours,
                toUInt32(greatest(busy_begin - since, 0)) AS busy_from,
                toUInt32(greatest(least(talk_begin - since, an_hour), 0)) AS talk_from, -- of a leg that only rang: its end
                toUInt32(least(busy_end - since, an_hour)) AS busy_to
            FROM
            (
                SELECT spell.busy AS of_extension, spell.busy_begin, spell.talk_begin, spell.busy_end
                FROM stored_legs AS spell FINAL
                WHERE spell.busy != ''
            ) AS spells
        ) AS spells_by_hour
        GROUP BY sipHash64(of_extension) + of_hours -- by one number: a third faster than by two columns
    ) AS hourly
    GROUP BY busy_key
) AS hours_in_order
ARRAY JOIN each_hour AS told, ends_before AS end_before, begins_after AS begin_after
WHERE talk_seconds + ring_seconds + idle_seconds > 0
COMMENT 'Talk, ring and idle time and occupancy of each extension by the hour; overlapping legs count once';
