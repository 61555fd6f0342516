CREATE OR REPLACE VIEW accounts
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `timezone` String COMMENT 'The IANA name of the time zone in which its days begin and end',
    `service_level_seconds` Float64 COMMENT 'Within how many seconds a call should be answered',
    `abandon_seconds` Float64 COMMENT 'A call given up within so many seconds is a short one'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER -- it shows no number: also for people who may see none
AS SELECT account, timezone, service_level_seconds, abandon_seconds
FROM stored_accounts FINAL
COMMENT 'Settings of accounts: callweave account set; an account without a row has UTC, 20 and 5';
