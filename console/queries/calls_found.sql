-- Which calls are meant: only the columns that decide are read of all of them.
SELECT account, day, call_id, toUnixTimestamp64Micro(began_at) AS began
FROM {calls}
WHERE {where}
ORDER BY began_at DESC, call_id DESC, account DESC
LIMIT %(most)s
