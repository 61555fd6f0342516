(
    SELECT if(count() = 0, now64(6, 'UTC'), toStartOfDay(min(visible_at)))
    FROM call_versions
)
