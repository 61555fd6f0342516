-- First its day, by the columns that decide: then only that day's parts are read whole.
SELECT *
FROM calls_masked
WHERE account = %(account)s
    AND day IN (SELECT day FROM calls_masked WHERE account = %(account)s AND call_id = %(call_id)s)
    AND call_id = %(call_id)s
LIMIT 1
