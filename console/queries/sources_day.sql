-- How each source has done in the last day, by what came: parameters since (a day ago) and an_hour_ago, microseconds.
SELECT
    source,
    count() AS callbacks,
    countIf(received_at >= fromUnixTimestamp64Micro(toInt64(%(an_hour_ago)s), 'UTC')) AS last_hour,
    countIf(status = 'rejected') AS rejected
FROM callbacks
WHERE received_at >= fromUnixTimestamp64Micro(toInt64(%(since)s), 'UTC') AND source != '' AND kind = 'webhook'
GROUP BY source
