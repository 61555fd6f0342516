CREATE OR REPLACE VIEW call_legs
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `day` Date COMMENT 'The day of its call',
    `leg_id` String COMMENT 'The leg; a UUID in small letters and bare',
    `call_id` String COMMENT 'The call it belongs to: its smallest leg id',
    `side` LowCardinality(Nullable(String)) COMMENT 'a: the side reached first; b: the one that the call was then put through to; NULL if no event says',
    `extension` LowCardinality(Nullable(String)) COMMENT 'Its extension',
    `rang_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it rang',
    `answered_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it answered',
    `ended_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it ended',
    `outcome` LowCardinality(Nullable(String)) COMMENT 'How it ended'
)
AS SELECT
    account,
    day,
    leg_id,
    call_id,
    side,
    extension,
    rang_at,
    answered_at,
    ended_at,
    outcome
FROM stored_legs FINAL
WHERE is_gone = 0
SETTINGS optimize_move_to_prewhere_if_final = 1 -- a condition on an id reads no other column of other calls
COMMENT 'Every leg, once; all columns but the first four are NULL for a leg that is only named by others';
