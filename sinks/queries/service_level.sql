-- Service level: which part of inbound calls was answered within a threshold. ICMI, "Service Level Calculations" (2002),
-- lists the rival definitions, which differ in what a caller is who gives up:
--   of_offered          answered in time, of all calls: who gives up, however soon, was served badly
--   without_short       answered in time, of all but those given up in time: these gave no chance to answer
--   short_as_served     answered or given up in time, of all calls: both ended within the threshold
-- A call is given up if it was offered and ended unanswered. Its wait is ring_seconds: behind a switch or a queue that
-- of the B legs. Parameters: since and until, UTC: calls that began from the one up to, but not at, the other.
-- threshold: seconds, as in 80 % within 20 seconds; a wait of exactly so long is in time.
CREATE OR REPLACE VIEW service_level
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `line` String COMMENT 'The number that was called; empty where nobody says',
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
AS SELECT
    account,
    ifNull(call.callee, '') AS line,
    countIf(isNotNull(call.ring_seconds)) AS offered,
    countIf(call.outcome = 'answered' AND call.ring_seconds <= {threshold:Float64}) AS answered_in_time,
    countIf(call.outcome = 'answered' AND call.ring_seconds > {threshold:Float64}) AS answered_late,
    countIf(call.outcome != 'answered' AND call.ring_seconds <= {threshold:Float64}) AS given_up_in_time,
    countIf(call.outcome != 'answered' AND call.ring_seconds > {threshold:Float64}) AS given_up_late,
    countIf(isNull(call.ring_seconds)) AS unknown_wait,
    if(offered = 0, NULL, 100 * answered_in_time / offered) AS of_offered_percent,
    if(offered = given_up_in_time, NULL, 100 * answered_in_time / (offered - given_up_in_time)) AS without_short_percent,
    if(offered = 0, NULL, 100 * (answered_in_time + given_up_in_time) / offered) AS short_as_served_percent
FROM calls AS call
WHERE call.began_at >= {since:DateTime64(6, 'UTC')} AND call.began_at < {until:DateTime64(6, 'UTC')}
    AND call.direction = 'inbound' AND call.outcome != ''
GROUP BY account, line
COMMENT 'Service level of inbound calls in its three rival definitions. Parameters: since, until, threshold (seconds)';
