-- A leg without an end of its own ends with its call; while that is open it isn't counted. A call with nothing but a CDR
-- counts as one leg of the CDR's extension.
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
    assumeNotNull(leg.extension) AS extension,
    day,
    call_id,
    leg_id,
    assumeNotNull(began) AS began_at,
    answered_at,
    assumeNotNull(leg.ended_at) AS ended_at
FROM
(
    SELECT
        account,
        extension,
        day,
        call_id,
        leg_id,
        coalesce(if(rang_at < answered_at, rang_at, answered_at), rang_at, answered_at) AS began,
        answered_at,
        ended_at
    FROM call_legs
) AS leg
WHERE isNotNull(leg.extension) AND isNotNull(began) AND isNotNull(leg.ended_at)
UNION ALL
-- Few legs that began have no end: they are what the join looks calls up in.
SELECT
    call.account,
    assumeNotNull(leg.extension),
    call.day,
    call.call_id,
    leg.leg_id,
    assumeNotNull(leg.began),
    leg.answered_at,
    assumeNotNull(call.ended_at)
FROM (SELECT account, day, call_id, ended_at FROM calls) AS call
INNER JOIN
(
    SELECT
        account,
        extension,
        day,
        call_id,
        leg_id,
        coalesce(if(rang_at < answered_at, rang_at, answered_at), rang_at, answered_at) AS began,
        answered_at
    FROM call_legs
    WHERE isNull(ended_at) AND isNotNull(extension) AND (isNotNull(rang_at) OR isNotNull(answered_at))
) AS leg
ON leg.account = call.account AND leg.day = call.day AND leg.call_id = call.call_id
WHERE isNotNull(call.ended_at)
UNION ALL
SELECT
    account,
    assumeNotNull(cdr_extension),
    day,
    call_id,
    '',
    assumeNotNull(cdr_answered_at),
    cdr_answered_at,
    assumeNotNull(cdr_ended_at)
FROM calls
WHERE kinds = ['cdr'] AND isNotNull(cdr_extension) AND isNotNull(cdr_answered_at) AND isNotNull(cdr_ended_at)
SETTINGS additional_table_filters = {} -- a caller's filters would reach the tables below
COMMENT 'Each time that an extension was busy with one leg: what agents adds up'
