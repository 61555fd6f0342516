-- What dashboards read of each call and of each leg, apart from what only one call's reader wants, and in the order
-- of time: most of a table's parts then don't overlap, and reading them with FINAL merges next to nothing.
-- The time is that inside a version-1 UUID (RFC 9562, 5.1), so that it follows from the id alone and all rows of one
-- call or leg stay together; other ids come first, in their own order. Rows and functions are those of the table that
-- is copied, so that what is late is right here too.
-- A partition is about a day by the same time (201 of its units), from 2015 to 2100; ids that hold no such time share
-- one. An hour after its last news a day's parts are merged into one part, which FINAL reads like any table: a part that
-- others overlap at both ends it merges row by row.
-- Times are plain numbers here, and 2^63 - 1 (for the latest one -2^63) stands for what is not known: formulas of
-- numbers that can't be NULL take a third of the time. So is an outcome: 1 answered, 2 busy, 3 cancelled, 4 congestion,
-- 5 unanswered, 6 unavailable, in the order of their names, and 0 for none. A CDR is in three pieces, so that who reads
-- one need not read the others; the same two numbers decide over each of them.
CREATE TABLE IF NOT EXISTS stored_facts
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `era` UInt32 COMMENT 'The upper 32 bits of the time inside the call id, if that is a version-1 UUID: units of 429 seconds',
    `call_id` String COMMENT 'As in call_records',
    `merged_into` SimpleAggregateFunction(min, Nullable(String)) COMMENT 'As in call_records',
    `source` SimpleAggregateFunction(min, Nullable(String)) COMMENT 'Of sources the first by name',
    `dialect` SimpleAggregateFunction(min, Nullable(String)) COMMENT 'Of dialects the first by name',
    `sends_cdr` SimpleAggregateFunction(max, UInt8) COMMENT 'Whether one of the dialects sends CDRs',
    `kinds_seen` SimpleAggregateFunction(groupBitOr, UInt8) COMMENT 'A bit each: 1 ring, 2 dial, 4 answer, 8 hangup, 16 cdr, 32 requested, 64 any other kind',
    `uuid_times` SimpleAggregateFunction(groupUniqArrayArray, Array(Int64)) COMMENT 'The times inside the ids that are version-1 UUIDs (RFC 9562, 5.1): microseconds since 1970 UTC',
    `first_received_at` SimpleAggregateFunction(min, Int64) COMMENT 'As in call_records: microseconds since 1970 UTC, as are all times here',
    `last_received_at` SimpleAggregateFunction(max, Int64) COMMENT 'As in call_records',
    `requested_at` SimpleAggregateFunction(min, Int64) COMMENT 'As in call_records',
    `started_at` SimpleAggregateFunction(min, Int64) COMMENT 'As in call_records',
    `a_rang_at` SimpleAggregateFunction(min, Int64) COMMENT 'As in call_records',
    `a_answered_at` SimpleAggregateFunction(min, Int64) COMMENT 'As in call_records',
    `b_rang_at` SimpleAggregateFunction(min, Int64) COMMENT 'As in call_records',
    `b_answered_at` SimpleAggregateFunction(min, Int64) COMMENT 'As in call_records',
    `live` SimpleAggregateFunction(groupUniqArrayArray, Array(UInt64)) COMMENT 'As in call_records: hashes of the leg ids',
    `ends` SimpleAggregateFunction(minMap, Map(UInt64, Int64)) COMMENT 'As in call_records, by hashes of the leg ids',
    `direction` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'As in call_records',
    `method` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'As in call_records',
    `callee` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'As in call_records',
    `extension` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'As in call_records',
    `campaign` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'As in call_records',
    `hangup_cause` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'As in call_records',
    `hangup_direction` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'As in call_records',
    `outcome` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value UInt8)) COMMENT 'As in call_records, by number',
    `talk_time` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64)) COMMENT 'As in call_records, where rank and value are the same time',
    `cdr_times` SimpleAggregateFunction(max, Tuple(
        received_at Int64,
        digest UInt64,
        started_at Int64,
        answered_at Int64,
        ended_at Int64,
        ring_time Int64,
        talk_time Int64,
        outcome UInt8)) COMMENT 'cdr as in call_records: when it was, and how it ended',
    `cdr_ways` SimpleAggregateFunction(max, Tuple(
        received_at Int64,
        digest UInt64,
        direction Nullable(String),
        method Nullable(String),
        hangup_cause Nullable(Int64),
        hangup_direction Nullable(Int64),
        extension Nullable(String))) COMMENT 'cdr as in call_records: how it was made, by whom, and given up',
    `cdr_names` SimpleAggregateFunction(max, Tuple(
        received_at Int64,
        digest UInt64,
        callee Nullable(String),
        campaign Nullable(String))) COMMENT 'cdr as in call_records: whom it was for',
    `closed` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'As in call_records',
    `bill` SimpleAggregateFunction(min, Tuple(
        is_alone UInt8,
        age Int64,
        digest UInt64,
        extension String,
        answered_at Int64,
        ended_at Int64)) COMMENT 'Of a call of which nothing but CDRs is known what the latest of them says: 1, received_at negative, the digest''s complement, and the rest; of any other zeros. kinds_seen and the pieces of cdr say it too, and take several times as long to read',
    INDEX by_call_id call_id TYPE bloom_filter(0.001) GRANULARITY 1 -- one call, of whatever time
)
ENGINE = AggregatingMergeTree
PARTITION BY if(era BETWEEN 300192073 AND 306437464, intDiv(era, 201), 0)
ORDER BY (account, era, call_id)
SETTINGS min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1
COMMENT 'What dashboards read of each call, in parts still to be merged: read the views call_facts and call_checks';

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_facts_copied TO stored_facts
-- tupleElement: 24.8 does not find `cdr.received_at` in what is inserted
AS WITH
    ['answered', 'busy', 'cancelled', 'congestion', 'unanswered', 'unavailable'] AS outcomes
