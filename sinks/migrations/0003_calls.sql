-- One row a call, as correlate folded it from the call's events: of two rows of one call and day the one of the higher
-- version holds. Days are those of our own clock: no sender chooses where its rows are, and retention drops whole days.
CREATE TABLE IF NOT EXISTS stored_calls
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `day` Date COMMENT 'The UTC day of its first report: if a condition names days, only those are read',
    `call_id` String COMMENT 'The smallest of its leg ids',
    `uuid` Nullable(String) COMMENT 'The provider''s own id of the call',
    `legs` Array(String) COMMENT 'Every id that named the call or a leg of it, as the provider wrote it',
    `source` LowCardinality(String) COMMENT 'The configured sender; if several, the first by name',
    `dialect` LowCardinality(String) COMMENT 'Which provider document its payloads follow; if several, the first by name',
    `direction` LowCardinality(Nullable(String)) COMMENT 'inbound or outbound',
    `method` LowCardinality(Nullable(String)) COMMENT 'How the call was made: api, predictive …, or the provider''s code',
    `caller` Nullable(String) COMMENT 'The calling number',
    `callee` Nullable(String) COMMENT 'The called number',
    `display_number` Nullable(String) COMMENT 'The number shown to the called party, or dialled by it',
    `extension` LowCardinality(Nullable(String)) COMMENT 'The extension that answered, or that was rung first',
    `queue` LowCardinality(Nullable(String)) COMMENT 'The queue or IVR that the call waited in last: its extension, known once that has hung up',
    `agent_id` LowCardinality(Nullable(String)) COMMENT 'The agent',
    `customer_ref` Nullable(String) COMMENT 'The customer''s own reference, given to the provider with the call',
    `campaign` LowCardinality(Nullable(String)) COMMENT 'The campaign',
    `round` Nullable(Int64) COMMENT 'Which attempt of a campaign',
    `started_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it began',
    `rang_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When its first leg rang',
    `answered_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it was answered: once it was put through, by the B leg',
    `ended_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it ended; NULL while it is open',
    `began_at` DateTime64(6, 'UTC') DEFAULT coalesce(started_at, requested_at, first_received_at, toDateTime64(0, 6, 'UTC')) COMMENT 'The time to count calls by: when it began or, if unknown, when it was requested or first reported',
    `reached_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When the side reached first answered: by its own event, or else by the CDR',
    `connected_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When the side answered that it was then put through to',
    `post_dial_seconds` Nullable(Float64) COMMENT 'From the request for it, or else from its start, until the first leg rang; NULL if it was not requested and no ring was seen, or if the first leg to ring may not have been the first called',
    `ring_seconds` Nullable(Float64) COMMENT 'How long it rang before it was answered or ended: behind the switch, only the B legs count',
    `talk_seconds` Nullable(Float64) COMMENT 'How long somebody was talking: on several legs one after the other the sum, at once once; 0 for a call that ended unanswered, NULL if nobody says',
    `outcome` LowCardinality(String) COMMENT 'answered, unanswered, busy, cancelled, congestion, unavailable; empty while it is open',
    `hangup_cause` Nullable(Int64) COMMENT 'The provider''s code',
    `hangup_direction` Nullable(Int64) COMMENT 'The provider''s code',
    `recording` Nullable(String) COMMENT 'Where the recording is',
    `state` LowCardinality(String) COMMENT 'requested (nothing but the request is known), ringing, answered, ended (its last hangup was seen) or complete (nothing more is expected)',
    `close_reason` LowCardinality(String) COMMENT 'Why it was closed without its end: timeout, or never_came of a request alone; empty otherwise',
    `has_ring` Bool COMMENT 'Whether a ring or a dial was seen',
    `has_answer` Bool COMMENT 'Whether an answer was seen',
    `has_hangup` Bool COMMENT 'Whether a hangup was seen',
    `has_cdr` Bool COMMENT 'Whether the CDR is in',
    `first_received_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When its first event arrived',
    `last_received_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When its last event arrived',
    `requested_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it was requested; NULL if it was not',
    `requested_by` LowCardinality(Nullable(String)) COMMENT 'The extension for which it was requested',
    `tag` Nullable(String) COMMENT 'The customer''s own mark on the call',
    `variables` Map(String, String) COMMENT 'What the request passes to the provider''s scripts',
    `request_to_ring_seconds` Nullable(Float64) COMMENT 'From the request until the first leg rang',
    `reopened` Bool COMMENT 'Whether news arrived after it was closed without its end',
    `revision` UInt64 COMMENT 'How many events it is made of',
    `doubts` UInt32 COMMENT 'How many fields of its events could not be read, and were left out, of each event at most 50: see call_events',
    `leg_count` UInt32 COMMENT 'How many ids named the call or a leg of it; legs lists the first 200',
    `transfers` UInt32 COMMENT 'How many times it was handed on, to another extension or to a number outside',
    `transferred_from` Array(String) COMMENT 'Who handed it on, transfer by transfer: extensions, empty if not known; of very many the first 50',
    `transferred_to` Array(String) COMMENT 'To whom, transfer by transfer: extensions or numbers, empty if not known; of very many the first 50',
    `truncated` Bool COMMENT 'Whether it has more events than are kept one by one: those of legs that have ended are summed up',
    `events` Array(String) COMMENT 'The ids of these events',
    `sources` Array(String) COMMENT 'Every configured sender that reported it',
    `dialects` Array(String) COMMENT 'Every dialect in which it was reported',
    `kinds` Array(String) COMMENT 'Which kinds of event have arrived',
    `cdr_received_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When the CDR arrived: of several legs'' CDRs that of the answered leg that began first or, if none was answered, of the leg that began first, as in every cdr_ column; call_legs has each',
    `event_direction` LowCardinality(Nullable(String)) COMMENT 'direction by events only',
    `event_method` LowCardinality(Nullable(String)) COMMENT 'method by events only',
    `event_caller` Nullable(String) COMMENT 'caller by events only',
    `event_callee` Nullable(String) COMMENT 'callee by events only',
    `event_display_number` Nullable(String) COMMENT 'display_number by events only',
    `event_extension` LowCardinality(Nullable(String)) COMMENT 'extension by events only',
    `event_agent_id` LowCardinality(Nullable(String)) COMMENT 'agent_id by events only',
    `event_customer_ref` Nullable(String) COMMENT 'customer_ref by events only',
    `event_campaign` LowCardinality(Nullable(String)) COMMENT 'campaign by events only',
    `event_round` Nullable(Int64) COMMENT 'round by events only',
    `event_started_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'started_at by events only',
    `event_answered_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'answered_at by events only',
    `event_ended_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'ended_at by events only',
    `event_ring_seconds` Nullable(Float64) COMMENT 'ring_seconds by events only',
    `event_talk_seconds` Nullable(Float64) COMMENT 'talk_seconds by events only',
    `event_outcome` LowCardinality(Nullable(String)) COMMENT 'outcome by events only',
    `event_hangup_cause` Nullable(Int64) COMMENT 'hangup_cause by events only',
    `event_hangup_direction` Nullable(Int64) COMMENT 'hangup_direction by events only',
    `event_recording` Nullable(String) COMMENT 'recording by events only',
    `cdr_direction` LowCardinality(Nullable(String)) COMMENT 'direction in the CDR',
    `cdr_method` LowCardinality(Nullable(String)) COMMENT 'method in the CDR',
    `cdr_caller` Nullable(String) COMMENT 'caller in the CDR',
    `cdr_callee` Nullable(String) COMMENT 'callee in the CDR',
    `cdr_display_number` Nullable(String) COMMENT 'display_number in the CDR',
    `cdr_extension` LowCardinality(Nullable(String)) COMMENT 'extension in the CDR',
    `cdr_agent_id` LowCardinality(Nullable(String)) COMMENT 'agent_id in the CDR',
    `cdr_customer_ref` Nullable(String) COMMENT 'customer_ref in the CDR',
    `cdr_campaign` LowCardinality(Nullable(String)) COMMENT 'campaign in the CDR',
    `cdr_round` Nullable(Int64) COMMENT 'round in the CDR',
    `cdr_started_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'started_at in the CDR',
    `cdr_answered_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'answered_at in the CDR',
    `cdr_ended_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'ended_at in the CDR',
    `cdr_ring_seconds` Nullable(Float64) COMMENT 'ring_seconds in the CDR',
    `cdr_talk_seconds` Nullable(Float64) COMMENT 'talk_seconds in the CDR',
    `cdr_outcome` LowCardinality(Nullable(String)) COMMENT 'outcome in the CDR',
    `cdr_hangup_cause` Nullable(Int64) COMMENT 'hangup_cause in the CDR',
    `cdr_hangup_direction` Nullable(Int64) COMMENT 'hangup_direction in the CDR',
    `cdr_recording` Nullable(String) COMMENT 'recording in the CDR',
    -- what dashboards add up of each call: from all events it would take as long as there are events
    `expects_cdr` Bool COMMENT 'Whether a dialect in which it was reported sends CDRs',
    `heard` Array(Tuple(source String, events UInt32, legs UInt32, disordered UInt32)) COMMENT 'By source, requests apart: how many events it told; of how many legs it told at least two of the first ring or dial, the first answer, the hangup and the CDR; of how many of these they arrived in another order',
    `doubted` Array(Tuple(source String, field String, code String, events UInt32)) COMMENT 'Which fields could not be read: source, name, stable code, in how many of the source''s events; of very many the most frequent',
    `version` UInt64 COMMENT 'The sum of the readings of its events; of a row that is gone for good one of the two greatest numbers there are',
    `is_gone` UInt8 COMMENT '1 if there is no such call under this day: it was merged into another one, or is kept under an earlier day',
    `part_of` String COMMENT 'If it was merged into another one, that call; else empty',
    `visible_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') COMMENT 'When this row was written, by the clock of ClickHouse',
    `uuid_times` Array(Int64) DEFAULT arrayMap(
        leg -> toInt64(intDiv(reinterpretAsUInt64(reverse(unhex(concat(
            '0', substring(leg, 14, 3), substring(leg, 9, 4), substring(leg, 1, 8)
        )))), 10)) - 12219292800000000,
        arrayMap(leg -> replaceAll(leg, '-', ''), arrayFilter(
            leg -> match(leg, '\\A[0-9a-f]{8}-?[0-9a-f]{4}-?1[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}\\z'),
            -- as they are compared: the provider writes some in capitals, in brackets or as urn:uuid:…
            arrayMap(
                leg -> replaceRegexpOne(
                    lower(leg),
                    '\\A[\\s<({\\[]*(?:urn:uuid:)?[{(\\[]?([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32})[\\s>)}\\]]*\\z',
                    '\\1'
                ),
                legs
            )
        ))
    ) COMMENT 'The times inside the version-1 UUIDs of its legs: microseconds since 1970 UTC'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMMDD(day)
ORDER BY (account, day, call_id)
-- once a day is quiet it becomes one part: then FINAL has nothing to do
SETTINGS index_granularity = 2048,
    min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1
COMMENT 'Rows of calls in their versions: read the view calls';

CREATE TABLE IF NOT EXISTS stored_legs
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `day` Date COMMENT 'The day of its call',
    `call_id` String COMMENT 'The call it belongs to: its smallest leg id',
    `leg_id` String COMMENT 'The leg; a UUID in small letters and bare',
    `side` LowCardinality(Nullable(String)) COMMENT 'a: the side reached first; b: the one that the call was then put through to; NULL if no event says',
    `extension` LowCardinality(Nullable(String)) COMMENT 'Its extension',
    `rang_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it rang',
    `answered_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it answered',
    `ended_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it ended',
    `outcome` LowCardinality(Nullable(String)) COMMENT 'How it ended',
    `talk_seconds` Nullable(Float64) COMMENT 'How long it was talked on it, by its events: 0 if it ended unanswered, NULL before its end or if nobody says',
    `doubts` UInt32 COMMENT 'How many fields of events about it could not be read, and were left out, of each event at most 50: see call_events',
    `cdr_received_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When the CDR of this leg came; NULL in every cdr_ column for a leg without one',
    `cdr_caller` Nullable(String) COMMENT 'caller as the leg''s CDR says',
    `cdr_callee` Nullable(String) COMMENT 'callee as the leg''s CDR says',
    `cdr_extension` LowCardinality(Nullable(String)) COMMENT 'extension as the leg''s CDR says',
    `cdr_agent_id` LowCardinality(Nullable(String)) COMMENT 'agent_id as the leg''s CDR says',
    `cdr_started_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it began, as the leg''s CDR says',
    `cdr_answered_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it was answered, as the leg''s CDR says',
    `cdr_ended_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it ended, as the leg''s CDR says',
    `cdr_ring_seconds` Nullable(Float64) COMMENT 'How long it rang, as the leg''s CDR says',
    `cdr_talk_seconds` Nullable(Float64) COMMENT 'How long it was talked, as the leg''s CDR says',
    `cdr_outcome` LowCardinality(Nullable(String)) COMMENT 'How it ended, as the leg''s CDR says',
    `cdr_hangup_cause` Nullable(Int64) COMMENT 'The provider''s code, as the leg''s CDR says',
    `cdr_hangup_direction` Nullable(Int64) COMMENT 'The provider''s code, as the leg''s CDR says',
    `cdr_recording` Nullable(String) COMMENT 'Where the recording is, as the leg''s CDR says',
    `busy_until` Nullable(DateTime64(6, 'UTC')) COMMENT 'Until when its extension was busy with it: until it ended, or else its call; NULL while that is open, and for a leg that neither rang nor was answered or has no extension',
    `version` UInt64 COMMENT 'That of the row of its call that names it; of one that is gone for good the greatest number there is',
    `is_gone` UInt8 COMMENT '1 if there is no such leg in this call under this day',
    -- of one key a million rows are grouped in a quarter of the time that two take
    `busy` LowCardinality(String) MATERIALIZED if(
        is_gone OR isNull(busy_until), '', concat(account, '\n', ifNull(if(isNull(extension), cdr_extension, extension), ''))
    ) COMMENT 'Account and extension, as one key; empty while the leg keeps none busy that agents counts',
    -- a clock that ran backwards makes no negative time
    `talk_begin` Int64 MATERIALIZED ifNull(
        toUnixTimestamp64Micro(least(
            ifNull(if(isNull(extension), cdr_answered_at, answered_at), assumeNotNull(busy_until)),
            assumeNotNull(busy_until)
        )),
        0
    ) COMMENT 'Since when it was talked, in microseconds since 1970 UTC; of a leg that only rang its end',
    `busy_begin` Int64 MATERIALIZED if(
        isNull(extension) OR isNull(rang_at), talk_begin, least(toUnixTimestamp64Micro(assumeNotNull(rang_at)), talk_begin)
    ) COMMENT 'Since when it kept its extension busy, in microseconds since 1970 UTC',
    `busy_end` Int64 MATERIALIZED ifNull(toUnixTimestamp64Micro(busy_until), 0)
        COMMENT 'Until when, in microseconds since 1970 UTC',
    INDEX by_call_id call_id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMMDD(day)
