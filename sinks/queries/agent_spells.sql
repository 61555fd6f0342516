-- A leg without an end of its own ends with its call; while that is open it isn't counted. A call with nothing but a CDR
-- counts as one leg of the CDR's extension: that leg has none of its own.
CREATE OR REPLACE VIEW agent_spells
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `extension` String COMMENT 'The extension',
    `day` Date COMMENT 'The day of the call, as in calls',
    `call_id` String COMMENT 'The call',
    `leg_id` String COMMENT 'The leg; empty for a call with nothing but a CDR',
    `began_at` DateTime64(6, 'UTC') COMMENT 'When it rang, or was answered, whichever came first',
    `answered_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it was answered; NULL if it only rang',
    `ended_at` DateTime64(6, 'UTC') COMMENT 'When it ended'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER -- it shows no number: also for people who may see none
AS SELECT
    account,
    assumeNotNull(if(isNull(leg.extension), leg.cdr_extension, leg.extension)) AS extension,
    day,
    call_id,
    if(isNull(leg.extension), '', leg.leg_id) AS leg_id,
    assumeNotNull(multiIf(
        isNull(leg.extension), leg.cdr_answered_at,
        leg.rang_at < leg.answered_at, leg.rang_at,
        coalesce(leg.answered_at, leg.rang_at)
    )) AS began_at,
    if(isNull(leg.extension), leg.cdr_answered_at, leg.answered_at) AS answered_at,
    assumeNotNull(leg.busy_until) AS ended_at
FROM
(
    SELECT
        account,
        extension,
        day,
        call_id,
        leg_id,
        rang_at,
        answered_at,
        cdr_extension,
        cdr_answered_at,
        busy_until
    FROM stored_legs FINAL
    WHERE is_gone = 0
) AS leg
WHERE isNotNull(leg.busy_until)
COMMENT 'Each time that an extension was busy with one leg: what agents adds up'
