SELECT * FROM call_legs_masked WHERE account = %(account)s AND day = %(day)s AND call_id = %(call_id)s
