-- What the board shows, of every account at once. Parameters, in seconds since 1970: since, the earliest midnight of any
-- account, and an_hour_ago. An account's service level counts answers within its own targets, else within target.
-- Days are those on which calls were first heard of: of a call that is open, yesterday at most.
-- It reads the table behind `calls`: to plan a query of that view's ninety columns takes longer than to answer it.
WITH
    toUnixTimestamp(began_at) AS began,
    began >= %(since)s AS is_new,
    ifNull(direction = 'inbound', false) AS is_inbound,
    outcome = 'answered' AS is_answered,
    state IN ('ringing', 'answered') AND close_reason = '' AS is_open,
    is_open AND is_inbound AND isNull(answered_at) AS is_waiting
SELECT
    account,
    if(is_new, intDiv(began, 300) * 300, 0) AS at,
    began >= %(an_hour_ago)s AS is_last_hour,
    countIf(is_new AND state != 'requested') AS calls,
    countIf(is_inbound AND is_answered) AS answered_in,
    countIf(NOT is_inbound AND is_answered) AS answered_out,
    countIf(is_inbound AND outcome != '' AND NOT is_answered) AS abandoned,
    countIf(is_inbound AND outcome != '' AND isNotNull(ring_seconds)) AS offered,
    countIf(is_inbound AND is_answered AND ring_seconds <= transform(account, %(accounts)s, %(targets)s, %(target)s)) AS in_time,
    countIf(is_open AND state = 'ringing') AS ringing,
    countIf(is_open AND state = 'answered') AS talking,
    countIf(is_waiting) AS waiting,
    minIf(began, is_waiting) AS waiting_since,
    groupUniqArrayIf(extension, is_open AND state = 'answered') AS agents
FROM stored_calls FINAL
WHERE is_gone = 0 AND day >= toDate(toDateTime(%(since)s, 'UTC')) - 1 AND (is_new OR is_open)
GROUP BY account, at, is_last_hour
