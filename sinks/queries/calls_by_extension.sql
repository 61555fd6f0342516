CREATE OR REPLACE VIEW calls_by_extension
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `day` Date COMMENT 'The day, UTC, on which the calls began',
    `extension` String COMMENT 'The extension that answered, or that was rung first',
    `calls` UInt64 COMMENT 'How many calls',
    `answered` UInt64 COMMENT 'Of them: answered',
    `unanswered` UInt64 COMMENT 'Of them: rung in vain',
    `busy` UInt64 COMMENT 'Of them: the called party was busy',
    `cancelled` UInt64 COMMENT 'Of them: given up by the caller',
    `congestion` UInt64 COMMENT 'Of them: no way through the network',
    `unavailable` UInt64 COMMENT 'Of them: the called party could not be reached',
    `without_outcome` UInt64 COMMENT 'Among them: still open, or with an unknown outcome',
    `inbound` UInt64 COMMENT 'Of the calls: inbound ones',
    `outbound` UInt64 COMMENT 'Of the calls: outbound ones',
    `answered_percent` Nullable(Float64) COMMENT 'answered, of the calls with an outcome; NULL without any',
    `talk_seconds` Float64 COMMENT 'Talk time of all of them',
    `average_talk_seconds` Nullable(Float64) COMMENT 'Talk time of an answered call, on average; NULL without any that says',
    `average_ring_seconds` Nullable(Float64) COMMENT 'How long they rang, on average; NULL where none says'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER -- it shows no number: also for people who may see none
AS SELECT
    account,
    toDate(call.began_at, 'UTC') AS day,
    assumeNotNull(call.extension) AS extension,
    count() AS calls,
    countIf(call.outcome = 'answered') AS answered,
    countIf(call.outcome = 'unanswered') AS unanswered,
    countIf(call.outcome = 'busy') AS busy,
    countIf(call.outcome = 'cancelled') AS cancelled,
    countIf(call.outcome = 'congestion') AS congestion,
    countIf(call.outcome = 'unavailable') AS unavailable,
    countIf(call.outcome = '') AS without_outcome,
    countIf(call.direction = 'inbound') AS inbound,
    countIf(call.direction = 'outbound') AS outbound,
    if(calls = without_outcome, NULL, 100 * answered / (calls - without_outcome)) AS answered_percent,
    ifNull(sum(call.talk_seconds), 0) AS talk_seconds,
    avgIf(call.talk_seconds, call.outcome = 'answered') AS average_talk_seconds,
    avg(call.ring_seconds) AS average_ring_seconds
FROM calls AS call
WHERE isNotNull(call.extension)
GROUP BY account, day, extension
COMMENT 'What each extension had to do, by day: a call counts for the extension that answered it, or that was rung first';
