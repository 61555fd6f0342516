CREATE OR REPLACE VIEW source_quality
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `source` String COMMENT 'The configured sender',
    `callbacks` UInt64 COMMENT 'How many callbacks said something of calls',
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
    `doubts` UInt64 COMMENT 'How many fields of its calls'' events could not be read, and were left out: see call_events',
    `doubtful_percent` Nullable(Float64) COMMENT 'Percentage of calls with such a field',
    `doubtful_fields` Array(Tuple(field String, code String, events UInt64, percent Float64)) COMMENT 'Which fields these are, by field and code, most frequent first: in how many events, and in what percentage of all events',
    `suspect_ids` Array(String) COMMENT 'Ids that it put into callbacks of too many calls, which are no longer tied by them: see suspect_ids'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER -- it shows no number: also for people who may see none
AS SELECT
    heard.account AS account,
    heard.source AS source,
    heard.callbacks AS callbacks,
    heard.events AS events,
    made.calls AS calls,
    heard.first_received_at AS first_received_at,
    heard.last_received_at AS last_received_at,
    made.cdr_delay_p50_seconds AS cdr_delay_p50_seconds,
    made.cdr_delay_p99_seconds AS cdr_delay_p99_seconds,
    100 * (heard.callbacks - heard.events) / heard.callbacks AS duplicates_percent,
    if(heard.legs = 0, NULL, 100 * heard.legs_out_of_order / heard.legs) AS out_of_order_percent,
    if(made.over = 0, NULL, 100 * made.without_hangup / made.over) AS missing_hangups_percent,
    heard.silent_extensions AS silent_extensions,
    made.doubts AS doubts,
    if(made.calls = 0, NULL, 100 * made.doubtful / made.calls) AS doubtful_percent,
    arrayMap(
        each -> (each.2, each.3, each.1, 100 * each.1 / heard.events), arrayReverseSort(doubted.fields)
    ) AS doubtful_fields,
    suspected.ids AS suspect_ids
FROM
(
    SELECT
        account,
        source,
        sum(extension_callbacks) AS callbacks,
        sum(extension_events) AS events,
        sum(extension_legs) AS legs,
        sum(extension_legs_out_of_order) AS legs_out_of_order,
        min(first_heard_at) AS first_received_at,
        max(last_heard_at) AS last_received_at,
        arraySort(arrayMap(
            each -> each.1,
            arrayFilter(
                each -> isNotNull(each.1)
                    AND each.2 < last_received_at - toIntervalHour(24)
                    AND each.2 >= last_received_at - toIntervalDay(30),
                groupArray((extension, last_heard_at))
            )
        )) AS silent_extensions
    FROM
    (
        WITH toInt64(9223372036854775807) AS unknown
        SELECT
            account,
            source,
            extension,
            sum(callbacks) AS extension_callbacks,
            sum(events) AS extension_events,
            min(leg.first_received_at) AS first_heard_at,
            max(leg.last_received_at) AS last_heard_at,
            countIf(
                (first_offered_at != unknown) + (first_answered_at != unknown) + (first_ended_at != unknown)
                    + (first_billed_at != unknown) > 1
            ) AS extension_legs,
            -- sums and products: AND and OR pick out the rows of each part
            countIf(
                (first_offered_at != unknown)
                        * (first_offered_at > least(first_answered_at, first_ended_at, first_billed_at))
                    + (first_answered_at != unknown) * (first_answered_at > least(first_ended_at, first_billed_at))
                    + (first_ended_at != unknown) * (first_ended_at > first_billed_at) > 0
            ) AS extension_legs_out_of_order
        FROM
        (
            SELECT
                account,
                source,
                max(telling.extension) AS extension,
                uniqExact(callback_id) AS callbacks,
                uniqExact(event_id) AS events,
                min(received_at) AS first_received_at,
                max(last_received_at) AS last_received_at,
                min(if(kind IN ('ring', 'dial'), time, unknown)) AS first_offered_at,
                min(if(kind = 'answer', time, unknown)) AS first_answered_at,
                min(if(kind = 'hangup', time, unknown)) AS first_ended_at,
                min(if(kind = 'cdr', time, unknown)) AS first_billed_at
            FROM
            (
                SELECT
                    account,
                    source,
                    leg,
                    kind,
                    extension,
                    callback_id,
                    event_id,
                    received_at,
                    last_received_at,
                    toUnixTimestamp64Micro(received_at) AS time
                FROM stored_events FINAL
                WHERE kind NOT IN ('message', 'requested', 'void', 'closed', 'summed')
            ) AS telling
            GROUP BY account, source, leg
        ) AS leg
        GROUP BY account, source, extension
    ) AS by_extension
    GROUP BY account, source
) AS heard
LEFT JOIN
(
    SELECT
        account,
        source,
        count() AS calls,
        -- both at once: each alone would sort all delays
        quantilesExactInclusiveIf(0.5, 0.99)(delay_seconds, isNotNull(delay_seconds)) AS delays,
        if(count(delay_seconds) = 0, NULL, delays[1]) AS cdr_delay_p50_seconds,
        if(count(delay_seconds) = 0, NULL, delays[2]) AS cdr_delay_p99_seconds,
        sum(call.doubts) AS doubts,
        countIf(call.doubts > 0) AS doubtful,
        countIf(is_over_with_events) AS over,
        countIf(is_over_with_events AND isNull(event_ended_at)) AS without_hangup
    FROM
    (
        SELECT
            account,
            source,
            has_cdr,
            event_ended_at,
            (toUnixTimestamp64Micro(cdr_received_at) - toUnixTimestamp64Micro(cdr_ended_at)) / 1e6 AS delay_seconds,
            (state IN ('ended', 'complete') OR close_reason != '') AND (has_ring OR has_answer) AS is_over_with_events,
            doubts
        FROM calls
    ) AS call
    GROUP BY account, source
) AS made ON made.account = heard.account AND made.source = heard.source
LEFT JOIN
(
    SELECT account, source, groupArray((field_events, field, code)) AS fields
    FROM
    (
        SELECT
            account,
            source,
            -- a sender names fields as it likes
            replaceRegexpAll(tupleElement(doubt, 1), '[0-9]{5,}', '…') AS field,
            tupleElement(doubt, 2) AS code,
            uniqExact(event_id) AS field_events
        FROM stored_events FINAL
        ARRAY JOIN doubts AS doubt
        WHERE kind NOT IN ('message', 'requested', 'void', 'closed', 'summed')
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
SETTINGS additional_table_filters = {} -- a caller's filters would reach the tables below
COMMENT 'How well each source keeps us informed';
