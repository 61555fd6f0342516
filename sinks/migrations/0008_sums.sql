-- What dashboards add up of each call: from all events it would take as long as there are events.
ALTER TABLE stored_calls
    ADD COLUMN IF NOT EXISTS `expects_cdr` Bool COMMENT 'Whether a dialect in which it was reported sends CDRs',
    ADD COLUMN IF NOT EXISTS `heard` Array(Tuple(source String, events UInt32, legs UInt32, disordered UInt32)) COMMENT 'By source, requests apart: how many events it told; of how many legs it told at least two of the first ring or dial, the first answer, the hangup and the CDR; of how many of these they arrived in another order',
    ADD COLUMN IF NOT EXISTS `doubted` Array(Tuple(source String, field String, code String, events UInt32)) COMMENT 'Which fields could not be read: source, name, stable code, in how many of the source''s events; of very many the most frequent';

ALTER TABLE call_versions
    ADD COLUMN IF NOT EXISTS `expects_cdr` Bool COMMENT 'Whether a dialect in which it was reported sends CDRs',
    ADD COLUMN IF NOT EXISTS `heard` Array(Tuple(source String, events UInt32, legs UInt32, disordered UInt32)) COMMENT 'By source, requests apart: how many events it told; of how many legs it told at least two of the first ring or dial, the first answer, the hangup and the CDR; of how many of these they arrived in another order',
    ADD COLUMN IF NOT EXISTS `doubted` Array(Tuple(source String, field String, code String, events UInt32)) COMMENT 'Which fields could not be read: source, name, stable code, in how many of the source''s events; of very many the most frequent';

ALTER TABLE stored_legs
    ADD COLUMN IF NOT EXISTS `busy_until` Nullable(DateTime64(6, 'UTC')) COMMENT 'Until when its extension was busy with it: until it ended, or else its call; NULL while that is open, and for a leg that neither rang nor was answered or has no extension';

-- Where events, CDR and UUID do not fit together: worked out once, when the row is written. A difference counts as a gap
-- from 5 seconds on: the CDR's times have whole seconds, and an event without a time of its own has that of its receipt.
-- A call that is still open has no gap yet: what it lacks may be on its way. Of a predictive call the CDR tells when the
-- called party answered, and events when the agent did: these times, and the durations from them, are not compared.
ALTER TABLE stored_calls
    ADD COLUMN IF NOT EXISTS `uuid_time` Nullable(Int64) MATERIALIZED if(
        empty(uuid_times) OR isNull(coalesce(cdr_started_at, event_started_at)),
        NULL,
        arraySort(
            time -> abs(time - toUnixTimestamp64Micro(assumeNotNull(coalesce(cdr_started_at, event_started_at)))),
            uuid_times
        )[1]
    ) COMMENT 'Of uuid_times the one nearest to the start, as the CDR says it or else events',
    ADD COLUMN IF NOT EXISTS `uuid_difference_seconds` Nullable(Float64) MATERIALIZED
        (toUnixTimestamp64Micro(coalesce(cdr_started_at, event_started_at)) - uuid_time) / 1e6
        COMMENT 'That start less uuid_time',
    -- no two zones are further apart than 26 hours
    ADD COLUMN IF NOT EXISTS `zone_hours` Nullable(Float64) MATERIALIZED if(
        round(uuid_difference_seconds / 1800) != 0
            AND abs(round(uuid_difference_seconds / 1800)) <= 52
            AND abs(uuid_difference_seconds - round(uuid_difference_seconds / 1800) * 1800) <= 60,
        round(uuid_difference_seconds / 1800) / 2,
        NULL
    ) COMMENT 'By how many hours the start seems to be in another zone than the source''s setting; NULL if it does not',
    ADD COLUMN IF NOT EXISTS `start_difference_seconds` Nullable(Float64) MATERIALIZED
        (toUnixTimestamp64Micro(cdr_started_at) - toUnixTimestamp64Micro(event_started_at)) / 1e6
        COMMENT 'Start as the CDR says less start as events say',
    ADD COLUMN IF NOT EXISTS `answer_difference_seconds` Nullable(Float64) MATERIALIZED if(
        ifNull(event_method, '') = 'predictive',
        NULL,
        (toUnixTimestamp64Micro(cdr_answered_at) - toUnixTimestamp64Micro(event_answered_at)) / 1e6
    ) COMMENT 'Answer as the CDR says less answer as events say; NULL of predictive calls',
    ADD COLUMN IF NOT EXISTS `end_difference_seconds` Nullable(Float64) MATERIALIZED
        (toUnixTimestamp64Micro(cdr_ended_at) - toUnixTimestamp64Micro(event_ended_at)) / 1e6
        COMMENT 'End as the CDR says less end as events say',
    ADD COLUMN IF NOT EXISTS `talk_drift_seconds` Nullable(Float64) MATERIALIZED if(
        ifNull(event_method, '') = 'predictive', NULL, cdr_talk_seconds - event_talk_seconds
    ) COMMENT 'Talk time of the CDR less that of the events; NULL of predictive calls',
    ADD COLUMN IF NOT EXISTS `ring_drift_seconds` Nullable(Float64) MATERIALIZED if(
        ifNull(event_method, '') = 'predictive'
            OR (ifNull(event_outcome, '') = 'answered' AND isNull(event_answered_at)),
        NULL,
        cdr_ring_seconds - if(
            coalesce(event_answered_at, event_ended_at) < event_started_at,
            0,
            toUnixTimestamp64Micro(coalesce(event_answered_at, event_ended_at))
                - toUnixTimestamp64Micro(event_started_at)
        ) / 1e6
    ) COMMENT 'Ring time of the CDR, which it counts from the start of the call, less the same of the events; NULL of predictive calls',
    ADD COLUMN IF NOT EXISTS `cdr_drift_seconds` Nullable(Float64) MATERIALIZED
        cdr_talk_seconds - (toUnixTimestamp64Micro(cdr_ended_at) - toUnixTimestamp64Micro(cdr_answered_at)) / 1e6
        COMMENT 'Talk time of the CDR less what its own answer and end make',
    ADD COLUMN IF NOT EXISTS `is_over` Bool MATERIALIZED state IN ('ended', 'complete') OR close_reason != ''
        COMMENT 'Whether it ended or was closed',
    ADD COLUMN IF NOT EXISTS `has_events` Bool MATERIALIZED length(kinds) > has_cdr + isNotNull(requested_at)
        COMMENT 'Whether there are events of the call itself: of other kinds than its request and its CDR',
    ADD COLUMN IF NOT EXISTS `gap_bits` UInt32 MATERIALIZED
        1 * (is_over AND expects_cdr AND has_events AND NOT has_cdr)
        + 2 * (has_cdr AND NOT has_events)
        + 4 * (has_events AND NOT has_answer AND isNotNull(cdr_answered_at))
        + 8 * (is_over AND has_answer AND isNull(event_ended_at))
        + 16 * ifNull(abs(start_difference_seconds) > 5, 0)
        + 32 * ifNull(abs(answer_difference_seconds) > 5, 0)
        + 64 * ifNull(abs(end_difference_seconds) > 5, 0)
        + 128 * (ifNull(abs(uuid_difference_seconds) > 5, 0) AND isNull(zone_hours))
        + 256 * isNotNull(zone_hours)
        + 512 * (
            ifNull(abs(talk_drift_seconds) > 5, 0)
            OR ifNull(abs(ring_drift_seconds) > 5, 0)
            OR ifNull(abs(cdr_drift_seconds) > 5, 0)
        )
        + 1024 * toUInt32(2 * ifNull(zone_hours, 0) + 64)
        COMMENT 'Its gaps, a bit for each, as the view reconciliation names them; from bit 10 on zone_hours in half hours, and 64';

