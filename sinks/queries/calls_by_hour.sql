CREATE OR REPLACE VIEW calls_by_hour
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `hour` DateTime('UTC') COMMENT 'The hour in which the calls began or, if that is unknown, were requested or first reported',
    `direction` String COMMENT 'inbound or outbound; empty where nobody says',
    `calls` UInt64 COMMENT 'How many calls',
    `answered` UInt64 COMMENT 'Of them: answered',
    `unanswered` UInt64 COMMENT 'Of them: rung in vain',
    `busy` UInt64 COMMENT 'Of them: the called party was busy',
    `cancelled` UInt64 COMMENT 'Of them: given up by the caller',
    `congestion` UInt64 COMMENT 'Of them: no way through the network',
    `unavailable` UInt64 COMMENT 'Of them: the called party could not be reached',
    `without_outcome` UInt64 COMMENT 'Among them: still open, or with an unknown outcome',
    `requests` UInt64 COMMENT 'Among them: requests that have led to no call yet',
    `answered_percent` Nullable(Float64) COMMENT 'answered, of the calls with an outcome; NULL without any',
    `talk_seconds` Float64 COMMENT 'Talk time of all of them',
    `average_talk_seconds` Nullable(Float64) COMMENT 'Talk time of an answered call, on average; NULL without any that says',
    `average_ring_seconds` Nullable(Float64) COMMENT 'How long they rang, on average; NULL where none says'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER -- it shows no number: also for people who may see none
AS SELECT
    account,
    toStartOfHour(toDateTime(call.began_at, 'UTC')) AS hour,
    ifNull(call.direction, '') AS direction,
    count() AS calls,
    countIf(call.outcome = 'answered') AS answered,
    countIf(call.outcome = 'unanswered') AS unanswered,
    countIf(call.outcome = 'busy') AS busy,
    countIf(call.outcome = 'cancelled') AS cancelled,
    countIf(call.outcome = 'congestion') AS congestion,
    countIf(call.outcome = 'unavailable') AS unavailable,
    countIf(call.outcome = '') AS without_outcome,
    countIf(call.state = 'requested') AS requests,
    if(calls = without_outcome, NULL, 100 * answered / (calls - without_outcome)) AS answered_percent,
    ifNull(sum(call.talk_seconds), 0) AS talk_seconds,
    avgIf(call.talk_seconds, call.outcome = 'answered') AS average_talk_seconds,
    avg(call.ring_seconds) AS average_ring_seconds
FROM calls AS call
GROUP BY account, hour, direction
COMMENT 'How many calls ended how, by the hour in which they began; of every call once';
