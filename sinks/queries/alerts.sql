CREATE OR REPLACE VIEW alerts
(
    `raised_at` DateTime64(6, 'UTC') COMMENT 'When it was raised',
    `cleared_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it was over; NULL while it is not',
    `kind` LowCardinality(String) COMMENT 'silence, rejections, doubts, audit, freshness, lag or spool: docs/runbook.md says what to do',
    `account` LowCardinality(String) COMMENT 'The tenant, empty where it is about a stage',
    `source` LowCardinality(String) COMMENT 'The source or the stage that it is about',
    `text` String COMMENT 'What is wrong, in one sentence',
    `value` Float64 COMMENT 'What was measured when it was raised, in the unit that the sentence names',
    `allowed` Float64 COMMENT 'The most that would have been right',
    `id` String COMMENT 'Which alert'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER -- it shows no number: also for people who may see none
AS SELECT
    raised_at,
    cleared_at,
    kind,
    account,
    source,
    text,
    value,
    allowed,
    id
FROM stored_alerts FINAL
COMMENT 'What the watch found wrong, once each';
