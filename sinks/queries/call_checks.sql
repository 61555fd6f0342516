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
    `event_started_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in calls',
    `event_answered_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in calls',
    `event_ended_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in calls',
    `event_ring_seconds` Nullable(Float64) COMMENT 'As in calls',
    `event_talk_seconds` Nullable(Float64) COMMENT 'As in calls',
    `cdr_started_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in calls',
    `cdr_answered_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in calls',
    `cdr_ended_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in calls',
    `cdr_ring_seconds` Nullable(Float64) COMMENT 'As in calls',
    `cdr_talk_seconds` Nullable(Float64) COMMENT 'As in calls',
    `uuid_times` Array(Int64) COMMENT 'The times inside the version-1 UUIDs of its legs: microseconds since 1970 UTC'
)
AS WITH
    toUnixTimestamp64Micro(coalesce(event_answered_at, event_ended_at)) - toUnixTimestamp64Micro(event_rang_at) AS event_waited,
    toUnixTimestamp64Micro(event_ended_at) - toUnixTimestamp64Micro(event_answered_at) AS event_talked
SELECT
    account,
    call_id,
    source,
    dialect,
    coalesce(cdr_started_at, event_started_at) AS started_at,
    first_received_at,
    last_received_at,
    multiIf(
        is_complete, 'complete',
        has_ended, 'ended',
        kinds_seen = 32, 'requested',
        isNull(event_answered_at), 'ringing',
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
    cdr_received_at,
    event_started_at,
    event_answered_at,
    event_ended_at,
    if(
        has_ended AND was_answered AND isNull(event_answered_at),
        NULL,
        if(event_waited < 0, 0, event_waited) / 1e6
    ) AS event_ring_seconds,
    multiIf(
        NOT has_ended, NULL,
        NOT was_answered, 0,
        isNotNull(measured_seconds), measured_seconds,
        if(event_talked < 0, 0, event_talked) / 1e6
    ) AS event_talk_seconds,
    cdr_started_at,
    cdr_answered_at,
    cdr_ended_at,
    cdr_ring_seconds,
    cdr_talk_seconds,
    uuid_times
FROM
(
    SELECT
        c.account AS account,
        c.call_id AS call_id,
        ifNull(c.source, '') AS source,
        ifNull(c.dialect, '') AS dialect,
        c.sends_cdr AS sends_cdr,
        c.kinds_seen AS kinds_seen,
        c.uuid_times AS uuid_times,
        c.first_received_at AS first_received_at,
        c.last_received_at AS last_received_at,
        c.cdr.received_at > toDateTime64(0, 6, 'UTC') AS has_cdr,
        notEmpty(c.ends) AND hasAll(mapKeys(c.ends), c.live) AS has_ended,
        has_cdr OR (has_ended AND NOT c.sends_cdr) AS is_complete,
        c.closed.priority > 0 AND c.closed.rank >= toUnixTimestamp64Micro(c.last_received_at) AS closed_since,
        toBool(ifNull(closed_since, 0)) AS is_closed,
        c.closed.value AS closed_why,
        isNotNull(c.b_rang_at) OR isNotNull(c.b_answered_at) AS b_decides,
        if(b_decides, c.b_rang_at, c.a_rang_at) AS event_rang_at,
        c.started_at AS event_started_at,
        if(b_decides, c.b_answered_at, c.a_answered_at) AS event_answered_at,
        if(has_ended, arrayMax(mapValues(c.ends)), NULL) AS event_ended_at,
        -- an unknown outcome is (0, 0, 0)
        isNotNull(event_answered_at) OR c.outcome.answered AS was_answered,
        if(c.talk_time.priority > 0, c.talk_time.value / 1e6, NULL) AS measured_seconds,
        if(has_cdr, c.cdr.received_at, NULL) AS cdr_received_at,
        c.cdr.started_at AS cdr_started_at,
        c.cdr.answered_at AS cdr_answered_at,
        c.cdr.ended_at AS cdr_ended_at,
        c.cdr.ring_time / 1e6 AS cdr_ring_seconds,
        c.cdr.talk_time / 1e6 AS cdr_talk_seconds
    FROM
    (
        -- Whole columns: FINAL merges a part of one (`cdr.ended_at`) by no function, and so wrongly
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
            outcome,
            talk_time,
            cdr,
            closed
        FROM stored_checks FINAL
        WHERE merged_into IS NULL
    ) AS c
) AS known
COMMENT 'One row a call: what reconciliation compares, quick to read for all calls at once';
