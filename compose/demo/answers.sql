-- What an analyst asks after the demo. Each statement begins with its question, `begin` and `end` are the
-- times between which the demo's callbacks were sent.

-- How many calls were there, how many were answered, and how quickly?
SELECT
    source,
    count() AS calls,
    countIf(outcome = 'answered') AS answered,
    round(100 * countIf(outcome = 'answered') / count(), 1) AS answered_percent,
    round(quantileIf(0.5)(ring_seconds, outcome = 'answered'), 1) AS median_ring_seconds,
    round(quantileIf(0.9)(ring_seconds, outcome = 'answered'), 1) AS p90_ring_seconds,
    round(sum(talk_seconds) / 3600, 1) AS talk_hours,
    countIf(outcome = '') AS open
FROM calls
WHERE source IN %(sources)s AND first_received_at BETWEEN %(begin)s AND %(end)s
GROUP BY source
ORDER BY source;

-- How did calls end?
SELECT
    if(outcome = '', 'open: a hangup was lost', outcome) AS ended,
    count() AS calls,
    countIf(direction = 'inbound') AS inbound,
    countIf(direction = 'outbound') AS outbound,
    round(avg(talk_seconds), 1) AS mean_talk_seconds
FROM calls
WHERE source IN %(sources)s AND first_received_at BETWEEN %(begin)s AND %(end)s
GROUP BY ended
ORDER BY calls DESC;

-- Who was on the phone longest?
SELECT
    extension,
    any(agent_id) AS agent,
    count() AS answered,
    round(sum(talk_seconds) / 60, 1) AS talk_minutes,
    round(avg(talk_seconds), 0) AS mean_talk_seconds
FROM calls
WHERE source IN %(sources)s AND first_received_at BETWEEN %(begin)s AND %(end)s AND outcome = 'answered'
GROUP BY extension
ORDER BY sum(talk_seconds) DESC
LIMIT 8;

-- Which campaign annoys people? Answered without an agent is abandoned.
SELECT
    campaign,
    count() AS calls,
    countIf(outcome = 'answered') AS answered,
    countIf(outcome = 'answered' AND extension IS NULL) AS abandoned,
    if(answered = 0, NULL, round(100 * abandoned / answered, 1)) AS abandoned_percent,
    max(round) AS rounds
FROM calls
WHERE source IN %(sources)s AND first_received_at BETWEEN %(begin)s AND %(end)s AND campaign IS NOT NULL
GROUP BY campaign
ORDER BY campaign;

-- What could not be used, and why?
SELECT
    source,
    stage,
    arrayJoin(reasons).code AS reason,
    count() AS callbacks
FROM callbacks
WHERE source IN %(sources)s AND received_at BETWEEN %(begin)s AND %(end)s AND status = 'rejected'
GROUP BY source, stage, reason
ORDER BY source, callbacks DESC;