-- Of one key a million rows are grouped in a quarter of the time that two take.
ALTER TABLE stored_calls
    ADD COLUMN IF NOT EXISTS `told_by` LowCardinality(String) MATERIALIZED concat(account, '\n', source)
        COMMENT 'Account and source, as one key',
    ADD COLUMN IF NOT EXISTS `told_events` UInt32 MATERIALIZED tupleElement(heard[1], 2) COMMENT 'Of heard: the events of source',
    ADD COLUMN IF NOT EXISTS `told_legs` UInt32 MATERIALIZED tupleElement(heard[1], 3) COMMENT 'Of heard: the legs of source',
    ADD COLUMN IF NOT EXISTS `told_disordered` UInt32 MATERIALIZED tupleElement(heard[1], 4)
        COMMENT 'Of heard: the disordered legs of source',
    ADD COLUMN IF NOT EXISTS `told_by_others` Array(Tuple(source String, events UInt32, legs UInt32, disordered UInt32))
        MATERIALIZED arrayPopFront(heard) COMMENT 'Of heard: the other sources',
    ADD COLUMN IF NOT EXISTS `cdr_delay_seconds` Nullable(Float64) MATERIALIZED
        (toUnixTimestamp64Micro(cdr_received_at) - toUnixTimestamp64Micro(cdr_ended_at)) / 1e6
        COMMENT 'From the end of the call to the receipt of its CDR';

ALTER TABLE stored_events
    ADD COLUMN IF NOT EXISTS `told_by` LowCardinality(String) MATERIALIZED if(
        kind IN ('message', 'requested', 'void', 'closed', 'summed'),
        '',
        concat(account, '\n', source, '\n', ifNull(extension, ''))
    ) COMMENT 'Account, source and extension, as one key; empty of what is no news of a call';

ALTER TABLE stored_legs
    ADD COLUMN IF NOT EXISTS `busy` LowCardinality(String) MATERIALIZED if(
        isNull(busy_until), '', concat(account, '\n', ifNull(if(isNull(extension), cdr_extension, extension), ''))
    ) COMMENT 'Account and extension, as one key; empty while the leg keeps none busy that agents counts',
    -- a clock that ran backwards makes no negative time
    ADD COLUMN IF NOT EXISTS `talk_begin` Int64 MATERIALIZED ifNull(
        toUnixTimestamp64Micro(least(
            ifNull(if(isNull(extension), cdr_answered_at, answered_at), assumeNotNull(busy_until)),
            assumeNotNull(busy_until)
        )),
        0
    ) COMMENT 'Since when it was talked, in microseconds since 1970 UTC; of a leg that only rang its end',
    ADD COLUMN IF NOT EXISTS `busy_begin` Int64 MATERIALIZED if(
        isNull(extension) OR isNull(rang_at), talk_begin, least(toUnixTimestamp64Micro(assumeNotNull(rang_at)), talk_begin)
    ) COMMENT 'Since when it kept its extension busy, in microseconds since 1970 UTC',
    ADD COLUMN IF NOT EXISTS `busy_end` Int64 MATERIALIZED ifNull(toUnixTimestamp64Micro(busy_until), 0)
        COMMENT 'Until when, in microseconds since 1970 UTC';