ORDER BY (account, day, call_id, leg_id)
SETTINGS index_granularity = 2048,
    min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1
COMMENT 'Rows of legs in their versions: read the view call_legs';

-- Every row of a call that was ever visible, for as long as settings say: what it was at any time, and what changed.
CREATE TABLE IF NOT EXISTS call_versions AS stored_calls
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(visible_at)
ORDER BY (account, call_id, version, day)
SETTINGS index_granularity = 2048
COMMENT 'Every row of a call that was ever visible: read the views calls_as_of and call_changes';

CREATE MATERIALIZED VIEW IF NOT EXISTS call_versions_kept TO call_versions
AS SELECT * FROM stored_calls AS call
COMMENT 'Keeps what is inserted into stored_calls';

-- What is worked out of a row once, when it is written: added here, because call_versions, made above, needs none of it.
-- First, where events, CDR and UUID do not fit together. A difference counts as a gap
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
        COMMENT 'Its gaps, a bit for each, as the view reconciliation names them; from bit 10 on zone_hours in half hours, and 64',
    -- of one key a million rows are grouped in a quarter of the time that two take
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
        COMMENT 'From the end of the call to the receipt of its CDR',
    -- to join a million rows by one number takes half of the time
    ADD COLUMN IF NOT EXISTS `call_key` UInt64 MATERIALIZED sipHash64(account, call_id) COMMENT 'Account and call_id, as one number',
    ADD COLUMN IF NOT EXISTS `party_key` UInt64 MATERIALIZED if(
        direction IN ('inbound', 'outbound') AND match(ifNull(if(direction = 'inbound', caller, callee), ''), '[0-9]'),
        sipHash64(account, ifNull(if(direction = 'inbound', caller, callee), '')),
        0
    ) COMMENT 'Account and number of the other party, as written: who called, or was called from here; 0 if that holds no digit',
    -- whoever asks for a call without its day would have a hundred columns of every day opened
    ADD INDEX IF NOT EXISTS by_call_id call_id TYPE bloom_filter(0.001) GRANULARITY 1;

