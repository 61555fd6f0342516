-- Ids that a provider's fault puts into callbacks of very many calls.
CREATE TABLE IF NOT EXISTS stored_suspects
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `id` String COMMENT 'The id, as a leg''s: UUIDs in small letters and bare',
    `source` LowCardinality(String) COMMENT 'Who sent the callback that put it into one call too many',
    `since` DateTime64(6, 'UTC') COMMENT 'When the first call was reported that it did not tie to the others',
    `last_at` DateTime64(6, 'UTC') COMMENT 'When the last such call was reported'
)
ENGINE = ReplacingMergeTree(last_at)
ORDER BY (account, id, source, since)
COMMENT 'Ids that tied too many calls together: read the view suspect_ids';
