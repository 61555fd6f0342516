-- When each source was last heard: parameter since, microseconds; older news is not looked for.
SELECT source, max(received_at) AS last_received_at
FROM callbacks
WHERE received_at >= fromUnixTimestamp64Micro(toInt64(%(since)s), 'UTC') AND source != ''
GROUP BY source