-- Which call an id belongs to, and under which day.
CREATE TABLE IF NOT EXISTS call_ids
(
    `id` String COMMENT 'An id of a leg, or what the provider calls the call itself',
    `account` LowCardinality(String) COMMENT 'The tenant',
    `day` Date COMMENT 'The day of the call',
    `call_id` String COMMENT 'The call'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (id, account, day, call_id)
SETTINGS index_granularity = 256 -- asked for by single ids alone
COMMENT 'How a call is found by any of its ids';

CREATE MATERIALIZED VIEW IF NOT EXISTS call_ids_seen TO call_ids
-- legs as the provider wrote them; what it calls the call also as ids are compared: UUIDs in small letters and bare
AS SELECT DISTINCT
    arrayJoin(arrayConcat(
        [
            call_id,
            written,
            if(
                match(written, '(?i)\\A[\\s<({\\[]*(urn:uuid:)?[{(\\[]?([0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32})[\\s>)}\\]]*\\z'),
                lower(extract(written, '(?i)([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32})')),
                written
            )
        ],
        legs
    )) AS id,
    account,
    day,
    call_id
FROM (SELECT account, day, call_id, is_gone, legs, ifNull(uuid, '') AS written FROM stored_calls)
WHERE is_gone = 0 AND id != ''
COMMENT 'Puts the ids of new rows of calls into call_ids';

-- the row of a call lists its smallest 200 legs, and no others
CREATE MATERIALIZED VIEW IF NOT EXISTS call_ids_of_legs_seen TO call_ids
AS SELECT DISTINCT leg_id AS id, account, day, call_id FROM stored_legs WHERE is_gone = 0
COMMENT 'Puts the ids of new rows of legs into call_ids';
