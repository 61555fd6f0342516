-- service_level for people who may not see the numbers of your lines either: with its parameters.
CREATE OR REPLACE VIEW service_level_masked
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `line` String COMMENT 'The number that was called: a pseudonym, as callee in calls_masked; empty where nobody says',
    `offered` UInt64 COMMENT 'Inbound calls with an outcome',
    `answered_in_time` UInt64 COMMENT 'Of them: answered within the threshold',
    `answered_late` UInt64 COMMENT 'Of them: answered after it',
    `given_up_in_time` UInt64 COMMENT 'Of them: ended unanswered within the threshold',
    `given_up_late` UInt64 COMMENT 'Of them: ended unanswered after it',
    `unknown_wait` UInt64 COMMENT 'Calls that are left out: nobody says how long they waited',
    `of_offered_percent` Nullable(Float64) COMMENT 'answered_in_time, of offered; NULL without any',
    `without_short_percent` Nullable(Float64) COMMENT 'answered_in_time, of offered less given_up_in_time; NULL without any',
    `short_as_served_percent` Nullable(Float64) COMMENT 'answered_in_time and given_up_in_time, of offered; NULL without any'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS WITH
    -- as in calls_masked
    text -> lower(hex(substring(sipHash128Keyed((key0, key1), concat(known.account, '\0', text)), 1, 8))) AS keyed,
    number -> concat(keyed(number), '-', right(number, 2)) AS pseudonym
SELECT
    known.account AS account,
    if(known.line = '', '', pseudonym(known.line)) AS line,
    known.offered AS offered,
    known.answered_in_time AS answered_in_time,
    known.answered_late AS answered_late,
    known.given_up_in_time AS given_up_in_time,
    known.given_up_late AS given_up_late,
    known.unknown_wait AS unknown_wait,
    known.of_offered_percent AS of_offered_percent,
    known.without_short_percent AS without_short_percent,
    known.short_as_served_percent AS short_as_served_percent
FROM service_level(
    since = {since:DateTime64(6, 'UTC')}, until = {until:DateTime64(6, 'UTC')}, threshold = {threshold:Float64}
) AS known
CROSS JOIN
(
    -- a column, not a scalar: EXPLAIN would show the value of that. Without a key there are no rows
    SELECT key0, key1
    FROM pseudonym_keys
    ORDER BY created_at, key0, key1
    LIMIT 1
) AS secret
COMMENT 'service_level with pseudonyms of the lines that were called. Parameters: since, until, threshold (seconds)';
