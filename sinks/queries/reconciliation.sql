-- A difference counts as a gap from 5 seconds on: the CDR's times have whole seconds, and an event without a time
-- of its own has that of its receipt. The differences themselves stand in columns, for any other threshold.
-- A call that is still open has no gap yet: what it lacks may be on its way. Of a predictive call the CDR tells when the
-- called party answered, and events when the agent did: these times, and the durations from them, are not compared.
CREATE OR REPLACE VIEW reconciliation
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `call_id` String COMMENT 'The call, as in calls',
    `source` String COMMENT 'The configured sender; if several, the first by name',
    `dialect` String COMMENT 'Which provider document its payloads follow; if several, the first by name',
    `started_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it began, as in calls',
    `first_received_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When its first event arrived',
    `last_received_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When its last event arrived',
    `state` String COMMENT 'ringing, answered, ended or complete, as in calls',
    `close_reason` String COMMENT 'Why it was closed without its end; empty otherwise',
    `is_request` Bool COMMENT 'Whether nothing but the request for it is known: no call came of it yet',
    `gaps` Array(String) COMMENT 'The names of all the gaps below that it has; empty for a call without any',
    `no_cdr` Bool COMMENT 'It is over and has events, its dialect sends CDRs, and the CDR is missing',
    `no_events` Bool COMMENT 'There is a CDR, but no event of the call itself',
    `no_answer` Bool COMMENT 'There are events without an answer, but the CDR says that it was answered',
    `no_hangup` Bool COMMENT 'It was answered and is over, but the hangups that end it are missing',
    `start_differs` Bool COMMENT 'Events and the CDR disagree about its start by more than 5 seconds',
    `answer_differs` Bool COMMENT 'Events and the CDR disagree about its answer by more than 5 seconds',
    `end_differs` Bool COMMENT 'Events and the CDR disagree about its end by more than 5 seconds',
    `uuid_differs` Bool COMMENT 'The start as said is more than 5 seconds from the time inside the UUID, and not by a time zone',
    `wrong_zone` Bool COMMENT 'The start as said is whole or half hours from the time inside the UUID: see zone_hours',
    `duration_drifts` Bool COMMENT 'Talk or ring time of the CDR is more than 5 seconds from that of the events, or from the CDR''s own times',
    `start_difference_seconds` Nullable(Float64) COMMENT 'Start as the CDR says less start as events say',
    `answer_difference_seconds` Nullable(Float64) COMMENT 'Answer as the CDR says less answer as events say; NULL of predictive calls',
    `end_difference_seconds` Nullable(Float64) COMMENT 'End as the CDR says less end as events say',
    `uuid_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'The time inside a leg''s version-1 UUID (RFC 9562, 5.1); of several legs, the one nearest to the reported start',
    `cdr_uuid_difference_seconds` Nullable(Float64) COMMENT 'Start as the CDR says less uuid_at',
    `event_uuid_difference_seconds` Nullable(Float64) COMMENT 'Start as events say less uuid_at',
    `zone_hours` Nullable(Float64) COMMENT 'By how many hours the start as said seems to be in another zone than the source''s setting; NULL if it does not',
    `talk_drift_seconds` Nullable(Float64) COMMENT 'Talk time of the CDR less that of the events; NULL of predictive calls',
    `ring_drift_seconds` Nullable(Float64) COMMENT 'Ring time of the CDR, which it counts from the start of the call, less the same of the events; NULL of predictive calls',
    `cdr_drift_seconds` Nullable(Float64) COMMENT 'Talk time of the CDR less what its own answer and end make'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER -- it shows no number: also for people who may see none
