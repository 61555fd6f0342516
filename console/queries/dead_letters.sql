SELECT count() AS messages FROM dead_letters FINAL WHERE kept_at >= now() - INTERVAL 1 DAY
