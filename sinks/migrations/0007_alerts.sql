-- What `callweave run watch` found wrong: a row when an alert is raised, and one more with each change of it.
CREATE TABLE IF NOT EXISTS stored_alerts
(
    `id` String COMMENT 'Which alert',
    `kind` LowCardinality(String) COMMENT 'silence, rejections, doubts, audit, freshness, lag or spool: docs/runbook.md says what to do',
    `account` LowCardinality(String) COMMENT 'The tenant, empty where it is about a stage',
    `source` LowCardinality(String) COMMENT 'The source or the stage that it is about',
    `text` String COMMENT 'What is wrong, in one sentence',
    `value` Float64 COMMENT 'What was measured when it was raised, in the unit that the sentence names',
    `allowed` Float64 COMMENT 'The most that would have been right',
    `raised_at` DateTime64(6, 'UTC') COMMENT 'When it was raised',
    `cleared_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it was over; NULL while it is not',
    `posted` UInt8 COMMENT 'How much of it the webhook has: 1 that it was raised, 2 that it was cleared',
    `updated_at` DateTime64(6, 'UTC') COMMENT 'When this row was written: the latest one holds'
)
ENGINE = ReplacingMergeTree(updated_at)
PARTITION BY toYYYYMM(raised_at)
ORDER BY (raised_at, id)
COMMENT 'Alerts, in parts still to be merged: read the view alerts';
