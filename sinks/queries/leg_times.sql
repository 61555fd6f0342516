CREATE OR REPLACE VIEW leg_times
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `leg_id` String COMMENT 'As in call_legs',
    `call_id` String COMMENT 'As in call_legs',
    `extension` Nullable(String) COMMENT 'As in call_legs',
    `rang_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in call_legs',
    `answered_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in call_legs',
    `ended_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in call_legs'
)
AS SELECT
    account,
    leg_id,
    call_id,
    if(leg.extension.priority > 0, leg.extension.value, NULL) AS extension,
    rang_at,
    answered_at,
    ended_at
FROM
(
    -- Whole columns: FINAL merges a part of one by no function, and so wrongly (ClickHouse#61161).
    SELECT
        account,
        leg_id,
        call_id,
        extension,
        rang_at,
        answered_at,
        ended_at
    FROM stored_leg_times FINAL
) AS leg
COMMENT 'The columns of call_legs that the times of extensions are made of, quick to read for all legs at once';
