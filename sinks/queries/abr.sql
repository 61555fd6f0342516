-- Answer-bid ratio: ITU-T E.411 (03/2000): bids that result in an answer, of all bids, whether they got a line or not.
-- A bid is a seizure as in asr, or a request of which no call came. Where calls are not requested through callweave
-- nobody tells of bids without a line, and the ratio equals asr.
-- Parameters: since and until, UTC: calls that began from the one up to, but not at, the other.
CREATE OR REPLACE VIEW abr
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `source` String COMMENT 'The configured sender',
    `direction` String COMMENT 'inbound or outbound; empty where nobody says',
    `bids` UInt64 COMMENT 'Seizures, and requests that led to no call',
    `seizures` UInt64 COMMENT 'Among them: calls that took a line and whose outcome is known',
    `requests` UInt64 COMMENT 'Among them: requests that led to no call',
    `answered` UInt64 COMMENT 'Of them: answered',
    `abr_percent` Nullable(Float64) COMMENT 'answered, of bids; NULL without any'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER -- it shows no number: also for people who may see none
AS SELECT
    account,
    call.source AS source,
    ifNull(call.direction, '') AS direction,
    seizures + requests AS bids,
    countIf(call.outcome != '') AS seizures,
    countIf(call.state = 'requested') AS requests,
    countIf(call.outcome = 'answered') AS answered,
    if(bids = 0, NULL, 100 * answered / bids) AS abr_percent
FROM calls AS call
WHERE call.began_at >= {since:DateTime64(6, 'UTC')} AND call.began_at < {until:DateTime64(6, 'UTC')}
GROUP BY account, source, direction
COMMENT 'Answer-bid ratio, ITU-T E.411: of all attempts at a call, how many were answered. Parameters: since, until';
