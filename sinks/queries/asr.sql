-- Answer-seizure ratio: ITU-T E.411 (03/2000) and E.425 (03/2002): seizures that result in an answer, of all seizures.
-- A seizure is a call that the provider told of, congested ones among them; a request of which no call came took no line.
-- Calls without an outcome are left out until there is one, and counted beside.
-- Parameters: since and until, UTC: calls that began from the one up to, but not at, the other.
CREATE OR REPLACE VIEW asr
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `source` String COMMENT 'The configured sender',
    `direction` String COMMENT 'inbound or outbound; empty where nobody says',
    `seizures` UInt64 COMMENT 'Calls that took a line, and whose outcome is known',
    `answered` UInt64 COMMENT 'Of them: answered',
    `without_outcome` UInt64 COMMENT 'Calls that are left out: still open, or their outcome is unknown',
    `asr_percent` Nullable(Float64) COMMENT 'answered, of seizures; NULL without any'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER -- it shows no number: also for people who may see none
AS SELECT
    account,
    call.source AS source,
    ifNull(call.direction, '') AS direction,
    countIf(call.outcome != '') AS seizures,
    countIf(call.outcome = 'answered') AS answered,
    countIf(call.outcome = '' AND call.state != 'requested') AS without_outcome,
    if(seizures = 0, NULL, 100 * answered / seizures) AS asr_percent
FROM calls AS call
WHERE call.began_at >= {since:DateTime64(6, 'UTC')} AND call.began_at < {until:DateTime64(6, 'UTC')}
GROUP BY account, source, direction
COMMENT 'Answer-seizure ratio, ITU-T E.411 and E.425: of the calls that took a line, how many were answered. Parameters: since, until';
