CREATE OR REPLACE VIEW call_legs
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `leg_id` String COMMENT 'The leg, as the provider wrote it',
    `call_id` String COMMENT 'The call it belongs to: its smallest leg id',
    `side` Nullable(String) COMMENT 'a: the side reached first; b: the one that the call was then put through to; NULL if no event says',
    `extension` Nullable(String) COMMENT 'Its extension',
    `rang_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it rang',
    `answered_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it answered',
    `ended_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it ended',
    `outcome` Nullable(String) COMMENT 'How it ended'
)
AS SELECT
    account,
    leg_id,
    call_id,
    side,
    if(leg.extension.priority > 0, leg.extension.value, NULL) AS extension,
    rang_at,
    answered_at,
    ended_at,
    if(leg.outcome.priority > 0, leg.outcome.value, NULL) AS outcome
FROM
(
    -- Whole columns: FINAL merges a part of one (`outcome.value`) by no function, and so wrongly
    -- (ClickHouse#61161).
    SELECT
        account,
        leg_id,
        call_id,
        side,
        extension,
        rang_at,
        answered_at,
        ended_at,
        outcome
    FROM stored_legs FINAL
) AS leg
COMMENT 'Every leg, once; all columns but the first three are NULL for a leg that is only named by others';
