SELECT *
FROM call_events_masked
WHERE account = %(account)s
    AND received_at >= fromUnixTimestamp64Micro(toInt64(%(since)s), 'UTC')
    AND received_at <= fromUnixTimestamp64Micro(toInt64(%(until)s), 'UTC')
    AND hasAny(ids, %(legs)s)
