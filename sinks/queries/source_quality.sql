CREATE OR REPLACE VIEW source_quality
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `source` String COMMENT 'The configured sender',
    `callbacks` UInt64 COMMENT 'How often callbacks said something of calls: one that tells of several events counts for each',
    `events` UInt64 COMMENT 'How many different things they said',
    `calls` UInt64 COMMENT 'Of how many calls; a call that several sources tell of counts for the first by name',
    `first_received_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When its first event arrived',
    `last_received_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When its last event arrived',
    `cdr_delay_p50_seconds` Nullable(Float64) COMMENT 'From the end of a call to the receipt of its CDR: the median',
    `cdr_delay_p99_seconds` Nullable(Float64) COMMENT 'The same: 99 of 100 CDRs arrived sooner',
    `duplicates_percent` Nullable(Float64) COMMENT 'Percentage of callbacks that only repeated another',
    `out_of_order_percent` Nullable(Float64) COMMENT 'Percentage of legs whose first ring or dial, first answer, hangup and CDR did not arrive in this order, among legs with at least two of these',
    `missing_hangups_percent` Nullable(Float64) COMMENT 'Percentage of calls without the hangups that end them, among calls that are over and had a ring, a dial or an answer; NULL if there is none',
    `silent_extensions` Array(String) COMMENT 'Extensions with events in the 30 days before the source''s last news, but not in the last 24 hours of these',
    `doubts` UInt64 COMMENT 'How many fields of its calls'' events could not be read, and were left out, of each event at most 50: see call_events',
    `doubtful_percent` Nullable(Float64) COMMENT 'Percentage of calls with such a field',
    `doubtful_fields` Array(Tuple(field String, code String, events UInt64, percent Float64)) COMMENT 'Which fields these are, by field and code, most frequent first: in how many events, and in what percentage of all events',
    `suspect_ids` Array(String) COMMENT 'Ids that it put into callbacks of too many calls, which are no longer tied by them: see suspect_ids'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER -- it shows no number: also for people who may see none
AS SELECT
    heard.account AS account,
    heard.source AS source,
    heard.callbacks AS callbacks,
    told.events AS events,
    told.calls AS calls,
    heard.first_received_at AS first_received_at,
    heard.last_received_at AS last_received_at,
    if(empty(told.delays), NULL, told.delays[1]) AS cdr_delay_p50_seconds,
    if(empty(told.delays), NULL, told.delays[2]) AS cdr_delay_p99_seconds,
    100 * greatest(toInt64(heard.callbacks) - toInt64(told.events), 0) / heard.callbacks AS duplicates_percent,
    if(told.legs = 0, NULL, 100 * told.disordered / told.legs) AS out_of_order_percent,
    if(told.over = 0, NULL, 100 * told.without_hangup / told.over) AS missing_hangups_percent,
    heard.silent_extensions AS silent_extensions,
    told.doubts AS doubts,
    if(told.calls = 0, NULL, 100 * told.doubtful / told.calls) AS doubtful_percent,
    arrayMap(
        each -> (each.2, each.3, each.1, 100 * each.1 / told.events), arrayReverseSort(doubted.fields)
    ) AS doubtful_fields,
    suspected.ids AS suspect_ids
FROM
(
    SELECT
        account,
        source,
        sum(extension_callbacks) AS callbacks,
        min(first_heard_at) AS first_received_at,
        max(last_heard_at) AS last_received_at,
        arraySort(arrayMap(
            each -> each.1,
            arrayFilter(
                each -> each.1 != ''
                    AND each.2 < last_received_at - toIntervalHour(24)
                    AND each.2 >= last_received_at - toIntervalDay(30),
                groupArray((extension, last_heard_at))
            )
        )) AS silent_extensions
    FROM
    (
        SELECT
            substringIndex(told_by, '\n', 1) AS account,
            substring(substringIndex(told_by, '\n', 2), length(account) + 2) AS source,
            substring(told_by, length(account) + length(source) + 3) AS extension,
            count() AS extension_callbacks,
            min(received_at) AS first_heard_at,
            max(stored_events.last_received_at) AS last_heard_at
        FROM stored_events FINAL
        WHERE told_by != ''
        GROUP BY told_by
    ) AS by_extension
    GROUP BY account, source
) AS heard
LEFT JOIN
(
    SELECT
        account,
        source,
        sum(told_calls) AS calls,
        sum(told_events) AS events,
        sum(told_legs) AS legs,
        sum(told_disordered) AS disordered,
        sum(told_doubts) AS doubts,
        sum(told_doubtful) AS doubtful,
        sum(told_over) AS over,
        sum(told_without_hangup) AS without_hangup,
        groupArrayArray(told_delays) AS delays
    FROM
    (
        SELECT
            substringIndex(told_by, '\n', 1) AS account,
            substring(told_by, length(account) + 2) AS source,
            count() AS told_calls,
            sum(call.told_events) AS told_events,
            sum(call.told_legs) AS told_legs,
            sum(call.told_disordered) AS told_disordered,
            sum(call.doubts) AS told_doubts,
            countIf(call.doubts > 0) AS told_doubtful,
            countIf(call.is_over * (call.has_ring + call.has_answer) > 0) AS told_over,
            countIf(
                call.is_over * (call.has_ring + call.has_answer) * isNull(call.event_ended_at) > 0
            ) AS told_without_hangup,
            -- both at once: each alone would sort all delays
            if(
                count(call.cdr_delay_seconds) = 0, [], quantilesExactInclusive(0.5, 0.99)(call.cdr_delay_seconds)
            ) AS told_delays
        FROM stored_calls AS call FINAL
        WHERE is_gone = 0
        GROUP BY told_by
        UNION ALL
        -- what the other senders told of a call that several told of
        SELECT account, other.1, 0, sum(other.2), sum(other.3), sum(other.4), 0, 0, 0, 0, []
        FROM (SELECT account, told_by_others FROM stored_calls FINAL WHERE is_gone = 0 AND notEmpty(told_by_others)) AS call
        ARRAY JOIN told_by_others AS other
        GROUP BY account, other.1
    ) AS parts
    GROUP BY account, source
) AS told ON told.account = heard.account AND told.source = heard.source
LEFT JOIN
(
    SELECT account, source, groupArray((field_events, field, code)) AS fields
    FROM
    (
        SELECT
            account,
            doubt.1 AS source,
            -- a sender names fields as it likes
            replaceRegexpAll(doubt.2, '[+＋]?\\pN(?:[^\\pNA-Za-z]{0,3}\\pN){4,}', '…') AS field,
            doubt.3 AS code,
            sum(doubt.4) AS field_events
        FROM (SELECT account, doubted FROM stored_calls FINAL WHERE is_gone = 0 AND notEmpty(doubted)) AS call
        ARRAY JOIN doubted AS doubt
        GROUP BY account, source, field, code
    ) AS doubtful
    GROUP BY account, source
) AS doubted ON doubted.account = heard.account AND doubted.source = heard.source
LEFT JOIN
(
    SELECT account, source, arraySort(groupArray(id)) AS ids
    FROM suspect_ids
    GROUP BY account, source
) AS suspected ON suspected.account = heard.account AND suspected.source = heard.source
COMMENT 'How well each source keeps us informed';
