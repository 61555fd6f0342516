-- Post-dial delay: post-selection delay in ITU-T E.721 (05/1999), session request delay in RFC 6076, 4.3: from the last
-- digit dialled until the called side signals back. Here: from the request for the call, or, where it was not requested,
-- from its start, until the first leg rang. Without a request, a dial alone says when it was dialled, not that it rang:
-- such calls are left out. So are predictive and requested calls of which only the B leg is told: it was called later.
-- Parameters: since and until, UTC: calls that began from the one up to, but not at, the other.
CREATE OR REPLACE VIEW pdd
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `source` String COMMENT 'The configured sender',
    `direction` String COMMENT 'inbound or outbound; empty where nobody says',
    `rung` UInt64 COMMENT 'Calls that rang and whose time of dialling is known',
    `pdd_seconds` Nullable(Float64) COMMENT 'The delay, on average; NULL without any',
    `median_seconds` Nullable(Float64) COMMENT 'What half of them stay within',
    `p95_seconds` Nullable(Float64) COMMENT 'What 95 % of them stay within',
    `longest_seconds` Nullable(Float64) COMMENT 'The longest of them'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER -- it shows no number: also for people who may see none
AS SELECT
    account,
    call.source AS source,
    ifNull(call.direction, '') AS direction,
    count(call.post_dial_seconds) AS rung,
    avg(call.post_dial_seconds) AS pdd_seconds,
    quantileExactInclusive(0.5)(call.post_dial_seconds) AS median_seconds,
    quantileExactInclusive(0.95)(call.post_dial_seconds) AS p95_seconds,
    max(call.post_dial_seconds) AS longest_seconds
FROM calls AS call
WHERE call.began_at >= {since:DateTime64(6, 'UTC')} AND call.began_at < {until:DateTime64(6, 'UTC')}
GROUP BY account, source, direction
COMMENT 'Post-dial delay, after ITU-T E.721 and RFC 6076: from the dial to the first ring. Parameters: since, until';
