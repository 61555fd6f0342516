-- What people told `callweave account set`: the row that was set last counts.
CREATE TABLE IF NOT EXISTS stored_accounts
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `timezone` String COMMENT 'The IANA name of the time zone in which its days begin and end',
    `service_level_seconds` Float64 COMMENT 'Within how many seconds a call should be answered',
    `abandon_seconds` Float64 COMMENT 'A call given up within so many seconds is a short one',
    `clock` Array(Tuple(since Int64, offset Int64)) COMMENT 'From when on (Unix time) its clocks are how many seconds ahead of UTC, in order',
    `set_at` DateTime64(6, 'UTC') COMMENT 'When it was set, by the clock of ClickHouse'
)
ENGINE = ReplacingMergeTree(set_at)
ORDER BY account
COMMENT 'Settings of accounts, in parts still to be merged: read the view accounts';

-- Calls are kept under the day on which they were first heard of, and are asked for by the day on which they began.
CREATE TABLE IF NOT EXISTS call_days
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `began_on` Date COMMENT 'A day, UTC, on which calls began',
    `day` Date COMMENT 'A day under which some of these calls are kept'
)
ENGINE = ReplacingMergeTree
ORDER BY (began_on, day, account)
COMMENT 'Under which days calls are kept that began on a day: so a question reads those days alone';

CREATE MATERIALIZED VIEW IF NOT EXISTS call_days_seen TO call_days
AS SELECT DISTINCT account, toDate(began_at, 'UTC') AS began_on, day
FROM stored_calls
WHERE is_gone = 0
COMMENT 'Puts the days of new rows of calls into call_days';
