-- The hours are those of agents. In a zone that is not whole hours from UTC they begin at its half hours or quarters, and
-- one that midnight divides counts for the day in which it begins.
CREATE OR REPLACE VIEW agents_local
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `extension` String COMMENT 'The extension',
    `local_day` Date COMMENT 'The day in which the hour begins, by the clock of the account',
    `local_hour` String COMMENT 'The hour by that clock, as in 2026-03-29 03:00+02:00',
    `hour` DateTime('UTC') COMMENT 'The hour',
    `talk_seconds` Float64 COMMENT 'In how much of it some leg of the extension was answered',
    `ring_seconds` Float64 COMMENT 'In how much of it a leg rang, and none was answered',
    `idle_seconds` Float64 COMMENT 'In how much of it nothing rang, between two calls at most 30 minutes apart',
    `occupancy_percent` Nullable(Float64) COMMENT 'Talk and ring, of talk, ring and idle; NULL without any of them'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER -- it shows no number: also for people who may see none
AS WITH ifNull(clock.offset_seconds, 0) AS ahead
SELECT
    busy.account AS account,
    busy.extension AS extension,
    toDate(intDiv(busy.since + ahead, 86400)) AS local_day,
    concat(
        formatDateTime(toDateTime(busy.since + ahead, 'UTC'), '%F %R'),
        if(ahead < 0, '-', '+'),
        formatDateTime(toDateTime(abs(ahead), 'UTC'), '%R')
    ) AS local_hour,
    busy.hour AS hour,
    busy.talk_seconds AS talk_seconds,
    busy.ring_seconds AS ring_seconds,
    busy.idle_seconds AS idle_seconds,
    busy.occupancy_percent AS occupancy_percent
FROM
(
    SELECT
        account,
        extension,
        hour,
        toInt64(toUnixTimestamp(hour)) AS since,
        talk_seconds,
        ring_seconds,
        idle_seconds,
        occupancy_percent
    FROM agents
) AS busy
ASOF LEFT JOIN account_clocks AS clock ON clock.account = busy.account AND busy.since >= clock.since
COMMENT 'agents, with the day and the hour of the account''s own clock';