SELECT
    account,
    bitRotateLeft(toUInt32(reinterpretAsUInt64(toUUIDOrZero(call_id))), 16) AS era,
    call_id,
    merged_into,
    if(empty(sources), NULL, arrayMin(sources)) AS source,
    if(empty(dialects), NULL, arrayMin(dialects)) AS dialect,
    has(dialects, 'common-api') AS sends_cdr,
    toUInt8(arraySum(arrayMap(
        kind -> transform(kind, ['ring', 'dial', 'answer', 'hangup', 'cdr', 'requested'], [1, 2, 4, 8, 16, 32], 64),
        arrayDistinct(arrayMap(
            kind -> if(kind IN ('ring', 'dial', 'answer', 'hangup', 'cdr', 'requested'), kind, 'other'), kinds
        ))
    ))) AS kinds_seen,
    arrayMap(
        leg -> toInt64(intDiv(reinterpretAsUInt64(reverse(unhex(concat(
            '0', substring(leg, 16, 3), substring(leg, 10, 4), substring(leg, 1, 8)
        )))), 10)) - 12219292800000000,
        arrayFilter(
            leg -> match(leg, '(?i)\\A[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\\z'), ids
        )
    ) AS uuid_times,
    ifNull(toUnixTimestamp64Micro(record.first_received_at), 9223372036854775807) AS first_received_at,
    ifNull(toUnixTimestamp64Micro(record.last_received_at), -9223372036854775808) AS last_received_at,
    ifNull(toUnixTimestamp64Micro(record.requested_at), 9223372036854775807) AS requested_at,
    ifNull(toUnixTimestamp64Micro(record.started_at), 9223372036854775807) AS started_at,
    ifNull(toUnixTimestamp64Micro(record.a_rang_at), 9223372036854775807) AS a_rang_at,
    ifNull(toUnixTimestamp64Micro(record.a_answered_at), 9223372036854775807) AS a_answered_at,
    ifNull(toUnixTimestamp64Micro(record.b_rang_at), 9223372036854775807) AS b_rang_at,
    ifNull(toUnixTimestamp64Micro(record.b_answered_at), 9223372036854775807) AS b_answered_at,
    arrayMap(leg -> cityHash64(leg), record.live) AS live,
    mapFromArrays(
        arrayMap(leg -> cityHash64(leg), mapKeys(record.ends)),
        arrayMap(time -> toUnixTimestamp64Micro(time), mapValues(record.ends))
    ) AS ends,
    direction,
    method,
    callee,
    extension,
    campaign,
    hangup_cause,
    hangup_direction,
    (
        tupleElement(record.outcome, 'priority'),
        tupleElement(record.outcome, 'rank'),
        toUInt8(indexOf(outcomes, tupleElement(record.outcome, 'value')))
    ) AS outcome,
    (tupleElement(record.talk_time, 'priority'), tupleElement(record.talk_time, 'rank')) AS talk_time,
    (
        toUnixTimestamp64Micro(tupleElement(cdr, 'received_at')),
        tupleElement(cdr, 'digest'),
        ifNull(toUnixTimestamp64Micro(tupleElement(cdr, 'started_at')), 9223372036854775807),
        ifNull(toUnixTimestamp64Micro(tupleElement(cdr, 'answered_at')), 9223372036854775807),
        ifNull(toUnixTimestamp64Micro(tupleElement(cdr, 'ended_at')), 9223372036854775807),
        ifNull(tupleElement(cdr, 'ring_time'), 9223372036854775807),
        ifNull(tupleElement(cdr, 'talk_time'), 9223372036854775807),
        toUInt8(indexOf(outcomes, ifNull(tupleElement(cdr, 'outcome'), '')))
    ) AS cdr_times,
    (
        toUnixTimestamp64Micro(tupleElement(cdr, 'received_at')),
        tupleElement(cdr, 'digest'),
        tupleElement(cdr, 'direction'),
        tupleElement(cdr, 'method'),
        tupleElement(cdr, 'hangup_cause'),
        tupleElement(cdr, 'hangup_direction'),
        tupleElement(cdr, 'extension')
    ) AS cdr_ways,
    (
        toUnixTimestamp64Micro(tupleElement(cdr, 'received_at')),
        tupleElement(cdr, 'digest'),
        tupleElement(cdr, 'callee'),
        tupleElement(cdr, 'campaign')
    ) AS cdr_names,
    closed,
    if(
        kinds_seen IN (0, 16),
        (
            1,
            -toUnixTimestamp64Micro(tupleElement(cdr, 'received_at')),
            bitNot(tupleElement(cdr, 'digest')),
            ifNull(tupleElement(cdr, 'extension'), ''),
            ifNull(toUnixTimestamp64Micro(tupleElement(cdr, 'answered_at')), 9223372036854775807),
            ifNull(toUnixTimestamp64Micro(tupleElement(cdr, 'ended_at')), 9223372036854775807)
        ),
        (0, toInt64(0), toUInt64(0), '', toInt64(0), toInt64(0))
    ) AS bill
