-- What dashboards group calls by, as one key each: by one of type LowCardinality a million rows are grouped in a quarter
-- of the time that two take. The account comes first, and what a sender may write as it likes last.
-- sinks/grouped.py has the dashboards group by them.
ALTER TABLE stored_calls
    ADD COLUMN IF NOT EXISTS `direction_key` LowCardinality(String) MATERIALIZED
        concat(account, '\n', ifNull(direction, ''), '\n', source) COMMENT 'Account, direction and source, as one key',
    ADD COLUMN IF NOT EXISTS `hour_key` LowCardinality(String) MATERIALIZED
        concat(account, '\n', toString(toStartOfHour(toDateTime(began_at, 'UTC'))), '\n', ifNull(direction, ''))
        COMMENT 'Account, hour and direction, as one key',
    ADD COLUMN IF NOT EXISTS `extension_key` LowCardinality(String) MATERIALIZED
        concat(account, '\n', toString(toDate(began_at, 'UTC')), '\n', ifNull(extension, ''))
        COMMENT 'Account, day and extension, as one key',
    ADD COLUMN IF NOT EXISTS `campaign_key` LowCardinality(String) MATERIALIZED
        concat(account, '\n', toString(toDate(began_at, 'UTC')), '\n', ifNull(campaign, ''))
        COMMENT 'Account, day and campaign, as one key',
    ADD COLUMN IF NOT EXISTS `cause_key` LowCardinality(String) MATERIALIZED concat(
        account,
        '\n',
        toString(toDate(began_at, 'UTC')),
        '\n',
        ifNull(toString(hangup_cause), ''),
        '\n',
        ifNull(toString(hangup_direction), ''),
        '\n',
        outcome,
        '\n',
        dialect
    ) COMMENT 'Account, day, hangup_cause, hangup_direction, outcome and dialect, as one key',
    ADD COLUMN IF NOT EXISTS `line_key` LowCardinality(String) MATERIALIZED
        concat(account, '\n', if(direction = 'inbound', ifNull(callee, ''), ''))
        COMMENT 'Account and, of an inbound call, the called number, as one key',
    ADD COLUMN IF NOT EXISTS `gaps_key` LowCardinality(String) MATERIALIZED concat(
        account,
        '\n',
        toString(toStartOfHour(toDateTime(ifNull(started_at, assumeNotNull(first_received_at)), 'UTC'))),
        '\n',
        toString(gap_bits),
        '\n',
        source
    ) COMMENT 'Account, hour of the start, gap_bits and source, as one key',
    -- a condition on the account reads nobody else's calls; with FINAL too, since all rows of a call share it
    ADD INDEX IF NOT EXISTS by_account_of_key (
        substringIndex(direction_key, '\n', 1),
        substringIndex(hour_key, '\n', 1),
        substringIndex(extension_key, '\n', 1),
        substringIndex(campaign_key, '\n', 1),
        substringIndex(cause_key, '\n', 1),
        substringIndex(line_key, '\n', 1),
        substringIndex(gaps_key, '\n', 1)
    ) TYPE minmax GRANULARITY 1;

-- for the rows that are there already, in the background
ALTER TABLE stored_calls
    MATERIALIZE COLUMN direction_key,
    MATERIALIZE COLUMN hour_key,
    MATERIALIZE COLUMN extension_key,
    MATERIALIZE COLUMN campaign_key,
    MATERIALIZE COLUMN cause_key,
    MATERIALIZE COLUMN line_key,
    MATERIALIZE COLUMN gaps_key;

ALTER TABLE stored_calls MATERIALIZE INDEX by_account_of_key;
