-- Each call with the interval of its account's clock in which it began, and with what is told apart: what call_figures and
-- caller_figures add up, and whatever else is wanted by interval.
-- Parameters: first_day and last_day: by the clock of each account, both included. minutes: how long an interval is, as 15,
-- 30, 60 or 1440 (a day of the account's clock, which has 23 or 25 hours where clocks change); 0: all days as one.
-- by: what to tell apart, as in 'line' or 'team,agent', of direction, line, queue, team, agent and campaign; '': nothing.
CREATE OR REPLACE VIEW calls_in_intervals
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `call_key` UInt64 COMMENT 'The call: a hash of account and call_id',
    `timezone` String COMMENT 'The IANA name of the account''s time zone; UTC if none is set',
    `interval_began_at` DateTime('UTC') COMMENT 'When the interval begins',
    `interval_ended_at` DateTime('UTC') COMMENT 'When it ends',
    `interval_offset_seconds` Int64 COMMENT 'How many seconds the clock of the account is ahead of UTC when it begins',
    `direction` Nullable(String) COMMENT 'inbound or outbound; empty where nobody says; NULL unless told apart',
    `line` Nullable(String) COMMENT 'Inbound: the number that was called; outbound: the number shown; empty where nobody says; NULL unless told apart',
    `queue` Nullable(String) COMMENT 'The queue or IVR that the calls waited in last; empty of those without one; NULL unless told apart',
    `team` Nullable(String) COMMENT 'The agent''s team, as the directory had it then; empty where it knows none; NULL unless told apart',
    `agent` Nullable(String) COMMENT 'Who answered or was rung first: the name in the directory then, or else the user''s id, or else the extension; empty if nobody was rung; NULL unless told apart',
    `campaign` Nullable(String) COMMENT 'The campaign''s id; empty of calls without one; NULL unless told apart',
    `told_apart` String COMMENT 'All of these in one: to group by',
    `is_inbound` Bool COMMENT 'Whether it came in',
    `is_outbound` Bool COMMENT 'Whether it went out',
    `is_answered` Bool COMMENT 'Whether it was answered',
    `outcome` LowCardinality(String) COMMENT 'answered, unanswered, busy, cancelled, congestion, unavailable; empty while it is open',
    `wait_seconds` Nullable(Float64) COMMENT 'How long the caller waited, of an inbound call with an outcome: until the answer, or until giving up; NULL of others, and where nobody says',
    `talk_seconds` Nullable(Float64) COMMENT 'How long it was talked: 0 for a call that ended unanswered',
    `transfers` UInt32 COMMENT 'How many times it was handed on, to another extension or to a number outside',
    `service_level_seconds` Float64 COMMENT 'The account''s setting',
    `abandon_seconds` Float64 COMMENT 'The account''s setting'
)
AS WITH
    if(days.ended != 0, days.began, greatest(call.clock_since, call.slot - call.offset_seconds)) AS began,
    if(days.ended != 0, days.ended, least(call.clock_until, call.slot + call.length - call.offset_seconds)) AS ended,
    if(user.name != '', (user.name, user.team), (extension.name, extension.team)) AS person
SELECT
    call.account AS account,
    call.call_key AS call_key,
    call.timezone AS timezone,
    toDateTime(began, 'UTC') AS interval_began_at,
    toDateTime(ended, 'UTC') AS interval_ended_at,
    if(days.ended != 0, days.ahead, call.offset_seconds) AS interval_offset_seconds,
    if(has(splitByChar(',', replaceAll({by:String}, ' ', '')), 'direction'), ifNull(call.direction, ''), NULL) AS direction,
    if(has(splitByChar(',', replaceAll({by:String}, ' ', '')), 'line'), ifNull(call.line, ''), NULL) AS line,
    if(has(splitByChar(',', replaceAll({by:String}, ' ', '')), 'queue'), ifNull(call.queue, ''), NULL) AS queue,
    if(has(splitByChar(',', replaceAll({by:String}, ' ', '')), 'team'), person.2, NULL) AS team,
    if(has(splitByChar(',', replaceAll({by:String}, ' ', '')), 'agent'), if(person.1 != '', person.1, coalesce(call.agent_id, call.extension, '')), NULL) AS agent,
    if(has(splitByChar(',', replaceAll({by:String}, ' ', '')), 'campaign'), ifNull(call.campaign, ''), NULL) AS campaign,
    concat(
        ifNull(direction, ''), '\0', ifNull(line, ''), '\0', ifNull(queue, ''), '\0',
        ifNull(team, ''), '\0', ifNull(agent, ''), '\0', ifNull(campaign, '')
    ) AS told_apart,
    ifNull(call.direction = 'inbound', false) AS is_inbound,
    ifNull(call.direction = 'outbound', false) AS is_outbound,
    call.outcome = 'answered' AS is_answered,
    call.outcome AS outcome,
    if(is_inbound AND call.outcome != '', call.ring_seconds, NULL) AS wait_seconds,
    call.talk_seconds AS talk_seconds,
    call.transfers AS transfers,
    call.service_level_seconds AS service_level_seconds,
    call.abandon_seconds AS abandon_seconds
