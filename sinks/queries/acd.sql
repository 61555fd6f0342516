-- Average call duration: the average length of conversation (ALOC) of ITU-T E.437 (05/1999): conversation time, from the
-- answer to the release, by answered calls. Ringing and waiting are no part of it.
-- Parameters: since and until, UTC: calls that began from the one up to, but not at, the other.
CREATE OR REPLACE VIEW acd
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `source` String COMMENT 'The configured sender',
    `direction` String COMMENT 'inbound or outbound; empty where nobody says',
    `answered` UInt64 COMMENT 'Answered calls whose talk time is known',
    `talk_seconds` Float64 COMMENT 'Their talk time',
    `acd_seconds` Nullable(Float64) COMMENT 'talk_seconds by answered; NULL without any',
    `median_seconds` Nullable(Float64) COMMENT 'What half of them stay within'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER -- it shows no number: also for people who may see none
AS SELECT
    account,
    call.source AS source,
    ifNull(call.direction, '') AS direction,
    countIf(call.outcome = 'answered' AND isNotNull(call.talk_seconds)) AS answered,
    ifNull(sumIf(call.talk_seconds, call.outcome = 'answered'), 0) AS talk_seconds,
    if(answered = 0, NULL, talk_seconds / answered) AS acd_seconds,
    quantileExactInclusiveIf(0.5)(call.talk_seconds, call.outcome = 'answered') AS median_seconds
FROM calls AS call
WHERE call.began_at >= {since:DateTime64(6, 'UTC')} AND call.began_at < {until:DateTime64(6, 'UTC')}
GROUP BY account, source, direction
COMMENT 'Average call duration, the average length of conversation of ITU-T E.437: talk time by answered call. Parameters: since, until';
