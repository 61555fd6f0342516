CROSS JOIN
(
    -- a column, not a scalar: EXPLAIN would show the value of that. Without a key there are no rows
    SELECT key0, key1
    FROM pseudonym_keys
    ORDER BY created_at, key0, key1
    LIMIT 1
) AS secret
