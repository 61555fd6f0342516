-- A row a telling: a retried callback says the same event again, and a replay says it anew with a higher reading.
CREATE TABLE IF NOT EXISTS stored_events
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `day` Date DEFAULT toDate(received_at, 'UTC') COMMENT 'The day of this telling, UTC',
    `event_id` String COMMENT 'A hash of source and canonical payload: a retried callback is the same event',
    `callback_id` String COMMENT 'The callback that reported it; a retried callback has a row of its own',
    `reading` UInt64 COMMENT '1 for the first reading, or the number of the replay that read it again: the highest counts',
    `source` LowCardinality(String) COMMENT 'The configured sender',
    `dialect` LowCardinality(String) COMMENT 'Which provider document its payloads follow',
    `kind` LowCardinality(String) COMMENT 'ring, answer, hangup, cdr, dial, voicemail, message, requested, void (its newest reading says nothing) or closed (its call was closed for lack of news)',
    `ids` Array(String) COMMENT 'Every leg id that it names, UUIDs in small letters and bare',
    `leg` String COMMENT 'The leg that it is about; empty for a message',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When this callback was received',
    `last_received_at` DateTime64(6, 'UTC') COMMENT 'When the event was last received, as far as this row knows',
    `told_at` DateTime64(6, 'UTC') COMMENT 'When the callback with these values was received',
    `occurred_at` DateTime64(6, 'UTC') COMMENT 'When it happened',
    `clock` LowCardinality(String) COMMENT 'The clock of occurred_at: provider or ingress',
    `uuid` Nullable(String) COMMENT 'The provider''s own id of the call',
    `side` LowCardinality(Nullable(String)) COMMENT 'a: the side reached first; b: the one that the call was then put through to',
    `direction` LowCardinality(Nullable(String)) COMMENT 'inbound or outbound',
    `method` LowCardinality(Nullable(String)) COMMENT 'How the call was made',
    `caller` Nullable(String) COMMENT 'The calling number',
    `callee` Nullable(String) COMMENT 'The called number',
    `display_number` Nullable(String) COMMENT 'The number shown to the called party, or dialled by it',
    `extension` LowCardinality(Nullable(String)) COMMENT 'The extension it is about',
    `agent_id` LowCardinality(Nullable(String)) COMMENT 'The agent',
    `customer_ref` Nullable(String) COMMENT 'The customer''s own reference',
    `campaign` LowCardinality(Nullable(String)) COMMENT 'The campaign',
    `round` Nullable(Int64) COMMENT 'Which attempt of a campaign',
    `tag` Nullable(String) COMMENT 'The customer''s own mark on the call',
    `variables` Map(String, String) COMMENT 'What the call''s request passes to the provider''s scripts',
    `requested_by` LowCardinality(Nullable(String)) COMMENT 'The extension for which the call was requested',
    `recording` Nullable(String) COMMENT 'Where the recording is',
    `hangup_cause` Nullable(Int64) COMMENT 'The provider''s code',
    `hangup_direction` Nullable(Int64) COMMENT 'The provider''s code',
    `outcome` LowCardinality(Nullable(String)) COMMENT 'How the leg ended; in a CDR, how the call ended',
    `bridged` Nullable(Bool) COMMENT 'For the own leg of a queue or an IVR: whether somebody answered behind it',
    `transferred` Nullable(Bool) COMMENT 'Whether it was transferred',
    `passed_by` LowCardinality(Nullable(String)) COMMENT 'The extension, mostly a queue, that called this one for a caller that is not itself',
    `started_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When the call, not the event, began',
    `answered_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'In a CDR',
    `ended_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'In a CDR',
    `ring_time` Nullable(Int64) COMMENT 'Microseconds',
    `talk_time` Nullable(Int64) COMMENT 'Microseconds',
    `written` Map(String, String) COMMENT 'Ids that the provider wrote differently, and how: in capitals, in braces',
    `doubts` Array(Tuple(field String, code String, raw String)) COMMENT 'Fields that could not be read, and were left out: name, stable code, raw text',
    `named_before` Array(String) COMMENT 'The ids that it named in its earlier reading',
    `extra` String COMMENT 'Every field without a name of ours, as the provider wrote it: a JSON object',
    -- of one key a million rows are grouped in a quarter of the time that two take
    `told_by` LowCardinality(String) MATERIALIZED if(
        kind IN ('message', 'requested', 'void', 'closed', 'summed'),
        '',
        concat(account, '\n', source, '\n', ifNull(extension, ''))
    ) COMMENT 'Account, source and extension, as one key; empty of what is no news of a call',
    INDEX by_callback_id callback_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_customer_ref customer_ref TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(reading)
PARTITION BY toYYYYMMDD(day)
ORDER BY (account, day, event_id, callback_id)
SETTINGS index_granularity = 2048,
    min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1
COMMENT 'Every telling of every event: read the view call_events';

-- Which events ever named an id, beside which others, and under which day they are: what recall asks, from id to id. A row
-- stays when a later reading names other ids: what was tied stays tied.
CREATE TABLE IF NOT EXISTS event_ids
(
    `id` String COMMENT 'An id that the event names',
    `account` LowCardinality(String) COMMENT 'The tenant',
    `day` Date COMMENT 'The day of the telling',
    `event_id` String COMMENT 'The event',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When the callback arrived',
    `beside` Array(String) COMMENT 'The other ids that the event named in that reading',
    -- most ids that are asked for are not there, and a thousand are asked for at once: each granule is tried with all
    INDEX by_id id TYPE bloom_filter(0.00001) GRANULARITY 8,
    INDEX by_time received_at TYPE minmax GRANULARITY 1 -- and in new parts nothing is old enough
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(day)
PRIMARY KEY (id, account, day, event_id, received_at)
ORDER BY (id, account, day, event_id, received_at, beside)
SETTINGS index_granularity = 2048
COMMENT 'How the events of an id are found';

CREATE MATERIALIZED VIEW IF NOT EXISTS event_ids_seen TO event_ids
AS SELECT DISTINCT
    id,
    account,
    toDate(received_at, 'UTC') AS day,
    event_id,
    received_at,
    arrayFilter(each -> each != id, ids) AS beside
FROM stored_events AS event
ARRAY JOIN ids AS id
COMMENT 'Puts the ids of new events into event_ids';
