-- What became of callers by interval: who called again, and whether missed callers were called back. caller_contacts says what
-- counts as what, and docs/figures.md has each definition with its source and an example.
-- Parameters: first_day and last_day: by the clock of each account, both included. minutes: how long an interval is, as 15,
-- 30, 60 or 1440 (a day of the account's clock, which has 23 or 25 hours where clocks change); 0: all days as one.
-- by: what to tell apart, as in 'line' or 'team,agent', of direction, line, queue, team, agent and campaign; '': nothing.
CREATE OR REPLACE VIEW caller_figures
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `timezone` String COMMENT 'The IANA name of the account''s time zone; UTC if none is set',
    `local_day` Date COMMENT 'The day in which the interval begins, by the clock of the account',
    `local_time` String COMMENT 'When the interval begins, by that clock, as in 2026-03-29 03:00:00+02:00',
    `interval_began_at` DateTime('UTC') COMMENT 'When the interval begins',
    `interval_ended_at` DateTime('UTC') COMMENT 'When it ends',
    `direction` Nullable(String) COMMENT 'inbound or outbound; empty where nobody says; NULL unless told apart',
    `line` Nullable(String) COMMENT 'Inbound: the number that was called; outbound: the number shown; empty where nobody says; NULL unless told apart',
    `queue` Nullable(String) COMMENT 'The queue or IVR that the calls waited in last; empty of those without one; NULL unless told apart',
    `team` Nullable(String) COMMENT 'The agent''s team, as the directory had it then; empty where it knows none; NULL unless told apart',
    `agent` Nullable(String) COMMENT 'Who answered or was rung first: the name in the directory then, or else the user''s id, or else the extension; empty if nobody was rung; NULL unless told apart',
    `campaign` Nullable(String) COMMENT 'The campaign''s id; empty of calls without one; NULL unless told apart',
    `calls` UInt64 COMMENT 'Inbound calls whose caller''s number is known',
    `callers` UInt64 COMMENT 'How many numbers they were; not to be added up over intervals',
    `repeat_calls` UInt64 COMMENT 'Of calls: the caller had called within the day before, answered or not',
    `repeat_callers` UInt64 COMMENT 'How many numbers these were; not to be added up over intervals',
    `repeat_percent` Nullable(Float64) COMMENT 'repeat_calls, of calls; NULL without any',
    `followed_by_repeat` UInt64 COMMENT 'Of calls: the caller called once more within the day after; not final before that day is over',
    `missed_callers` UInt64 COMMENT 'Callers whose call ended unanswered: a call that is missed again, within a day and before any answer, is not counted again',
    `called_back` UInt64 COMMENT 'Of missed_callers: called within the day after, before they rang again and were answered; not final before that day is over',
    `reached` UInt64 COMMENT 'Of called_back: they answered, within the same day',
    `rang_again` UInt64 COMMENT 'Of missed_callers: rang again within the day after, and were answered, before they were called back',
    `not_called_back` UInt64 COMMENT 'missed_callers less called_back',
    `left_unanswered` UInt64 COMMENT 'missed_callers less called_back and rang_again: nobody has spoken with them within a day',
    `called_back_percent` Nullable(Float64) COMMENT 'called_back, of missed_callers; NULL without any',
    `call_back_p50_seconds` Nullable(Float64) COMMENT 'From the beginning of the missed call until the call back began: what half of called_back waited at most; NULL without any',
    `call_back_p90_seconds` Nullable(Float64) COMMENT 'The same of nine of ten; NULL without any',
    `call_back_longest_seconds` Nullable(Float64) COMMENT 'The longest of them; NULL without any'
)
AS WITH
    (toUnixTimestamp64Micro(contact.called_back_at) - toUnixTimestamp64Micro(contact.began_at)) / 1e6 AS back_seconds
SELECT
    call.account AS account,
    any(call.timezone) AS timezone,
    toDate(intDiv(toInt64(toUnixTimestamp(interval_began_at)) + any(call.interval_offset_seconds), 86400)) AS local_day,
    concat(
        formatDateTime(interval_began_at + any(call.interval_offset_seconds), '%F %T'),
        if(any(call.interval_offset_seconds) < 0, '-', '+'),
        formatDateTime(toDateTime(abs(any(call.interval_offset_seconds)), 'UTC'), '%H:%i')
    ) AS local_time,
    call.interval_began_at AS interval_began_at,
    any(call.interval_ended_at) AS interval_ended_at,
    any(call.direction) AS direction,
    any(call.line) AS line,
    any(call.queue) AS queue,
    any(call.team) AS team,
    any(call.agent) AS agent,
    any(call.campaign) AS campaign,
    count() AS calls,
    uniqExact(contact.number_key) AS callers,
    countIf(contact.is_repeat) AS repeat_calls,
    uniqExactIf(contact.number_key, contact.is_repeat) AS repeat_callers,
    100 * repeat_calls / calls AS repeat_percent,
    countIf(contact.calls_again) AS followed_by_repeat,
    countIf(contact.is_missed) AS missed_callers,
    countIf(contact.is_missed AND isNotNull(contact.called_back_at)) AS called_back,
    countIf(contact.is_missed AND isNotNull(contact.reached_at)) AS reached,
    countIf(contact.is_missed AND isNotNull(contact.rang_again_at)) AS rang_again,
    missed_callers - called_back AS not_called_back,
    missed_callers - called_back - rang_again AS left_unanswered,
    if(missed_callers = 0, NULL, 100 * called_back / missed_callers) AS called_back_percent,
    quantileExactInclusiveIf(0.5)(back_seconds, contact.is_missed) AS call_back_p50_seconds,
    quantileExactInclusiveIf(0.9)(back_seconds, contact.is_missed) AS call_back_p90_seconds,
    maxIf(back_seconds, contact.is_missed) AS call_back_longest_seconds
FROM
(
    SELECT
        account,
        call_key,
        timezone,
        interval_began_at,
        interval_ended_at,
        interval_offset_seconds,
        direction,
        line,
        queue,
        team,
        agent,
        campaign,
        told_apart
    FROM {calls_in_intervals} AS every_call
    WHERE is_inbound
) AS call
INNER JOIN {caller_contacts} AS contact
    ON contact.call_key = call.call_key
GROUP BY account, interval_began_at, call.told_apart
COMMENT 'Repeat callers, and missed callers who were called back or not, by interval. Parameters: first_day, last_day, minutes, by';
