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
    `zone_hours` Nullable(Float64) COMMENT 'By how many hours most of these are off, of equals the smaller number; NULL without any',
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
        substringIndex(gaps_key, '\n', 1) AS account,
        replaceRegexpOne(gaps_key, '\\A[^\n]*\n[^\n]*\n[^\n]*\n', '') AS source,
        toDateTime(substringIndex(substringIndex(gaps_key, '\n', 2), '\n', -1), 'UTC') AS hour,
        sum(alike) AS calls,
        sumIf(alike, bitAnd(gap_bits, 1023) != 0) AS gaps,
        sumIf(alike, bitTest(gap_bits, 0)) AS no_cdr,
        sumIf(alike, bitTest(gap_bits, 1)) AS no_events,
        sumIf(alike, bitTest(gap_bits, 2)) AS no_answer,
        sumIf(alike, bitTest(gap_bits, 3)) AS no_hangup,
        sumIf(alike, bitAnd(gap_bits, 240) != 0) AS times_differ,
        sumIf(alike, bitTest(gap_bits, 8)) AS wrong_zone,
        -- zones in half hours and 64, in order, each with its number of calls: of equals the smaller one counts
        sumMapIf([bitShiftRight(gap_bits, 10)], [alike], bitTest(gap_bits, 8)) AS zones,
        if(wrong_zone = 0, NULL, (toInt64(zones.1[indexOf(zones.2, arrayMax(zones.2))]) - 64) / 2) AS zone_hours,
        sumIf(alike, bitTest(gap_bits, 9)) AS duration_drifts,
        if(sum(drifting) = 0, NULL, sum(drift) / sum(drifting)) AS talk_drift_seconds
    FROM
    (
        -- calls differ in few ways: those alike are counted first
        SELECT
            gaps_key,
            toUInt32(substringIndex(substringIndex(gaps_key, '\n', 3), '\n', -1)) AS gap_bits,
            count() AS alike,
            count(talk_drift_seconds) AS drifting,
            sum(talk_drift_seconds) AS drift
        FROM stored_calls FINAL
        WHERE is_gone = 0 AND state != 'requested'
        GROUP BY gaps_key
    ) AS each
    GROUP BY account, source, hour
) AS hourly
SETTINGS
    use_skip_indexes_if_final_exact_mode = 0, -- all rows of a call have its account in common
    use_skip_indexes_if_final = 1
COMMENT 'How often calls have which gap, by source and hour';
