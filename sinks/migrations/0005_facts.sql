-- What dashboards read of each call and of each leg, apart from what only one call's reader wants, and in the order
-- of time: most of a table's parts then don't overlap, and reading them with FINAL merges next to nothing.
-- The time is that inside a version-1 UUID (RFC 9562, 5.1), so that it follows from the id alone and all rows of one
-- call or leg stay together; other ids come first, in their own order. Rows and functions are those of the table that
-- is copied, so that what is late is right here too.
CREATE TABLE IF NOT EXISTS stored_facts
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `era` UInt32 COMMENT 'The upper 32 bits of the time inside the call id, if that is a version-1 UUID: units of 429 seconds',
    `call_id` String COMMENT 'As in call_records',
    `merged_into` SimpleAggregateFunction(min, Nullable(String)) COMMENT 'As in call_records',
    `source` SimpleAggregateFunction(min, Nullable(String)) COMMENT 'Of sources the first by name',
    `dialect` SimpleAggregateFunction(min, Nullable(String)) COMMENT 'Of dialects the first by name',
    `kinds_seen` SimpleAggregateFunction(groupBitOr, UInt8) COMMENT 'A bit each: 1 ring, 2 cdr, 4 requested, 8 any other kind',
    `first_received_at` SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'As in call_records',
    `requested_at` SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'As in call_records',
    `started_at` SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'As in call_records',
    `a_rang_at` SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'As in call_records',
    `a_answered_at` SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'As in call_records',
    `b_rang_at` SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'As in call_records',
    `b_answered_at` SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'As in call_records',
    `live` SimpleAggregateFunction(groupUniqArrayArray, Array(UInt64)) COMMENT 'As in call_records: hashes of the leg ids',
    `ends` SimpleAggregateFunction(minMap, Map(UInt64, DateTime64(6, 'UTC'))) COMMENT 'As in call_records, by hashes of the leg ids',
    `direction` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'As in call_records',
    `method` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'As in call_records',
    `callee` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'As in call_records',
    `extension` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'As in call_records',
    `campaign` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'As in call_records',
    `hangup_cause` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'As in call_records',
    `hangup_direction` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'As in call_records',
    `outcome` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'As in call_records',
    `talk_time` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64)) COMMENT 'As in call_records, where rank and value are the same time',
    `cdr` SimpleAggregateFunction(max, Tuple(
        received_at DateTime64(6, 'UTC'),
        digest UInt64,
        direction Nullable(String),
        method Nullable(String),
        callee Nullable(String),
        campaign Nullable(String),
        hangup_cause Nullable(Int64),
        hangup_direction Nullable(Int64),
        extension Nullable(String),
        started_at Nullable(DateTime64(6, 'UTC')),
        answered_at Nullable(DateTime64(6, 'UTC')),
        ended_at Nullable(DateTime64(6, 'UTC')),
        ring_time Nullable(Int64),
        talk_time Nullable(Int64),
        outcome Nullable(String))) COMMENT 'As in call_records, with fewer fields; the first two decide, there as here'
)
ENGINE = AggregatingMergeTree
ORDER BY (account, era, call_id)
COMMENT 'What dashboards read of each call, in parts still to be merged: read the view call_facts';

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_facts_copied TO stored_facts
-- tupleElement: 24.8 does not find `cdr.received_at` in what is inserted
AS SELECT
    account,
    bitRotateLeft(toUInt32(reinterpretAsUInt64(toUUIDOrZero(call_id))), 16) AS era,
    call_id,
    merged_into,
    if(empty(sources), NULL, arrayMin(sources)) AS source,
    if(empty(dialects), NULL, arrayMin(dialects)) AS dialect,
    toUInt8(has(kinds, 'ring') + 2 * has(kinds, 'cdr') + 4 * has(kinds, 'requested')
        + 8 * arrayExists(kind -> kind NOT IN ('ring', 'cdr', 'requested'), kinds)) AS kinds_seen,
    first_received_at,
    requested_at,
    started_at,
    a_rang_at,
    a_answered_at,
    b_rang_at,
    b_answered_at,
    arrayMap(leg -> cityHash64(leg), live) AS live,
    mapFromArrays(arrayMap(leg -> cityHash64(leg), mapKeys(ends)), mapValues(ends)) AS ends,
    direction,
    method,
    callee,
    extension,
    campaign,
    hangup_cause,
    hangup_direction,
    outcome,
    (tupleElement(talk_time, 'priority'), tupleElement(talk_time, 'rank')) AS talk_time,
    (
        tupleElement(cdr, 'received_at'),
        tupleElement(cdr, 'digest'),
        tupleElement(cdr, 'direction'),
        tupleElement(cdr, 'method'),
        tupleElement(cdr, 'callee'),
        tupleElement(cdr, 'campaign'),
        tupleElement(cdr, 'hangup_cause'),
        tupleElement(cdr, 'hangup_direction'),
        tupleElement(cdr, 'extension'),
        tupleElement(cdr, 'started_at'),
        tupleElement(cdr, 'answered_at'),
        tupleElement(cdr, 'ended_at'),
        tupleElement(cdr, 'ring_time'),
        tupleElement(cdr, 'talk_time'),
        tupleElement(cdr, 'outcome')
    ) AS cdr
