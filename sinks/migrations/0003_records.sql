-- What is known of each call so far: rows are merged, never overwritten. Each column's function is the one of its
-- rule in schemas/records.py; a test compares them. An unknown (priority, rank, value) is (0, 0, '').
CREATE TABLE IF NOT EXISTS call_records
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `call_id` String COMMENT 'The smallest leg id that was known to the writer of this row',
    `merged_into` SimpleAggregateFunction(min, Nullable(String)) COMMENT 'The smaller leg id that this record''s call turned out to belong to; NULL for a call',
    `ids` SimpleAggregateFunction(groupUniqArrayArray, Array(String)) COMMENT 'Every id that named the call or a leg of it',
    `uuid` SimpleAggregateFunction(min, Nullable(String)) COMMENT 'What the provider calls the call itself',
    `sources` SimpleAggregateFunction(groupUniqArrayArray, Array(String)) COMMENT 'The configured senders that told of it',
    `dialects` SimpleAggregateFunction(groupUniqArrayArray, Array(String)) COMMENT 'Which provider documents their payloads follow',
    `kinds` SimpleAggregateFunction(groupUniqArrayArray, Array(String)) COMMENT 'Which kinds of event have come',
    `first_received_at` SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'When its first event came',
    `last_received_at` SimpleAggregateFunction(max, Nullable(DateTime64(6, 'UTC'))) COMMENT 'When its last event came',
    `started_at` SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'When it began, as events say',
    `a_rang_at` SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'When the first leg that is no B leg rang',
    `a_answered_at` SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'When the first leg that is no B leg answered',
    `b_rang_at` SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'When the first B leg rang',
    `b_answered_at` SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'When the first B leg answered',
    `live` SimpleAggregateFunction(groupUniqArrayArray, Array(String)) COMMENT 'Legs whose own end must come before the call''s end',
    `ends` SimpleAggregateFunction(minMap, Map(String, DateTime64(6, 'UTC'))) COMMENT 'Leg id to its end',
    `direction` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'inbound or outbound',
    `method` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'How the call was made',
    `caller` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'The calling number',
    `callee` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'The called number',
    `display_number` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'The number shown to the called party, or dialled by it',
    `extension` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'The extension that answered, or that was rung first',
    `agent_id` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'The agent',
    `customer_ref` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'The customer''s own reference',
    `campaign` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'The campaign',
    `round` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'Which attempt of a campaign',
    `recording` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'Where the recording is',
    `hangup_cause` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'The provider''s code',
    `hangup_direction` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'The provider''s code',
    `outcome` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'How the leg that knows best ended',
    `talk_time` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'Microseconds, measured behind a queue or by the longest leg',
    `cdr` SimpleAggregateFunction(max, Tuple(
        received_at DateTime64(6, 'UTC'),
        digest UInt64,
        event_id String,
        direction Nullable(String),
        method Nullable(String),
        caller Nullable(String),
        callee Nullable(String),
        display_number Nullable(String),
        agent_id Nullable(String),
        customer_ref Nullable(String),
        campaign Nullable(String),
        round Nullable(Int64),
        recording Nullable(String),
        hangup_cause Nullable(Int64),
        hangup_direction Nullable(Int64),
        extension Nullable(String),
        started_at Nullable(DateTime64(6, 'UTC')),
        answered_at Nullable(DateTime64(6, 'UTC')),
        ended_at Nullable(DateTime64(6, 'UTC')),
        ring_time Nullable(Int64),
        talk_time Nullable(Int64),
        outcome Nullable(String))) COMMENT 'The latest CDR as a whole; received_at is 1970 without one. `digest` is a hash of all that follows and decides between two of one time',
    `closed` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT '`rank` is last_received_at when it was closed, `value` is why: news received later reopens it'
)
ENGINE = AggregatingMergeTree
ORDER BY (account, call_id)
-- Mostly one row is asked for, with all its columns: they lie side by side in one file, but in very large parts.
SETTINGS index_granularity = 256, min_bytes_for_wide_part = 10737418240, min_rows_for_wide_part = 100000000
COMMENT 'What is known of each call, in parts still to be merged: read the view calls';

CREATE TABLE IF NOT EXISTS stored_legs
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `leg_id` String COMMENT 'The leg, as the provider wrote it',
    `call_id` SimpleAggregateFunction(min, String) COMMENT 'The call it belongs to',
    `side` SimpleAggregateFunction(max, Nullable(String)) COMMENT 'a or b: a leg that was a B leg once is one',
    `extension` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'Its extension',
    `rang_at` SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'When it rang',
    `answered_at` SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'When it answered',
    `ended_at` SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'When it ended',
    `outcome` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'How it ended'
)
ENGINE = AggregatingMergeTree
ORDER BY (account, leg_id)
SETTINGS index_granularity = 1024 -- mostly asked for by one id
COMMENT 'What is known of each leg, in parts still to be merged: read the view call_legs';
