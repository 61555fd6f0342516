SELECT * FROM calls_masked WHERE account = %(account)s AND call_id = %(call_id)s LIMIT 1
