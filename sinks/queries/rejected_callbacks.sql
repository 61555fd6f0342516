CREATE OR REPLACE VIEW rejected_callbacks
(
    `account` LowCardinality(String) COMMENT 'The tenant of the source when the callback arrived',
    `id` String COMMENT 'A version-4 UUID, set by the ingress and returned to the provider',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When the whole request had been read, by the clock of the ingress',
    `source` LowCardinality(String) COMMENT 'The configured sender whose token the URL had',
    `stage` LowCardinality(String) COMMENT 'Which stage rejected it: ingest answered 400, normalize came after the 200',
    `codes` Array(String) COMMENT 'The codes of the reasons, each once, in order: one group of rejections has one list',
    `fields` Array(String) COMMENT 'The fields that the reasons are about, each once, in order',
    `reasons` Array(Tuple(field String, code String, message String)) COMMENT 'Why it was rejected: the field it is about, a stable code, a sentence',
    `method` LowCardinality(String) COMMENT 'GET or POST',
    `content_type` String COMMENT 'The Content-Type as sent, empty without one',
    `payload` String COMMENT 'The body, or the query string of a GET, byte for byte',
    `topic` LowCardinality(String) COMMENT 'Its topic in Kafka; for a callback rejected after it was accepted, that of the accepted message',
    `partition` Int32 COMMENT 'Its partition',
    `offset` Int64 COMMENT 'Its offset'
)
AS SELECT
    account,
    id,
    received_at,
    source,
    stage,
    arraySort(arrayDistinct(reasons.code)) AS codes,
    arraySort(arrayDistinct(reasons.field)) AS fields,
    reasons,
    method,
    content_type,
    payload,
    topic,
    partition,
    offset
FROM callbacks
WHERE status = 'rejected'
COMMENT 'Every callback that was rejected, once, with every reason';
