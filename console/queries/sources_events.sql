-- Delays, duplicates and doubts of the last day's events: parameter since, microseconds.
SELECT
    source,
    uniqExact(callback_id) AS tellings,
    uniqExact(event_id) AS events,
    sum(length(doubts)) AS doubts,
    quantilesExactIf(0.5, 0.99)(delay, clock = 'provider') AS delays,
    countIf(clock = 'provider') AS timed
FROM
(
    SELECT
        source, callback_id, event_id, doubts, clock,
        (toUnixTimestamp64Micro(received_at) - toUnixTimestamp64Micro(occurred_at)) / 1e6 AS delay
    FROM stored_events FINAL
    WHERE day >= toDate(fromUnixTimestamp64Micro(toInt64(%(since)s), 'UTC'))
        AND received_at >= fromUnixTimestamp64Micro(toInt64(%(since)s), 'UTC')
        AND kind NOT IN ('void', 'closed', 'summed', 'requested')
)
GROUP BY source
