CREATE OR REPLACE VIEW account_clocks
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `timezone` String COMMENT 'The IANA name of its time zone',
    `service_level_seconds` Float64 COMMENT 'As in accounts',
    `abandon_seconds` Float64 COMMENT 'As in accounts',
    `since` Int64 COMMENT 'From when on (Unix time) its clocks were so',
    `until` Int64 COMMENT 'Until when: then they were changed; the greatest number there is, of the last row',
    `offset_seconds` Int64 COMMENT 'How many seconds they were ahead of UTC'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER -- it shows no number: also for people who may see none
AS SELECT
    account,
    timezone,
    service_level_seconds,
    abandon_seconds,
    piece.1 AS since,
    piece.2 AS until,
    piece.3 AS offset_seconds
FROM
(
    SELECT
        account,
        timezone,
        service_level_seconds,
        abandon_seconds,
        arrayJoin(arrayZip(
            clock.since, arrayPushBack(arrayPopFront(clock.since), toInt64(9223372036854775807)), clock.offset
        )) AS piece
    FROM stored_accounts FINAL
) AS told
COMMENT 'From when until when the clocks of an account were how far from UTC: for joins by time';
