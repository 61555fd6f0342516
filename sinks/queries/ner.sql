-- Network effectiveness ratio: ITU-T E.425 (03/2002): seizures that end in an answer, user busy, ring no answer or a
-- rejection by the terminal, of all seizures: what the users did is left out of it. A caller who gives up while it rings
-- is ring no answer; without a ring, it says nothing of the network, and the call is left out. Congestion and an
-- unavailable destination are failures. Seizures are those of asr.
-- Parameters: since and until, UTC: calls that began from the one up to, but not at, the other.
CREATE OR REPLACE VIEW ner
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `source` String COMMENT 'The configured sender',
    `direction` String COMMENT 'inbound or outbound; empty where nobody says',
    `seizures` UInt64 COMMENT 'Calls that took a line, whose outcome is known, and that were not given up before a ring',
    `delivered` UInt64 COMMENT 'Of them: answered, busy or rung in vain',
    `congestion` UInt64 COMMENT 'Of them: no way through the network',
    `unavailable` UInt64 COMMENT 'Of them: the called party could not be reached',
    `given_up` UInt64 COMMENT 'Calls that are left out: given up before anything rang',
    `ner_percent` Nullable(Float64) COMMENT 'delivered, of seizures; NULL without any'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER -- it shows no number: also for people who may see none
AS SELECT
    account,
    call.source AS source,
    ifNull(call.direction, '') AS direction,
    countIf(call.outcome != '') - given_up AS seizures,
    seizures - congestion - unavailable AS delivered,
    countIf(call.outcome = 'congestion') AS congestion,
    countIf(call.outcome = 'unavailable') AS unavailable,
    countIf(call.outcome = 'cancelled' AND isNull(call.rang_at)) AS given_up,
    if(seizures = 0, NULL, 100 * delivered / seizures) AS ner_percent
FROM calls AS call
WHERE call.began_at >= {since:DateTime64(6, 'UTC')} AND call.began_at < {until:DateTime64(6, 'UTC')}
GROUP BY account, source, direction
COMMENT 'Network effectiveness ratio, ITU-T E.425: of the calls that took a line, how many reached the called terminal, whatever its user did. Parameters: since, until';
