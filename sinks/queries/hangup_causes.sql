CREATE OR REPLACE VIEW hangup_causes
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `day` Date COMMENT 'The day, UTC, on which the calls began',
    `dialect` String COMMENT 'Whose codes these are: which provider document the payloads follow',
    `hangup_cause` Nullable(Int64) COMMENT 'The provider''s code; NULL without one',
    `hangup_direction` Nullable(Int64) COMMENT 'The provider''s code; NULL without one',
    `outcome` String COMMENT 'How the calls ended; empty while they are open',
    `calls` UInt64 COMMENT 'How many calls',
    `percent` Float64 COMMENT 'The same, of all calls of that account on that day',
    `average_talk_seconds` Nullable(Float64) COMMENT 'Talk time of these calls, on average; NULL where none says'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER -- it shows no number: also for people who may see none
AS SELECT
    account,
    toDate(call.began_at, 'UTC') AS day,
    call.dialect AS dialect,
    call.hangup_cause AS hangup_cause,
    call.hangup_direction AS hangup_direction,
    call.outcome AS outcome,
    count() AS calls,
    100 * calls / sum(calls) OVER (PARTITION BY account, day) AS percent,
    avg(call.talk_seconds) AS average_talk_seconds
FROM calls AS call
GROUP BY account, day, dialect, hangup_cause, hangup_direction, outcome
COMMENT 'Why calls ended, by day, as the provider''s codes say; no document explains them, so none is named';
