SELECT source, sum(callbacks) AS callbacks, max(last_received_at) AS last_received_at, sum(doubts) AS doubts,
    max(duplicates_percent) AS duplicates_percent
FROM source_quality
GROUP BY source