FROM
(
    SELECT
        account,
        call_key,
        timezone,
        offset_seconds,
        clock_since,
        clock_until,
        service_level_seconds,
        abandon_seconds,
        direction,
        line,
        queue,
        extension,
        agent_id,
        campaign,
        began_at,
        ring_seconds,
        talk_seconds,
        outcome,
        transfers,
        toInt64(toUnixTimestamp(toDateTime({first_day:Date}, 'UTC'))) AS first,
        if({minutes:UInt32} = 0, toInt64(86400 * ({last_day:Date} - {first_day:Date} + 1)), toInt64(60 * {minutes:UInt32})) AS length,
        first + intDiv(intDiv(toUnixTimestamp64Micro(began_at), 1000000) + offset_seconds - first, length) * length AS slot
    FROM calls_local
    WHERE local_day BETWEEN {first_day:Date} AND {last_day:Date}
        AND day IN (SELECT day FROM call_days WHERE began_on BETWEEN toDate32({first_day:Date}) - 1 AND toDate32({last_day:Date}) + 1)
        AND throwIf(
            NOT hasAll(['direction', 'line', 'queue', 'team', 'agent', 'campaign', ''], splitByChar(',', replaceAll({by:String}, ' ', ''))),
            'by must name, between commas, some of direction, line, queue, team, agent and campaign'
        ) = 0
        AND throwIf(
            {minutes:UInt32} != 0 AND {minutes:UInt32} % 1440 != 0 AND 1440 % greatest({minutes:UInt32}, 1) != 0,
            'minutes must be 0, or divide a day, or be whole days'
        ) = 0
) AS call
LEFT JOIN
(
    -- A day begins when the account's clock first shows its midnight, or more if it is set past that. Of the pieces between
    -- two changes of a clock: from, until, ahead of UTC.
    SELECT
        account,
        slot,
        greatest(first_piece.1, slot - first_piece.3) AS began,
        greatest(last_piece.1, slot + length - last_piece.3) AS ended,
        first_piece.3 AS ahead
    FROM
    (
        SELECT
            account,
            length,
            arrayJoin(range(first, first + span, length)) AS slot,
            arrayFirst(piece -> piece.2 > slot - piece.3, pieces) AS first_piece,
            arrayFirst(piece -> piece.2 > slot + length - piece.3, pieces) AS last_piece
        FROM
        (
            SELECT
                account,
                toInt64(toUnixTimestamp(toDateTime({first_day:Date}, 'UTC'))) AS first,
                toInt64(86400 * ({last_day:Date} - {first_day:Date} + 1)) AS span,
                if({minutes:UInt32} = 0, span, toInt64(60 * {minutes:UInt32})) AS length,
                arraySort(groupArray((since, until, offset_seconds))) AS pieces
            FROM account_clocks
            WHERE {minutes:UInt32} = 0 OR {minutes:UInt32} >= 1440
            GROUP BY account
        ) AS clocks
    ) AS around
) AS days
    ON days.account = call.account AND days.slot = call.slot
ASOF LEFT JOIN
(
    SELECT account, id, valid_from, name, team
    FROM directory_entries FINAL
    WHERE kind = 'user' AND hasAny(splitByChar(',', replaceAll({by:String}, ' ', '')), ['team', 'agent'])
) AS user
    ON user.account = call.account AND user.id = call.agent_id AND call.began_at >= user.valid_from
ASOF LEFT JOIN
(
    SELECT account, id, valid_from, name, team
    FROM directory_entries FINAL
    WHERE kind = 'extension' AND hasAny(splitByChar(',', replaceAll({by:String}, ' ', '')), ['team', 'agent'])
) AS extension
    ON extension.account = call.account AND extension.id = call.extension AND call.began_at >= extension.valid_from
COMMENT 'Each call with its interval by the clock of its account, and what is told apart. Parameters: first_day, last_day, minutes, by';
