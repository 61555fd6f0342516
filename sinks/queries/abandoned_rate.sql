-- Abandoned rate: US Telemarketing Sales Rule, 16 CFR 310.4(b)(1)(iv) and (b)(4)(i): a call that a person answers is
-- abandoned unless it is connected to a representative within two seconds of the person's completed greeting; at most 3 %
-- of the calls answered by a person, over a campaign, or each 30 days of a longer one. Ofcom, "Persistent misuse" (2016,
-- annex 3): abandoned, of abandoned and connected calls, by campaign; its statement of 2010 set 3 % within any 24 hours.
-- No provider tells where a greeting ends: the seconds count from the answer, which is stricter. Nor does any tell persons
-- from answering machines: all answers count. An answer without one of the agent's own, in a call whose CDR names an
-- extension, may have been connected in time or not: it is in unclear, counts as answered, and not as abandoned.
-- Where the CDR alone tells of the answer it has whole seconds, and the agent's event has the time of its receipt: such
-- waits come out up to a second too long, and by as much as the event was late. That is on the strict side, too.
-- Parameters: campaign: its id, as in calls; since and until, UTC: the window; seconds: 2 for the rule's two.
CREATE OR REPLACE VIEW abandoned_rate
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `campaign` String COMMENT 'The campaign',
    `calls` UInt64 COMMENT 'Predictive calls of the campaign that began in the window',
    `answered` UInt64 COMMENT 'Of them: the called party answered',
    `connected` UInt64 COMMENT 'Of these: an agent answered in time',
    `connected_late` UInt64 COMMENT 'Of these: an agent answered, but not in time',
    `never_connected` UInt64 COMMENT 'Of these: no agent answered',
    `unclear` UInt64 COMMENT 'Of these: by the CDR an agent took part, but nobody says from when on',
    `abandoned` UInt64 COMMENT 'connected_late and never_connected',
    `abandoned_percent` Nullable(Float64) COMMENT 'abandoned, of answered; NULL without any',
    `highest_percent` Nullable(Float64) COMMENT 'The same if all that are unclear were abandoned',
    `headroom_percent` Nullable(Float64) COMMENT '3 less abandoned_percent: below 0, the limit is passed',
    `headroom_calls` Int64 COMMENT 'How many more of the answered calls might have been abandoned; below 0, how many too many were'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER -- it shows no number: also for people who may see none
AS SELECT
    account,
    assumeNotNull(call.campaign) AS campaign,
    count() AS calls,
    countIf(isNotNull(call.reached_at)) AS answered,
    countIf(waited_seconds <= {seconds:Float64}) AS connected,
    countIf(waited_seconds > {seconds:Float64}) AS connected_late,
    countIf(isNotNull(call.reached_at) AND isNull(call.connected_at) AND isNull(call.cdr_extension)) AS never_connected,
    countIf(isNotNull(call.reached_at) AND isNull(call.connected_at) AND isNotNull(call.cdr_extension)) AS unclear,
    connected_late + never_connected AS abandoned,
    if(answered = 0, NULL, 100 * abandoned / answered) AS abandoned_percent,
    if(answered = 0, NULL, 100 * (abandoned + unclear) / answered) AS highest_percent,
    3 - abandoned_percent AS headroom_percent,
    toInt64(intDiv(3 * answered, 100)) - toInt64(abandoned) AS headroom_calls
FROM
(
    SELECT
        *,
        (toUnixTimestamp64Micro(connected_at) - toUnixTimestamp64Micro(reached_at)) / 1e6 AS waited_seconds
    FROM calls
    WHERE campaign = {campaign:String} AND method = 'predictive'
        AND began_at >= {since:DateTime64(6, 'UTC')} AND began_at < {until:DateTime64(6, 'UTC')}
) AS call
GROUP BY account, campaign
COMMENT 'Abandoned calls of a predictive campaign, after 16 CFR 310.4(b)(4) and Ofcom, with the headroom to 3 %. Parameters: campaign, since, until, seconds';
