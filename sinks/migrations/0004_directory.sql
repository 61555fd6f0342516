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
    `valid_from` DateTime64(6, 'UTC') COMMENT 'When the name becomes valid',
    `name` String COMMENT 'The agent, the campaign or the customer; empty: nobody from then on',
    `team` String COMMENT 'The agent''s team, empty without one',
    `loaded_at` DateTime64(6, 'UTC') COMMENT 'When it was loaded: of two rows with the same valid_from the later one counts'
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
