-- Says of every call what calls says: a property test holds the two together.
CREATE OR REPLACE VIEW call_checks
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `call_id` String COMMENT 'As in calls',
    `source` String COMMENT 'As in calls',
    `dialect` String COMMENT 'As in calls',
    `started_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in calls',
    `first_received_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in calls',
    `last_received_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in calls',
    `state` String COMMENT 'As in calls',
    `close_reason` String COMMENT 'As in calls',
    `is_over` Bool COMMENT 'Whether it has ended, or was closed without its end',
    `is_request` Bool COMMENT 'Whether nothing but the request for it is known: no call came of it yet',
    `sends_cdr` Bool COMMENT 'Whether its dialect sends CDRs',
    `has_events` Bool COMMENT 'Whether there is more than a request and a CDR',
    `has_ring` Bool COMMENT 'As in calls',
    `has_answer` Bool COMMENT 'As in calls',
    `has_cdr` Bool COMMENT 'As in calls',
    `cdr_received_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in calls',
    `event_method` Nullable(String) COMMENT 'As in calls',
    `event_started_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in calls',
    `event_answered_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in calls',
    `event_ended_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in calls',
    `event_wait_seconds` Nullable(Float64) COMMENT 'From its start until it was answered or ended, as events alone say: what a CDR calls its ring time',
    `event_talk_seconds` Nullable(Float64) COMMENT 'As in calls',
    `cdr_started_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in calls',
    `cdr_answered_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in calls',
    `cdr_ended_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in calls',
    `cdr_ring_seconds` Nullable(Float64) COMMENT 'As in calls',
    `cdr_talk_seconds` Nullable(Float64) COMMENT 'As in calls',
    `uuid_times` Array(Int64) COMMENT 'The times inside the version-1 UUIDs of its legs: microseconds since 1970 UTC'
)
AS WITH
    -- As in call_facts: there stands why.
    (condition, one, other) -> other + condition * (one - other) AS choose,
    toInt64(9223372036854775807) AS unknown,
    choose(event_answered != unknown, event_answered, event_ended) AS picked_up,
    (picked_up - event_started) * (picked_up > event_started) AS waited,
    choose(
        has_ended * was_answered * (event_answered = unknown) + (picked_up = unknown) + (event_started = unknown) > 0,
        unknown,
        waited
    ) AS event_wait,
    (event_ended - event_answered) * (event_ended > event_answered) AS talked,
    choose((event_ended = unknown) + (event_answered = unknown) > 0, unknown, talked) AS told_talk,
    choose(has_ended, was_answered * choose(measured != unknown, measured, told_talk), unknown) AS event_talk,
    choose(cdr_times.started_at != unknown, cdr_times.started_at, event_started) AS started
SELECT
    account,
    call_id,
    source,
    dialect,
    fromUnixTimestamp64Micro(nullIf(started, unknown), 'UTC') AS started_at,
    fromUnixTimestamp64Micro(nullIf(first_received, unknown), 'UTC') AS first_received_at,
    fromUnixTimestamp64Micro(nullIf(last_received, -9223372036854775808), 'UTC') AS last_received_at,
    multiIf(
        is_complete, 'complete',
        has_ended, 'ended',
        kinds_seen = 32, 'requested',
        event_answered = unknown, 'ringing',
        'answered'
    ) AS state,
    multiIf(is_complete OR NOT is_closed, '', kinds_seen = 32 AND NOT has_ended, 'never_came', closed_why) AS close_reason,
    toBool(is_complete OR has_ended OR is_closed) AS is_over,
    toBool(kinds_seen = 32) AS is_request,
    toBool(sends_cdr) AS sends_cdr,
    toBool(bitAnd(kinds_seen, 79) != 0) AS has_events,
    toBool(bitAnd(kinds_seen, 3) != 0) AS has_ring,
    toBool(bitAnd(kinds_seen, 4) != 0) AS has_answer,
    toBool(has_cdr) AS has_cdr,
    fromUnixTimestamp64Micro(nullIf(cdr_times.received_at, 0), 'UTC') AS cdr_received_at,
    event_method,
    fromUnixTimestamp64Micro(nullIf(event_started, unknown), 'UTC') AS event_started_at,
    fromUnixTimestamp64Micro(nullIf(event_answered, unknown), 'UTC') AS event_answered_at,
    fromUnixTimestamp64Micro(nullIf(event_ended, unknown), 'UTC') AS event_ended_at,
    nullIf(event_wait, unknown) / 1e6 AS event_wait_seconds,
    nullIf(event_talk, unknown) / 1e6 AS event_talk_seconds,
    fromUnixTimestamp64Micro(nullIf(cdr_times.started_at, unknown), 'UTC') AS cdr_started_at,
    fromUnixTimestamp64Micro(nullIf(cdr_times.answered_at, unknown), 'UTC') AS cdr_answered_at,
    fromUnixTimestamp64Micro(nullIf(cdr_times.ended_at, unknown), 'UTC') AS cdr_ended_at,
    nullIf(cdr_times.ring_time, unknown) / 1e6 AS cdr_ring_seconds,
    nullIf(cdr_times.talk_time, unknown) / 1e6 AS cdr_talk_seconds,
    uuid_times
FROM
(
    WITH
        (condition, one, other) -> other + condition * (one - other) AS choose,
        toInt64(9223372036854775807) AS unknown,
        least(f.b_rang_at, f.b_answered_at) != unknown AS b_decides
    SELECT
        f.account AS account,
        f.call_id AS call_id,
        assumeNotNull(f.source) AS source,
        assumeNotNull(f.dialect) AS dialect,
        f.sends_cdr AS sends_cdr,
        f.kinds_seen AS kinds_seen,
        f.uuid_times AS uuid_times,
        f.first_received_at AS first_received,
        f.last_received_at AS last_received,
        f.cdr_times AS cdr_times,
        f.cdr_times.received_at > 0 AS has_cdr,
        notEmpty(f.ends) AND hasAll(mapKeys(f.ends), f.live) AS has_ended,
        has_cdr OR (has_ended AND NOT f.sends_cdr) AS is_complete,
        f.closed.priority > 0 AND f.closed.rank >= f.last_received_at AS is_closed,
        f.closed.value AS closed_why,
        if(f.method.priority > 0, f.method.value, NULL) AS event_method,
        f.started_at AS event_started,
        choose(b_decides, f.b_answered_at, f.a_answered_at) AS event_answered,
        choose(has_ended, arrayMax(mapValues(f.ends)), unknown) AS event_ended,
        -- 1 is answered; an unknown outcome has 0
        event_answered != unknown OR f.outcome.value = 1 AS was_answered,
        choose(f.talk_time.priority > 0, f.talk_time.rank, unknown) AS measured
    FROM
    (
        -- Whole columns: FINAL merges a part of one (`cdr_times.ended_at`) by no function, and so wrongly
        -- (ClickHouse#61161).
        SELECT
            account,
            call_id,
            source,
            dialect,
            sends_cdr,
            kinds_seen,
            uuid_times,
            first_received_at,
            last_received_at,
            started_at,
            a_rang_at,
            a_answered_at,
            b_rang_at,
            b_answered_at,
            live,
            ends,
            method,
            outcome,
            talk_time,
            cdr_times,
            closed
        FROM stored_facts FINAL
        WHERE merged_into IS NULL
    ) AS f
) AS known
COMMENT 'One row a call: what reconciliation compares, quick to read for all calls at once';
