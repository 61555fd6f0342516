-- A retried callback says the same event again: same event_id, another callback_id, a later received_at.
-- Every column has a function, so that whichever rows meet in a merge, and in which order, is of no matter.
CREATE TABLE IF NOT EXISTS stored_events
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `event_id` String COMMENT 'A hash of source and canonical payload: a retried callback is the same event',
    `callback_ids` SimpleAggregateFunction(groupUniqArrayArray, Array(String)) COMMENT 'The callbacks that said it',
    `source` SimpleAggregateFunction(max, String) COMMENT 'The configured sender',
    `dialect` SimpleAggregateFunction(max, String) COMMENT 'Which provider document its payloads follow',
    `kind` SimpleAggregateFunction(max, String) COMMENT 'ring, answer, hangup, cdr, dial, voicemail, message or requested',
    `ids` SimpleAggregateFunction(groupUniqArrayArray, Array(String)) COMMENT 'Every leg id that it names, as the provider wrote them',
    `leg` SimpleAggregateFunction(max, String) COMMENT 'The leg that it is about; empty for a message',
    `received_at` SimpleAggregateFunction(min, DateTime64(6, 'UTC')) COMMENT 'When it first came',
    `occurred_at` SimpleAggregateFunction(min, DateTime64(6, 'UTC')) COMMENT 'When it happened',
    `clock` SimpleAggregateFunction(max, String) COMMENT 'Whose clock said occurred_at: provider or ingress',
    `uuid` SimpleAggregateFunction(max, Nullable(String)) COMMENT 'What the provider calls the call itself',
    `side` SimpleAggregateFunction(max, Nullable(String)) COMMENT 'a: the side reached first; b: the one that the call was then put through to',
    `direction` SimpleAggregateFunction(max, Nullable(String)) COMMENT 'inbound or outbound',
    `method` SimpleAggregateFunction(max, Nullable(String)) COMMENT 'How the call was made',
    `caller` SimpleAggregateFunction(max, Nullable(String)) COMMENT 'The calling number',
    `callee` SimpleAggregateFunction(max, Nullable(String)) COMMENT 'The called number',
    `display_number` SimpleAggregateFunction(max, Nullable(String)) COMMENT 'The number shown to the called party, or dialled by it',
    `extension` SimpleAggregateFunction(max, Nullable(String)) COMMENT 'The extension it is about',
    `agent_id` SimpleAggregateFunction(max, Nullable(String)) COMMENT 'The agent',
    `customer_ref` SimpleAggregateFunction(max, Nullable(String)) COMMENT 'The customer''s own reference',
    `campaign` SimpleAggregateFunction(max, Nullable(String)) COMMENT 'The campaign',
    `round` SimpleAggregateFunction(max, Nullable(Int64)) COMMENT 'Which attempt of a campaign',
    `recording` SimpleAggregateFunction(max, Nullable(String)) COMMENT 'Where the recording is',
    `hangup_cause` SimpleAggregateFunction(max, Nullable(Int64)) COMMENT 'The provider''s code',
    `hangup_direction` SimpleAggregateFunction(max, Nullable(Int64)) COMMENT 'The provider''s code',
    `outcome` SimpleAggregateFunction(max, Nullable(String)) COMMENT 'How it ended for the leg, or, of a CDR, for the call',
    `bridged` SimpleAggregateFunction(max, Nullable(UInt8)) COMMENT 'Of a queue''s or an IVR''s own leg: whether somebody answered behind it',
    `transferred` SimpleAggregateFunction(max, Nullable(UInt8)) COMMENT 'Whether it was transferred',
    `started_at` SimpleAggregateFunction(max, Nullable(DateTime64(6, 'UTC'))) COMMENT 'When the call, not the event, began',
    `answered_at` SimpleAggregateFunction(max, Nullable(DateTime64(6, 'UTC'))) COMMENT 'Of a CDR',
    `ended_at` SimpleAggregateFunction(max, Nullable(DateTime64(6, 'UTC'))) COMMENT 'Of a CDR',
    `ring_time` SimpleAggregateFunction(max, Nullable(Int64)) COMMENT 'Microseconds',
    `talk_time` SimpleAggregateFunction(max, Nullable(Int64)) COMMENT 'Microseconds',
    `extra` SimpleAggregateFunction(max, String) COMMENT 'Every field without a name of ours, as the provider wrote it: a JSON object'
)
ENGINE = AggregatingMergeTree
ORDER BY (account, event_id)
COMMENT 'Every event, in parts still to be merged: read the view call_events';
