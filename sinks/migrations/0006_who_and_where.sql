-- Under which key phone numbers are shown to people who may not see them: `callweave migrate` makes it. Only the
-- owner of the masked views may read this table; whoever else reads it can tell which pseudonym a number has.
CREATE TABLE IF NOT EXISTS pseudonym_keys
(
    `created_at` DateTime64(6, 'UTC') COMMENT 'When it was made: the first key is the one that counts',
    `key0` UInt64 COMMENT 'Half of it',
    `key1` UInt64 COMMENT 'The other half'
)
ENGINE = MergeTree
ORDER BY (created_at, key0, key1)
COMMENT 'The key of the pseudonyms of phone numbers: a secret, for no grant';

-- What people told `callweave directory load`: a row holds from its time until the next one of the same id.
CREATE TABLE IF NOT EXISTS directory_entries
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `kind` LowCardinality(String) COMMENT 'extension, user, campaign or number',
    `id` String COMMENT 'The extension, the user''s id, the campaign''s id, or the phone number',
    `valid_from` DateTime64(6, 'UTC') COMMENT 'From when it holds',
    `name` String COMMENT 'The agent, the campaign or the customer; empty: nobody, from then on',
    `team` String COMMENT 'The agent''s team, empty without one',
    `loaded_at` DateTime64(6, 'UTC') COMMENT 'When it was loaded: of two rows of one time the later one counts'
)
ENGINE = ReplacingMergeTree(loaded_at)
ORDER BY (account, kind, id, valid_from)
COMMENT 'Who is who, in parts still to be merged: read the view directory';

-- Each number that an event names, with a row of its own for each source: what a national number means depends on
-- the source's country. The sink fills in what it means, some seconds after it was first seen.
CREATE TABLE IF NOT EXISTS number_places
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `source` LowCardinality(String) COMMENT 'The configured sender',
    `number` String COMMENT 'The number as the provider wrote it',
    `placed_at` DateTime64(6, 'UTC') COMMENT 'When its place was looked up; 1970 if it was not yet',
    `assumed_country` LowCardinality(String) COMMENT 'The source''s country then (ISO 3166), in which a number without + is read; empty without one',
    `e164` String COMMENT 'The number in the one form of ITU-T E.164, as in +8613800000000; empty if it is no valid number',
    `country` LowCardinality(String) COMMENT 'Its country (ISO 3166); empty if nothing is known',
    `region` LowCardinality(String) COMMENT 'Its area, as in "New York, NY"; empty if nothing is known'
)
ENGINE = ReplacingMergeTree(placed_at)
ORDER BY (account, source, number)
COMMENT 'Where numbers belong, in parts still to be merged';

CREATE MATERIALIZED VIEW IF NOT EXISTS numbers_seen TO number_places
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `source` String COMMENT 'The configured sender',
    `number` String COMMENT 'The number as the provider wrote it'
)
AS SELECT DISTINCT
    account,
    source,
    arrayJoin(arrayFilter(each -> each != '', [ifNull(caller, ''), ifNull(callee, '')])) AS number
FROM stored_events AS event
COMMENT 'Puts the numbers of new events into number_places';

-- What libphonenumber knows of areas; a number belongs to the longest prefix that it begins with.
CREATE TABLE IF NOT EXISTS phone_areas
(
    `prefix` String COMMENT 'The first digits of numbers in E.164, without the +',
    `area` LowCardinality(String) COMMENT 'What the area is called, in English'
)
ENGINE = ReplacingMergeTree
ORDER BY prefix
COMMENT 'Areas by the first digits of their phone numbers';

-- What source_quality reads of each leg, in the order and the partitions of time as well.
CREATE TABLE IF NOT EXISTS stored_arrivals
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `source` LowCardinality(String) COMMENT 'The configured sender',
    `era` UInt32 COMMENT 'The upper 32 bits of the time inside the leg''s id, if that is a version-1 UUID: units of 429 seconds',
    `leg` String COMMENT 'The leg that the events are about',
    `extension` SimpleAggregateFunction(max, Nullable(String)) COMMENT 'The extension that they are about: of several, the last by name',
    `first_received_at` SimpleAggregateFunction(min, DateTime64(6, 'UTC')) COMMENT 'When its first callback came',
    `last_received_at` SimpleAggregateFunction(max, DateTime64(6, 'UTC')) COMMENT 'When its last callback came',
    `first_offered_at` SimpleAggregateFunction(min, Int64) COMMENT 'When its first ring or dial came: microseconds since 1970 UTC, or 2^63 - 1, as the next three',
    `first_answered_at` SimpleAggregateFunction(min, Int64) COMMENT 'When its first answer came',
    `first_ended_at` SimpleAggregateFunction(min, Int64) COMMENT 'When its first hangup came',
    `first_billed_at` SimpleAggregateFunction(min, Int64) COMMENT 'When its first CDR came',
    `callbacks` SimpleAggregateFunction(groupUniqArrayArray, Array(UInt64)) COMMENT 'Hashes of the ids of the callbacks',
    `events` SimpleAggregateFunction(groupUniqArrayArray, Array(UInt64)) COMMENT 'Hashes of the ids of the events'
)
ENGINE = AggregatingMergeTree
PARTITION BY if(era BETWEEN 300192073 AND 306437464, intDiv(era, 201), 0)
ORDER BY (account, source, era, leg)
SETTINGS min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1
COMMENT 'What came of each leg, in parts still to be merged: read the view source_quality';

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_arrivals_copied TO stored_arrivals
AS SELECT
    account,
    source,
    bitRotateLeft(toUInt32(reinterpretAsUInt64(toUUIDOrZero(leg))), 16) AS era,
    leg,
    extension,
    received_at AS first_received_at,
    received_at AS last_received_at,
    if(kind IN ('ring', 'dial'), toUnixTimestamp64Micro(event.received_at), 9223372036854775807) AS first_offered_at,
    if(kind = 'answer', toUnixTimestamp64Micro(event.received_at), 9223372036854775807) AS first_answered_at,
    if(kind = 'hangup', toUnixTimestamp64Micro(event.received_at), 9223372036854775807) AS first_ended_at,
    if(kind = 'cdr', toUnixTimestamp64Micro(event.received_at), 9223372036854775807) AS first_billed_at,
    arrayMap(each -> cityHash64(each), callback_ids) AS callbacks,
    [cityHash64(event_id)] AS events
FROM stored_events AS event
WHERE kind NOT IN ('message', 'requested')
COMMENT 'Copies what is inserted into stored_events';

-- The events of before, once more: rows that come twice merge, and what is inserted is copied. A number that is placed
-- already stays so.
INSERT INTO stored_events
SELECT * FROM stored_events
SETTINGS insert_deduplicate = 0, max_partitions_per_insert_block = 0;
