CREATE OR REPLACE VIEW call_changes_masked
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `call_id` String COMMENT 'The call',
    `revision` UInt64 COMMENT 'The how manieth event of its call it was that changed it, from 1',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When that event first came',
    `event_id` String COMMENT 'The event',
    `field` String COMMENT 'Which column of calls it changed; never recording or variables',
    `before` Nullable(String) COMMENT 'What stood there before, as text, as calls_masked shows it; NULL for what was not known',
    `after` Nullable(String) COMMENT 'What stands there since, as text, as calls_masked shows it; NULL for what is not known'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS WITH
    -- as in calls_masked
    text -> lower(hex(substring(sipHash128Keyed((key0, key1), concat(known.account, '\0', text)), 1, 8))) AS keyed,
    number -> concat(keyed(assumeNotNull(number)), '-', right(assumeNotNull(number), 2)) AS pseudonym,
    text -> replaceRegexpAll(text, '\\+?[0-9](?:[^0-9A-Za-z]{0,3}[0-9]){4,}', '…') AS blanked,
    value -> multiIf(
        isNull(value), NULL,
        known.field IN ('caller', 'callee', 'display_number'), pseudonym(value),
        known.field = 'customer_ref', keyed(assumeNotNull(value)),
        known.field = 'tag', blanked(value),
        value
    ) AS masked
SELECT
    known.account AS account,
    known.call_id AS call_id,
    known.revision AS revision,
    known.received_at AS received_at,
    known.event_id AS event_id,
    known.field AS field,
    masked(known.before) AS before,
    masked(known.after) AS after
FROM call_changes AS known
CROSS JOIN
(
    -- a column, not a scalar: EXPLAIN would show the value of that. Without a key there are no rows
    SELECT key0, key1
    FROM pseudonym_keys
    ORDER BY created_at, key0, key1
    LIMIT 1
) AS secret
WHERE known.field NOT IN ('recording', 'variables')
COMMENT 'call_changes for people who may not see phone numbers: pseudonyms that still join; nothing of recordings or variables';
