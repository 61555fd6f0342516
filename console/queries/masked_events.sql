SELECT * FROM call_events_masked WHERE account = %(account)s AND event_id IN %(events)s
