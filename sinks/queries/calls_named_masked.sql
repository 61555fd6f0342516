CREATE OR REPLACE VIEW calls_named_masked
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `call_id` String COMMENT 'The smallest of its leg ids',
    `source` String COMMENT 'The configured sender: of several, the first by name',
    `dialect` String COMMENT 'Which provider document its payloads follow: of several, the first by name',
    `direction` Nullable(String) COMMENT 'inbound or outbound',
    `method` Nullable(String) COMMENT 'How the call was made: api, predictive …, or the provider''s code',
    `caller` Nullable(String) COMMENT 'The calling number: a pseudonym',
    `callee` Nullable(String) COMMENT 'The called number: a pseudonym',
    `display_number` Nullable(String) COMMENT 'The number shown to the called party, or dialled by it: a pseudonym',
    `extension` Nullable(String) COMMENT 'The extension that answered, or that was rung first',
    `agent_id` Nullable(String) COMMENT 'The agent',
    `customer_ref` Nullable(String) COMMENT 'The customer''s own reference, handed to the provider with the call: a pseudonym, since it may be a number',
    `campaign` Nullable(String) COMMENT 'The campaign',
    `round` Nullable(Int64) COMMENT 'Which attempt of a campaign',
    `started_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it began',
    `rang_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When its first leg rang',
    `answered_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it was answered: once it was put through, by the B leg',
    `ended_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it ended; NULL while it is open',
    `ring_seconds` Nullable(Float64) COMMENT 'How long it rang before it was answered or ended: behind the switch, the B legs alone',
    `talk_seconds` Nullable(Float64) COMMENT 'How long it was talked: 0 for a call that ended unanswered',
    `outcome` String COMMENT 'answered, unanswered, busy, cancelled, congestion, unavailable; empty while it is open',
    `hangup_cause` Nullable(Int64) COMMENT 'The provider''s code',
    `hangup_direction` Nullable(Int64) COMMENT 'The provider''s code',
    `state` String COMMENT 'requested (nothing but the request is known), ringing, answered, ended (its last hangup was seen) or complete (nothing more is expected)',
    `close_reason` String COMMENT 'Why it was closed without its end: timeout, or never_came of a request alone; empty otherwise',
    `has_cdr` Bool COMMENT 'Whether the CDR is in',
    `requested_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it was asked for; NULL unless it was requested',
    `requested_by` Nullable(String) COMMENT 'The extension for which it was requested',
    `tag` Nullable(String) COMMENT 'The customer''s own mark on the call, with numbers blanked',
    `first_received_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When its first event came',
    `last_received_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When its last event came',
    `agent` Nullable(String) COMMENT 'The agent: of the user id, or else of the extension, as the directory had it when the call began',
    `team` Nullable(String) COMMENT 'The agent''s team then',
    `campaign_name` Nullable(String) COMMENT 'The campaign''s name then',
    `caller_country` Nullable(String) COMMENT 'The country of the calling number (ISO 3166), as libphonenumber knows it',
    `caller_region` Nullable(String) COMMENT 'Its area, as in New York, NY',
    `callee_country` Nullable(String) COMMENT 'The country of the called number (ISO 3166), as libphonenumber knows it',
    `callee_region` Nullable(String) COMMENT 'Its area, as in New York, NY'
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
    known.call_id AS call_id,
    known.source AS source,
    known.dialect AS dialect,
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
    known.started_at AS started_at,
    known.rang_at AS rang_at,
    known.answered_at AS answered_at,
    known.ended_at AS ended_at,
    known.ring_seconds AS ring_seconds,
    known.talk_seconds AS talk_seconds,
    known.outcome AS outcome,
    known.hangup_cause AS hangup_cause,
    known.hangup_direction AS hangup_direction,
    known.state AS state,
    known.close_reason AS close_reason,
    known.has_cdr AS has_cdr,
    known.requested_at AS requested_at,
    known.requested_by AS requested_by,
    blanked(known.tag) AS tag,
    known.first_received_at AS first_received_at,
    known.last_received_at AS last_received_at,
    known.agent AS agent,
    known.team AS team,
    known.campaign_name AS campaign_name,
    known.caller_country AS caller_country,
    known.caller_region AS caller_region,
    known.callee_country AS callee_country,
    known.callee_region AS callee_region
FROM calls_named AS known
CROSS JOIN
(
    -- a column, not a scalar: EXPLAIN would show the value of that. Without a key there are no rows
    SELECT key0, key1
    FROM pseudonym_keys
    ORDER BY created_at, key0, key1
    LIMIT 1
) AS secret
COMMENT 'calls_named for people who may not see phone numbers: pseudonyms that still join; no customers';
