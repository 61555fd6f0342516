-- Two rows can tell of one callback: the message of callbacks.raw, and the one of callbacks.rejected once
-- normalize refused it. They share the key, and the higher `verdict` stays, whichever came first.
CREATE TABLE IF NOT EXISTS stored_callbacks
(
    `account` LowCardinality(String) COMMENT 'The tenant of the source when the callback arrived',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When the whole request had been read, by the clock of the ingress',
    `id` String COMMENT 'A version-4 UUID, set by the ingress and returned to the provider',
    `source` LowCardinality(String) COMMENT 'The configured sender whose token the URL had',
    `method` LowCardinality(String) COMMENT 'GET or POST',
    `content_type` String COMMENT 'The Content-Type as sent, empty without one',
    `peer` String COMMENT 'The address that the request came from',
    `query` String COMMENT 'The query string of a POST, byte for byte' CODEC(ZSTD(3)),
    `payload` String COMMENT 'The body, or the query string of a GET, byte for byte' CODEC(ZSTD(3)),
    `stage` LowCardinality(String) COMMENT 'Which stage rejected it; empty for an accepted one',
    `reasons` Array(Tuple(field String, code String, message String)) COMMENT 'Why it was rejected: the field it is about, a stable code, a sentence',
    `topic` LowCardinality(String) COMMENT 'Its topic in Kafka; for a callback rejected after it was accepted, that of the accepted message',
    `partition` Int32 COMMENT 'Its partition',
    `offset` Int64 COMMENT 'Its offset',
    `verdict` UInt64 COMMENT 'Odd if rejected, even if accepted; half of it is when the replay that decided so began (microseconds since 1970 UTC), 0 for the first decision. The highest counts',
    `kind` LowCardinality(String) DEFAULT 'webhook' COMMENT 'webhook, or what we asked the provider: dial (a call was started) or history',
    `revision` UInt32 COMMENT 'The revision of the source''s settings when it arrived; 0 if unknown',
    `kept_headers` String COMMENT 'Headers of the request as a JSON object, names in lower case: signatures, Content-Encoding and those of ingest.keep_headers' CODEC(ZSTD(3)),
    INDEX by_id id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(verdict)
PARTITION BY toYYYYMMDD(received_at)
ORDER BY (account, received_at, id)
COMMENT 'Every callback, in parts still to be merged: read the view callbacks';

-- Kafka may have a callback twice, at two offsets: the spool publishes again what it can't know to be there.
-- Once merged, `stored_callbacks` knows only one of them, and Kafka may forget the other: here both stay.
CREATE TABLE IF NOT EXISTS callback_places
(
    `topic` LowCardinality(String) COMMENT 'Where a callback was read from',
    `partition` Int32 COMMENT 'Its partition',
    `offset` Int64 COMMENT 'Its offset',
    `callback` UInt64 COMMENT 'sipHash64(account, id) of the callback',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When it was received'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMMDD(received_at)
ORDER BY (topic, partition, offset, received_at)
COMMENT 'Which callback each offset held; the audit reads it when Kafka has deleted the message';

CREATE MATERIALIZED VIEW IF NOT EXISTS callback_places_seen TO callback_places
AS SELECT topic, partition, offset, sipHash64(account, id) AS callback, received_at
FROM stored_callbacks AS stored
COMMENT 'Puts the offsets of new callbacks into callback_places';

-- Kafka messages that no stage of this release could have written, or whose values no column can hold. Their
-- own time may be any, so they are kept by ours. The key has only what is the message's: one that is written twice
-- is one row with FINAL, which merges over partitions, too.
CREATE TABLE IF NOT EXISTS dead_letters
(
    `topic` LowCardinality(String) COMMENT 'The topic it was read from',
    `partition` Int32 COMMENT 'Its partition',
    `offset` Int64 COMMENT 'Its offset',
    `written_at` DateTime64(3, 'UTC') COMMENT 'When it was written, by the clock of its writer or its broker; 1970 if that is no time',
    `key` String COMMENT 'The key, byte for byte, empty without one',
    `headers` Array(Tuple(name String, value String)) COMMENT 'The headers, in order, byte for byte',
    `value` String COMMENT 'The value, byte for byte' CODEC(ZSTD(3)),
    `reasons` Array(Tuple(field String, code String, message String)) COMMENT 'Why it is here: the field it is about, a stable code, a sentence',
    `kept_at` DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When the sink put it here, by the clock of ClickHouse: retention goes by it'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(kept_at)
ORDER BY (topic, partition, offset, written_at)
COMMENT 'Messages that the sink could not read; none of them is in any other table';
