-- The newest callback of a source since a time, microseconds.
SELECT id
FROM callbacks
WHERE source = %(source)s AND received_at >= fromUnixTimestamp64Micro(toInt64(%(since)s), 'UTC')
ORDER BY received_at, id
LIMIT 1
