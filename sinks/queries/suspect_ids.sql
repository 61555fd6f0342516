CREATE OR REPLACE VIEW suspect_ids
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `id` String COMMENT 'An id that named more calls of an hour than one call can have: calls are no longer tied by it',
    `source` LowCardinality(String) COMMENT 'The configured sender that put it into them',
    `since` DateTime64(6, 'UTC') COMMENT 'When the first call was reported that it did not tie to the others',
    `last_at` DateTime64(6, 'UTC') COMMENT 'When the last such call was reported'
)
AS SELECT account, id, source, min(suspect.since) AS since, max(suspect.last_at) AS last_at
FROM stored_suspects AS suspect
GROUP BY account, id, source
COMMENT 'Ids that tied too many calls together, and link no more: a fault of the sender''s';
