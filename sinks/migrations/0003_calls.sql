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
    `doubts` UInt32 COMMENT 'How many fields of its events could not be read, and were left out: see call_events',
    `leg_count` UInt32 COMMENT 'How many ids named the call or a leg of it; legs lists the first 200',
    `transfers` UInt32 COMMENT 'How many times it was handed on, to another extension or to a number outside',
    `transferred_from` Array(String) COMMENT 'Who handed it on, transfer by transfer: extensions, empty if not known; of very many the first 50',
    `transferred_to` Array(String) COMMENT 'To whom, transfer by transfer: extensions or numbers, empty if not known; of very many the first 50',
    `truncated` Bool COMMENT 'Whether it has more events than are kept one by one: those of legs that have ended are summed up',
    `events` Array(String) COMMENT 'The ids of these events',
    `sources` Array(String) COMMENT 'Every configured sender that reported it',
    `dialects` Array(String) COMMENT 'Every dialect in which it was reported',
    `kinds` Array(String) COMMENT 'Which kinds of event have arrived',
    `cdr_received_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When the CDR arrived: of CDRs of several legs that of the leg that began first, as in every cdr_ column; call_legs has each',
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
    `version` UInt64 COMMENT 'The sum of the readings of its events; of a row that is gone for good the greatest number there is',
    `is_gone` UInt8 COMMENT '1 if there is no such call under this day: it was merged into another one, or is kept under an earlier day',
    `visible_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') COMMENT 'When this row was written, by the clock of ClickHouse',
    `uuid_times` Array(Int64) DEFAULT arrayMap(
        leg -> toInt64(intDiv(reinterpretAsUInt64(reverse(unhex(concat(
            '0', substring(leg, 16, 3), substring(leg, 10, 4), substring(leg, 1, 8)
        )))), 10)) - 12219292800000000,
        arrayFilter(
            leg -> match(leg, '\\A[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\\z'),
            -- as they are compared: the provider writes some in capitals, in braces or as urn:uuid:…
            arrayMap(leg -> replaceRegexpOne(lower(leg), '\\A(?:urn:uuid:)?\\{?(.{36})\\}?\\z', '\\1'), legs)
        )
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
    `doubts` UInt32 COMMENT 'How many fields of events about it could not be read, and were left out: see call_events',
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
    `version` UInt64 COMMENT 'That of the row of its call that names it; of one that is gone for good the greatest number there is',
    `is_gone` UInt8 COMMENT '1 if there is no such leg in this call under this day'
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
-- as the provider wrote them, and as they are compared: UUIDs in small letters and bare
AS SELECT DISTINCT
    arrayJoin(arrayConcat([call_id], named, arrayMap(
        each -> if(
            match(each, '(?i)\\A(urn:uuid:)?[{]?([0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32})[}]?\\z'),
            lower(extract(each, '(?i)([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32})')),
            each
        ),
        named
    ))) AS id,
    account,
    day,
    call_id
FROM (SELECT account, day, call_id, is_gone, arrayConcat(legs, [ifNull(uuid, '')]) AS named FROM stored_calls)
WHERE is_gone = 0 AND id != ''
COMMENT 'Puts the ids of new rows of calls into call_ids';
