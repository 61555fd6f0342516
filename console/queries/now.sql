-- What the board shows, of every account at once. Parameters, in seconds since 1970: since, the earliest midnight of any
-- account, and an_hour_ago. An account's service level counts answers within its own targets, else within target.
-- Days are those on which calls were first heard of: of a call that is open, yesterday at most.
SELECT
    account,
    if(began < %(since)s, 0, intDiv(began, 300) * 300) AS at,
    began >= %(an_hour_ago)s AS is_last_hour,
    countIf(began >= %(since)s AND state != 'requested') AS calls,
    countIf(direction = 'inbound' AND outcome = 'answered') AS answered_in,
    countIf(direction != 'inbound' AND outcome = 'answered') AS answered_out,
    countIf(direction = 'inbound' AND outcome NOT IN ('', 'answered')) AS abandoned,
    countIf(direction = 'inbound' AND outcome != '' AND isNotNull(ring_seconds)) AS offered,
    countIf(direction = 'inbound' AND outcome = 'answered' AND ring_seconds <= transform(account, %(accounts)s, %(targets)s, %(target)s)) AS in_time,
    countIf(is_open AND state = 'ringing') AS ringing,
    countIf(is_open AND state = 'answered') AS talking,
    countIf(is_waiting) AS waiting,
    minIf(began, is_waiting) AS waiting_since,
    groupUniqArrayArrayIf(on_the_phone, is_open) AS agents
FROM
(
    SELECT
        account,
        toUnixTimestamp(began_at) AS began,
        ifNull(direction, '') AS direction,
        outcome,
        state,
        ring_seconds,
        state IN ('ringing', 'answered') AND close_reason = '' AS is_open,
        is_open AND direction = 'inbound' AND isNull(answered_at) AS is_waiting,
        if(state = 'answered' AND isNotNull(extension), [assumeNotNull(extension)], []) AS on_the_phone
    FROM calls
    WHERE day >= toDate(toDateTime(%(since)s, 'UTC')) - 1
)
WHERE began >= %(since)s OR is_open
GROUP BY account, at, is_last_hour
