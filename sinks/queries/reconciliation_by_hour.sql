CREATE OR REPLACE VIEW reconciliation_by_hour
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `source` String COMMENT 'The configured sender',
    `hour` DateTime('UTC') COMMENT 'The hour in which the calls began or, if that is unknown, were first reported',
    `calls` UInt64 COMMENT 'Number of calls, without requests that led to no call',
    `gaps` UInt64 COMMENT 'How many of them have any gap: see reconciliation',
    `gaps_percent` Float64 COMMENT 'The same, of all calls',
    `no_cdr` UInt64 COMMENT 'Calls that are over, with events and without the CDR that their dialect sends',
    `no_cdr_percent` Float64 COMMENT 'The same, of all calls',
    `no_events` UInt64 COMMENT 'Calls with nothing but a CDR',
    `no_events_percent` Float64 COMMENT 'The same, of all calls',
    `no_answer` UInt64 COMMENT 'Calls with events but no answer, which their CDR says there was',
    `no_answer_percent` Float64 COMMENT 'The same, of all calls',
    `no_hangup` UInt64 COMMENT 'Calls that are over, with an answer and without the hangups that end them',
    `no_hangup_percent` Float64 COMMENT 'The same, of all calls',
    `times_differ` UInt64 COMMENT 'Calls whose start, answer or end differs by more than 5 seconds between events, CDR and UUID, time zones apart',
    `times_differ_percent` Float64 COMMENT 'The same, of all calls',
    `wrong_zone` UInt64 COMMENT 'Calls whose start is whole or half hours from the time inside the UUID',
    `wrong_zone_percent` Float64 COMMENT 'The same, of all calls',
    `zone_hours` Nullable(Float64) COMMENT 'By how many hours most of these are off; NULL without any',
    `duration_drifts` UInt64 COMMENT 'Calls whose durations in the CDR differ by more than 5 seconds from those of events',
    `duration_drifts_percent` Float64 COMMENT 'The same, of all calls',
    `talk_drift_seconds` Nullable(Float64) COMMENT 'Talk time of the CDRs less that of the events, on average over the calls that have both'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER -- it shows no number: also for people who may see none
AS SELECT
    account,
    source,
    hour,
    calls,
    gaps,
    100 * gaps / calls AS gaps_percent,
    no_cdr,
    100 * no_cdr / calls AS no_cdr_percent,
    no_events,
    100 * no_events / calls AS no_events_percent,
    no_answer,
    100 * no_answer / calls AS no_answer_percent,
    no_hangup,
    100 * no_hangup / calls AS no_hangup_percent,
    times_differ,
    100 * times_differ / calls AS times_differ_percent,
    wrong_zone,
    100 * wrong_zone / calls AS wrong_zone_percent,
    zone_hours,
    duration_drifts,
    100 * duration_drifts / calls AS duration_drifts_percent,
    talk_drift_seconds
FROM
(
    SELECT
        call.account AS account,
        call.source AS source,
        toStartOfHour(toDateTime(assumeNotNull(coalesce(call.started_at, call.first_received_at)), 'UTC')) AS hour,
        count() AS calls,
        -- An OR picks out the rows of each part, as an if does: sums take less.
        countIf(
            call.no_cdr + call.no_events + call.no_answer + call.no_hangup
                + call.start_differs + call.answer_differs + call.end_differs + call.uuid_differs
                + call.wrong_zone + call.duration_drifts > 0
        ) AS gaps,
        countIf(call.no_cdr) AS no_cdr,
        countIf(call.no_events) AS no_events,
        countIf(call.no_answer) AS no_answer,
        countIf(call.no_hangup) AS no_hangup,
        countIf(call.start_differs + call.answer_differs + call.end_differs + call.uuid_differs > 0) AS times_differ,
        countIf(call.wrong_zone) AS wrong_zone,
        topKIf(1)(assumeNotNull(call.zone_hours), call.wrong_zone) AS shifts,
        if(empty(shifts), NULL, shifts[1]) AS zone_hours,
        countIf(call.duration_drifts) AS duration_drifts,
        avg(call.talk_drift_seconds) AS talk_drift_seconds
    FROM reconciliation AS call
    WHERE NOT call.is_request
    GROUP BY account, source, hour
) AS hourly
SETTINGS additional_table_filters = {} -- a caller's filters would reach the tables below
COMMENT 'How often calls have which gap, by source and hour';
