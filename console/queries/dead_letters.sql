SELECT count() AS messages FROM dead_letters WHERE written_at >= now() - INTERVAL 1 DAY
