CREATE OR REPLACE VIEW callbacks
(
    `account` LowCardinality(String) COMMENT 'The tenant of the source when the callback arrived',
    `id` String COMMENT 'A version-4 UUID, set by the ingress and returned to the provider',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When the whole request had been read, by the clock of the ingress',
    `source` LowCardinality(String) COMMENT 'The configured sender whose token the URL had',
    `status` String COMMENT 'accepted or rejected',
    `stage` LowCardinality(String) COMMENT 'Which stage rejected it; empty for an accepted one',
    `reasons` Array(Tuple(field String, code String, message String)) COMMENT 'Why it was rejected: the field it is about, a stable code, a sentence',
    `method` LowCardinality(String) COMMENT 'GET or POST',
    `content_type` String COMMENT 'The Content-Type as sent, empty without one',
    `peer` String COMMENT 'The address that the request came from',
    `query` String COMMENT 'The query string of a POST, byte for byte',
    `payload` String COMMENT 'The body, or the query string of a GET, byte for byte',
    `topic` LowCardinality(String) COMMENT 'Its topic in Kafka; for a callback rejected after it was accepted, that of the accepted message',
    `partition` Int32 COMMENT 'Its partition',
    `offset` Int64 COMMENT 'Its offset',
    `kind` LowCardinality(String) COMMENT 'webhook, or what we asked the provider: dial (a call was started) or history',
    `revision` UInt32 COMMENT 'The revision of the source''s settings when it arrived; 0 if unknown',
    `kept_headers` String COMMENT 'Headers of the request as a JSON object, names in lower case: signatures, Content-Encoding and those of ingest.keep_headers'
)
AS SELECT
    account,
    id,
    received_at,
    source,
    if(bitAnd(verdict, 1) = 1, 'rejected', 'accepted') AS status,
    stage,
    reasons,
    method,
    content_type,
    peer,
    query,
    payload,
    topic,
    partition,
    offset,
    kind,
    revision,
    kept_headers
FROM stored_callbacks FINAL
COMMENT 'Every callback, once';