FROM call_records AS record
COMMENT 'Copies what is inserted into call_records';

-- What was there before; rows that come twice merge.
INSERT INTO stored_facts
SELECT
    account,
    bitRotateLeft(toUInt32(reinterpretAsUInt64(toUUIDOrZero(call_id))), 16) AS era,
    call_id,
    merged_into,
    if(empty(sources), NULL, arrayMin(sources)) AS source,
    if(empty(dialects), NULL, arrayMin(dialects)) AS dialect,
    toUInt8(has(kinds, 'ring') + 2 * has(kinds, 'cdr') + 4 * has(kinds, 'requested')
        + 8 * arrayExists(kind -> kind NOT IN ('ring', 'cdr', 'requested'), kinds)) AS kinds_seen,
    first_received_at,
    requested_at,
    started_at,
    a_rang_at,
    a_answered_at,
    b_rang_at,
    b_answered_at,
    arrayMap(leg -> cityHash64(leg), live) AS live,
    mapFromArrays(arrayMap(leg -> cityHash64(leg), mapKeys(ends)), mapValues(ends)) AS ends,
    direction,
    method,
    callee,
    extension,
    campaign,
    hangup_cause,
    hangup_direction,
    outcome,
    (tupleElement(talk_time, 'priority'), tupleElement(talk_time, 'rank')) AS talk_time,
    (
        tupleElement(cdr, 'received_at'),
        tupleElement(cdr, 'digest'),
        tupleElement(cdr, 'direction'),
        tupleElement(cdr, 'method'),
        tupleElement(cdr, 'callee'),
        tupleElement(cdr, 'campaign'),
        tupleElement(cdr, 'hangup_cause'),
        tupleElement(cdr, 'hangup_direction'),
        tupleElement(cdr, 'extension'),
        tupleElement(cdr, 'started_at'),
        tupleElement(cdr, 'answered_at'),
        tupleElement(cdr, 'ended_at'),
        tupleElement(cdr, 'ring_time'),
        tupleElement(cdr, 'talk_time'),
        tupleElement(cdr, 'outcome')
    ) AS cdr
FROM call_records AS record;

CREATE TABLE IF NOT EXISTS stored_leg_times
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `era` UInt32 COMMENT 'The upper 32 bits of the time inside the leg id, if that is a version-1 UUID: units of 429 seconds',
    `leg_id` String COMMENT 'As in stored_legs',
    `call_id` SimpleAggregateFunction(min, String) COMMENT 'As in stored_legs',
    `extension` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'As in stored_legs',
    `rang_at` SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'As in stored_legs',
    `answered_at` SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'As in stored_legs',
    `ended_at` SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'As in stored_legs'
)
ENGINE = AggregatingMergeTree
ORDER BY (account, era, leg_id)
COMMENT 'When each leg rang, answered and ended, in parts still to be merged: the view agents reads it';

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_leg_times_copied TO stored_leg_times
AS SELECT
    account,
    bitRotateLeft(toUInt32(reinterpretAsUInt64(toUUIDOrZero(leg_id))), 16) AS era,
    leg_id,
    call_id,
    extension,
    rang_at,
    answered_at,
    ended_at
FROM stored_legs AS leg
COMMENT 'Copies what is inserted into stored_legs';

INSERT INTO stored_leg_times
SELECT
    account,
    bitRotateLeft(toUInt32(reinterpretAsUInt64(toUUIDOrZero(leg_id))), 16) AS era,
    leg_id,
    call_id,
    extension,
    rang_at,
    answered_at,
    ended_at
FROM stored_legs AS leg;

-- One call by any of its ids, also where nobody knows the account: read without FINAL, since any row that matches will
-- do and 24.8 uses no skipping index with it; the call itself is then read by its key.
ALTER TABLE stored_legs ADD INDEX IF NOT EXISTS by_leg_id leg_id TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE stored_events ADD INDEX IF NOT EXISTS by_event_id event_id TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE stored_events ADD INDEX IF NOT EXISTS by_ids ids TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE stored_events ADD INDEX IF NOT EXISTS by_callback_ids callback_ids TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE stored_events ADD INDEX IF NOT EXISTS by_customer_ref customer_ref TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE stored_events ADD INDEX IF NOT EXISTS by_uuid uuid TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE stored_callbacks ADD INDEX IF NOT EXISTS by_id id TYPE bloom_filter(0.001) GRANULARITY 1;
