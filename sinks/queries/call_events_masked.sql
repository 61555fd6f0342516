CREATE OR REPLACE VIEW call_events_masked
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `event_id` String COMMENT 'A hash of source and canonical payload: a retried callback is the same event',
    `callback_ids` Array(String) COMMENT 'The callbacks that said it',
    `source` String COMMENT 'The configured sender',
    `dialect` String COMMENT 'Which provider document its payloads follow',
    `kind` String COMMENT 'ring, answer, hangup, cdr, dial, voicemail, message or requested',
    `ids` Array(String) COMMENT 'Every leg id that it names, as the provider wrote them',
    `leg` String COMMENT 'The leg that it is about; empty for a message',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When it first came',
    `occurred_at` DateTime64(6, 'UTC') COMMENT 'When it happened',
    `clock` String COMMENT 'Whose clock said occurred_at: provider or ingress',
    `uuid` Nullable(String) COMMENT 'What the provider calls the call itself',
    `side` Nullable(String) COMMENT 'a: the side reached first; b: the one that the call was then put through to',
    `direction` Nullable(String) COMMENT 'inbound or outbound',
    `method` Nullable(String) COMMENT 'How the call was made',
    `caller` Nullable(String) COMMENT 'The calling number: a pseudonym',
    `callee` Nullable(String) COMMENT 'The called number: a pseudonym',
    `display_number` Nullable(String) COMMENT 'The number shown to the called party, or dialled by it: a pseudonym',
    `extension` Nullable(String) COMMENT 'The extension it is about',
    `agent_id` Nullable(String) COMMENT 'The agent',
    `customer_ref` Nullable(String) COMMENT 'The customer''s own reference: a pseudonym, since it may be a number',
    `campaign` Nullable(String) COMMENT 'The campaign',
    `round` Nullable(Int64) COMMENT 'Which attempt of a campaign',
    `tag` Nullable(String) COMMENT 'The customer''s own mark on the call, with numbers blanked',
    `requested_by` Nullable(String) COMMENT 'The extension for which the call was requested',
    `hangup_cause` Nullable(Int64) COMMENT 'The provider''s code',
    `hangup_direction` Nullable(Int64) COMMENT 'The provider''s code',
    `outcome` Nullable(String) COMMENT 'How it ended for the leg, or, of a CDR, for the call',
    `bridged` Nullable(Bool) COMMENT 'Of a queue''s or an IVR''s own leg: whether somebody answered behind it',
    `transferred` Nullable(Bool) COMMENT 'Whether it was transferred',
    `started_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When the call, not the event, began',
    `answered_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'Of a CDR',
    `ended_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'Of a CDR',
    `ring_seconds` Nullable(Float64) COMMENT 'Of a CDR',
    `talk_seconds` Nullable(Float64) COMMENT 'Of a CDR, or as the event says'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS WITH
    -- 64 bits of a keyed hash (SipHash-2-4): the same number of an account has the same one everywhere
    text -> lower(hex(substring(sipHash128Keyed((key0, key1), concat(known.account, '\0', text)), 1, 8))) AS keyed,
    number -> if(isNull(number), NULL, concat(keyed(assumeNotNull(number)), '-', right(assumeNotNull(number), 2))) AS pseudonym,
    text -> if(isNull(text), NULL, keyed(assumeNotNull(text))) AS reference,
    text -> replaceRegexpAll(text, '\\+?[0-9](?:[^0-9A-Za-z]{0,3}[0-9]){4,}', '…') AS blanked
SELECT
    known.account AS account,
    known.event_id AS event_id,
    known.callback_ids AS callback_ids,
    known.source AS source,
    known.dialect AS dialect,
    known.kind AS kind,
    known.ids AS ids,
    known.leg AS leg,
    known.received_at AS received_at,
    known.occurred_at AS occurred_at,
    known.clock AS clock,
    known.uuid AS uuid,
    known.side AS side,
    known.direction AS direction,
    known.method AS method,
    pseudonym(known.caller) AS caller,
    pseudonym(known.callee) AS callee,
    pseudonym(known.display_number) AS display_number,
    known.extension AS extension,
    known.agent_id AS agent_id,
    reference(known.customer_ref) AS customer_ref,
    known.campaign AS campaign,
    known.round AS round,
    blanked(known.tag) AS tag,
    known.requested_by AS requested_by,
    known.hangup_cause AS hangup_cause,
    known.hangup_direction AS hangup_direction,
    known.outcome AS outcome,
    known.bridged AS bridged,
    known.transferred AS transferred,
    known.started_at AS started_at,
    known.answered_at AS answered_at,
    known.ended_at AS ended_at,
    known.ring_seconds AS ring_seconds,
    known.talk_seconds AS talk_seconds
FROM call_events AS known
CROSS JOIN
(
    -- a column, not a scalar: EXPLAIN would show the value of that. Without a key there are no rows
    SELECT key0, key1
    FROM pseudonym_keys
    ORDER BY created_at, key0, key1
    LIMIT 1
) AS secret
COMMENT 'call_events for people who may not see phone numbers: pseudonyms that still join; no recordings, no variables, nothing as the provider wrote it';
