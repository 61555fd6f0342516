-- 1. How many calls began in each hour of a day, and how many were answered?
SELECT hour, sum(calls) AS calls, sum(answered) AS answered
FROM calls_by_hour
WHERE account = 'acme' AND toDate(hour) = '2024-03-04'
GROUP BY hour
ORDER BY hour;

-- 2. Which day had the most calls?
SELECT toDate(hour) AS day, sum(calls) AS calls
FROM calls_by_hour
WHERE account = 'acme'
GROUP BY day
ORDER BY calls DESC, day
LIMIT 1;

-- 3. Which extensions talked most on a day?
SELECT extension, calls, talk_seconds
FROM calls_by_extension
WHERE account = 'acme' AND day = '2024-03-04'
ORDER BY talk_seconds DESC, extension
LIMIT 3;

-- 4. Who was on the phone in which hour, and how busy?
SELECT extension, hour, round(talk_seconds) AS talk, round(ring_seconds) AS ring, round(occupancy_percent) AS occupancy
FROM agents
WHERE account = 'acme' AND hour >= '2024-03-04 09:00:00' AND hour < '2024-03-04 10:00:00'
ORDER BY extension;

-- 5. What became of each campaign, and how many of its numbers were reached?
SELECT campaign, sum(calls) AS calls, sum(answered) AS answered, max(numbers) AS most_numbers_a_day
FROM calls_by_campaign
WHERE account = 'acme'
GROUP BY campaign
ORDER BY campaign;

-- 6. Does a campaign abandon more calls than the two-second rule allows?
SELECT answered, abandoned, abandoned_percent, headroom_percent, headroom_calls
FROM abandoned_rate(campaign = 'spring', since = '2024-03-04 00:00:00', until = '2024-03-05 00:00:00', seconds = 2)
WHERE account = 'acme';

-- 7. What service level did the line have, by each of the three definitions?
SELECT line, offered, round(of_offered_percent, 1) AS of_offered, round(without_short_percent, 1) AS without_short,
    round(short_as_served_percent, 1) AS short_as_served
FROM service_level(since = '2024-03-04 00:00:00', until = '2024-03-05 00:00:00', threshold = 20)
WHERE account = 'acme';

-- 8. How good is the route out: answer-seizure ratio against network effectiveness?
SELECT asr.direction, round(asr.asr_percent, 1) AS asr_percent, round(ner.ner_percent, 1) AS ner_percent
FROM asr(since = '2024-03-04 00:00:00', until = '2024-03-05 00:00:00') AS asr
INNER JOIN ner(since = '2024-03-04 00:00:00', until = '2024-03-05 00:00:00') AS ner USING (account, source, direction)
WHERE asr.account = 'acme'
ORDER BY asr.direction;

-- 9. How long is a conversation?
SELECT direction, answered, acd_seconds, median_seconds
FROM acd(since = '2024-03-04 00:00:00', until = '2024-03-05 00:00:00')
WHERE account = 'acme'
ORDER BY direction;

-- 10. How long does it take from the dial to the first ring?
SELECT source, rung, pdd_seconds, longest_seconds
FROM pdd(since = '2024-03-04 00:00:00', until = '2024-03-05 00:00:00')
WHERE account = 'acme' AND direction = 'outbound';

-- 11. Of how many attempts did no call come?
SELECT bids, requests, round(abr_percent, 1) AS abr_percent
FROM abr(since = '2024-03-04 00:00:00', until = '2024-03-05 00:00:00')
WHERE account = 'acme' AND direction = 'outbound';

-- 12. With which of the provider's codes do calls end?
SELECT hangup_cause, sum(calls) AS calls
FROM hangup_causes
WHERE account = 'acme' AND day = '2024-03-04' AND isNotNull(hangup_cause)
GROUP BY hangup_cause
ORDER BY hangup_cause;

-- 13. Which calls are open?
SELECT call_id, extension, started_at
FROM calls
WHERE account = 'acme' AND outcome = '' AND close_reason = '' AND state != 'requested'
ORDER BY started_at;

-- 14. Which requests never became a call?
SELECT call_id, requested_by, requested_at
FROM calls
WHERE account = 'acme' AND state = 'requested'
ORDER BY requested_at;

-- 15. The whole of one call, by the id of any of its legs?
SELECT call_id, outcome, answered_at, talk_seconds
FROM calls
WHERE (account, day, call_id) IN (SELECT account, day, call_id FROM call_ids WHERE account = 'acme' AND id = 'p1b');

-- 16. What happened to each leg of a call?
SELECT leg_id, side, extension, rang_at, answered_at, ended_at
FROM call_legs
WHERE account = 'acme' AND call_id = 'p1'
ORDER BY leg_id;

-- 17. What did the provider tell of a call, in its order?
SELECT kind, leg, occurred_at
FROM call_events
WHERE account = 'acme' AND has(ids, 'p1')
ORDER BY occurred_at, kind;

-- 18. Which calls talked longest?
SELECT call_id, extension, talk_seconds
FROM calls
WHERE account = 'acme'
ORDER BY talk_seconds DESC NULLS LAST, call_id
LIMIT 3;

-- 19. Of which calls do the events and the CDR tell another duration?
SELECT call_id, event_talk_seconds, cdr_talk_seconds
FROM calls
WHERE account = 'acme' AND abs(event_talk_seconds - cdr_talk_seconds) >= 1
ORDER BY call_id;

-- 20. How many calls were under way at once, at most?
SELECT max(under_way) AS most
FROM
(
    SELECT sum(step) OVER (ORDER BY moment, step) AS under_way
    FROM
    (
        SELECT began_at AS moment, 1 AS step FROM calls WHERE account = 'acme' AND isNotNull(ended_at)
        UNION ALL
        SELECT assumeNotNull(ended_at), -1 FROM calls WHERE account = 'acme' AND isNotNull(ended_at)
    ) AS steps
) AS counted;
