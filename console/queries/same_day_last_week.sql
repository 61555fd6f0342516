-- Calls by five minutes, of every account, that began between since and until: seconds since 1970. See now.sql.
SELECT account, intDiv(toUnixTimestamp(began_at), 300) * 300 AS at, countIf(state != 'requested') AS calls
FROM stored_calls FINAL
WHERE is_gone = 0
    AND day >= toDate(toDateTime(%(since)s, 'UTC')) - 1 AND day <= toDate(toDateTime(%(until)s, 'UTC')) + 1
    AND began_at >= toDateTime(%(since)s, 'UTC') AND began_at < toDateTime(%(until)s, 'UTC')
GROUP BY account, at