FROM call_records AS record
COMMENT 'Copies what is inserted into call_records';

CREATE TABLE IF NOT EXISTS stored_leg_times
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `era` UInt32 COMMENT 'The upper 32 bits of the time inside the leg id, if that is a version-1 UUID: units of 429 seconds',
    `leg_id` String COMMENT 'As in stored_legs',
    `open_in` SimpleAggregateFunction(min, String) COMMENT 'Its call, of a leg without an end of its own: it ends with that; empty for any other',
    `extension` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'As in stored_legs',
    `rang_at` SimpleAggregateFunction(min, Int64) COMMENT 'As in stored_legs',
    `answered_at` SimpleAggregateFunction(min, Int64) COMMENT 'As in stored_legs',
    `ended_at` SimpleAggregateFunction(min, Int64) COMMENT 'As in stored_legs'
)
ENGINE = AggregatingMergeTree
PARTITION BY if(era BETWEEN 300192073 AND 306437464, intDiv(era, 201), 0)
ORDER BY (account, era, leg_id)
-- Few legs lack an end of their own: what is empty for most is stored, and read, for the others alone.
SETTINGS ratio_of_defaults_for_sparse_serialization = 0.8,
    min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1
COMMENT 'When each leg rang, answered and ended, in parts still to be merged: the view agents reads it';

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_leg_times_copied TO stored_leg_times
AS SELECT
    account,
    bitRotateLeft(toUInt32(reinterpretAsUInt64(toUUIDOrZero(leg_id))), 16) AS era,
    leg_id,
    if(isNull(leg.ended_at), leg.call_id, '') AS open_in,
    extension,
    ifNull(toUnixTimestamp64Micro(leg.rang_at), 9223372036854775807) AS rang_at,
    ifNull(toUnixTimestamp64Micro(leg.answered_at), 9223372036854775807) AS answered_at,
    ifNull(toUnixTimestamp64Micro(leg.ended_at), 9223372036854775807) AS ended_at
FROM stored_legs AS leg
-- Two in five say no more than that a leg is there, in a call that goes by its name: no other row needs that.
WHERE leg.call_id != leg.leg_id
    OR tupleElement(leg.extension, 'priority') > 0
    OR isNotNull(leg.rang_at)
    OR isNotNull(leg.answered_at)
    OR isNotNull(leg.ended_at)
COMMENT 'Copies what is inserted into stored_legs';

-- What was there before, once more: rows that come twice merge, and what is inserted is copied.
INSERT INTO call_records
SELECT * FROM call_records
SETTINGS insert_deduplicate = 0, max_partitions_per_insert_block = 0;

INSERT INTO stored_legs
SELECT * FROM stored_legs
SETTINGS insert_deduplicate = 0, max_partitions_per_insert_block = 0;

-- One call by any of its ids, also where nobody knows the account: read without FINAL, since any row that matches will
-- do and 24.8 uses no skipping index with it; the call itself is then read by its key.
ALTER TABLE stored_legs ADD INDEX IF NOT EXISTS by_leg_id leg_id TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE stored_events ADD INDEX IF NOT EXISTS by_event_id event_id TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE stored_events ADD INDEX IF NOT EXISTS by_ids ids TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE stored_events ADD INDEX IF NOT EXISTS by_callback_ids callback_ids TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE stored_events ADD INDEX IF NOT EXISTS by_customer_ref customer_ref TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE stored_events ADD INDEX IF NOT EXISTS by_uuid uuid TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE stored_callbacks ADD INDEX IF NOT EXISTS by_id id TYPE bloom_filter(0.001) GRANULARITY 1;