AS SELECT
    account,
    call_id,
    source,
    dialect,
    started_at,
    first_received_at,
    last_received_at,
    state,
    close_reason,
    is_request,
    arrayFilter(
        gap -> gap != '',
        [
            if(no_cdr, 'no_cdr', ''),
            if(no_events, 'no_events', ''),
            if(no_answer, 'no_answer', ''),
            if(no_hangup, 'no_hangup', ''),
            if(start_differs, 'start_differs', ''),
            if(answer_differs, 'answer_differs', ''),
            if(end_differs, 'end_differs', ''),
            if(uuid_differs, 'uuid_differs', ''),
            if(wrong_zone, 'wrong_zone', ''),
            if(duration_drifts, 'duration_drifts', '')
        ]
    ) AS gaps,
    no_cdr,
    no_events,
    no_answer,
    no_hangup,
    toBool(ifNull(abs(start_difference_seconds) > 5, false)) AS start_differs,
    toBool(ifNull(abs(answer_difference_seconds) > 5, false)) AS answer_differs,
    toBool(ifNull(abs(end_difference_seconds) > 5, false)) AS end_differs,
    toBool(ifNull(abs(uuid_difference_seconds) > 5, false) AND isNull(zone_hours)) AS uuid_differs,
    toBool(isNotNull(zone_hours)) AS wrong_zone,
    toBool(
        ifNull(abs(talk_drift_seconds) > 5, false)
            OR ifNull(abs(ring_drift_seconds) > 5, false)
            OR ifNull(abs(cdr_drift_seconds) > 5, false)
    ) AS duration_drifts,
    start_difference_seconds,
    answer_difference_seconds,
    end_difference_seconds,
    if(isNull(uuid_time), NULL, fromUnixTimestamp64Micro(assumeNotNull(uuid_time), 'UTC')) AS uuid_at,
    (toUnixTimestamp64Micro(cdr_started_at) - uuid_time) / 1e6 AS cdr_uuid_difference_seconds,
    (toUnixTimestamp64Micro(event_started_at) - uuid_time) / 1e6 AS event_uuid_difference_seconds,
    -- no two zones are further apart than 26 hours
    if(
        shifted_hours != 0 AND abs(shifted_hours) <= 26 AND abs(uuid_difference_seconds - shifted_hours * 3600) <= 60,
        shifted_hours,
        NULL
    ) AS zone_hours,
    talk_drift_seconds,
    ring_drift_seconds,
    cdr_drift_seconds
FROM
(
    SELECT
        *,
        toBool(is_over AND sends_cdr AND has_events AND NOT has_cdr) AS no_cdr,
        toBool(has_cdr AND NOT has_events) AS no_events,
        toBool(has_events AND NOT has_answer AND isNotNull(cdr_answered_at)) AS no_answer,
        toBool(is_over AND has_answer AND isNull(event_ended_at)) AS no_hangup,
        toUnixTimestamp64Micro(coalesce(cdr_started_at, event_started_at)) AS said_time,
        (toUnixTimestamp64Micro(cdr_started_at) - toUnixTimestamp64Micro(event_started_at)) / 1e6 AS start_difference_seconds,
        if(ifNull(event_method, '') = 'predictive', NULL, 1) AS is_comparable,
        is_comparable * (toUnixTimestamp64Micro(cdr_answered_at) - toUnixTimestamp64Micro(event_answered_at)) / 1e6
            AS answer_difference_seconds,
        (toUnixTimestamp64Micro(cdr_ended_at) - toUnixTimestamp64Micro(event_ended_at)) / 1e6 AS end_difference_seconds,
        is_comparable * (cdr_talk_seconds - event_talk_seconds) AS talk_drift_seconds,
        is_comparable * (cdr_ring_seconds - event_wait_seconds) AS ring_drift_seconds,
        cdr_talk_seconds
            - (toUnixTimestamp64Micro(cdr_ended_at) - toUnixTimestamp64Micro(cdr_answered_at)) / 1e6 AS cdr_drift_seconds,
        if(
            empty(uuid_times) OR isNull(said_time),
            NULL,
            arraySort(time -> abs(time - assumeNotNull(said_time)), uuid_times)[1]
        ) AS uuid_time,
        (said_time - uuid_time) / 1e6 AS uuid_difference_seconds,
        round(uuid_difference_seconds / 1800) / 2 AS shifted_hours
    FROM
    (
        SELECT
            account,
            call_id,
            source,
            dialect,
            started_at,
            first_received_at,
            last_received_at,
            state,
            close_reason,
            toBool(state IN ('ended', 'complete') OR close_reason != '') AS is_over,
            toBool(state = 'requested') AS is_request,
            hasAny(dialects, {sending_cdrs}) AS sends_cdr,
            length(kinds) > has_cdr + isNotNull(requested_at) AS has_events, -- of other kinds
            has_answer,
            has_cdr,
            event_method,
            event_started_at,
            event_answered_at,
            event_ended_at,
            toUnixTimestamp64Micro(coalesce(event_answered_at, event_ended_at))
                - toUnixTimestamp64Micro(event_started_at) AS waited,
            -- what a CDR calls its ring time
            multiIf(
                ifNull(event_outcome, '') = 'answered' AND isNull(event_answered_at), NULL,
                if(waited < 0, 0, waited) / 1e6
            ) AS event_wait_seconds,
            event_talk_seconds,
            cdr_started_at,
            cdr_answered_at,
            cdr_ended_at,
            cdr_ring_seconds,
            cdr_talk_seconds,
            uuid_times
        FROM stored_calls FINAL
        WHERE is_gone = 0
    ) AS call
) AS reconciled
SETTINGS additional_table_filters = {} -- a caller's filters would reach the tables below
COMMENT 'Each call, with where events, CDR and the time inside its UUID do not fit together';
