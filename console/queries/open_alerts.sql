SELECT count() AS alerts FROM alerts WHERE isNull(cleared_at)
