-- What an analyst asks after the demo, answered by the views. Each statement begins with its question. `begin` and
-- `end` are the times between which the demo's callbacks were sent, `since` and `until` those between which its calls
-- began, `campaign` is one of its campaigns.

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
    if(direction = '', 'nobody says', direction) AS which,
    sum(calls) AS total,
    sum(answered) AS answered,
    sum(unanswered) AS unanswered,
    sum(busy) AS busy,
    sum(cancelled) AS cancelled,
    sum(congestion) AS congestion,
    sum(unavailable) AS unavailable,
    sum(without_outcome) AS open
FROM calls_by_hour
WHERE account IN %(accounts)s AND hour >= toStartOfHour(toDateTime64(%(since)s, 6, 'UTC')) AND hour <= toDateTime64(%(until)s, 6, 'UTC')
GROUP BY which
ORDER BY total DESC;

-- How well do calls get through, by the answer-seizure ratio of ITU-T E.411 and the average call duration?
SELECT
    source,
    direction,
    seizures,
    round(asr_percent, 1) AS asr,
    round(acd_seconds, 1) AS acd
FROM asr(since = %(since)s, until = %(until)s) AS seized
LEFT JOIN acd(since = %(since)s, until = %(until)s) AS talked USING (account, source, direction)
WHERE account IN %(accounts)s
ORDER BY source, direction;

-- How many callers were served within 20 seconds, by each of the three rival definitions?
SELECT
    sum(offered) AS all_offered,
    round(100 * sum(answered_in_time) / all_offered, 1) AS of_offered,
    round(100 * sum(answered_in_time) / (all_offered - sum(given_up_in_time)), 1) AS without_short,
    round(100 * (sum(answered_in_time) + sum(given_up_in_time)) / all_offered, 1) AS short_as_served
FROM service_level(since = %(since)s, until = %(until)s, threshold = 20)
WHERE account IN %(accounts)s;

-- Who was on the phone longest, and how busy were they?
SELECT
    extension,
    round(sum(talk_seconds) / 60, 1) AS talk_minutes,
    round(sum(ring_seconds) / 60, 1) AS ring_minutes,
    round(sum(idle_seconds) / 60, 1) AS idle_minutes,
    round(100 * (sum(talk_seconds) + sum(ring_seconds))
        / (sum(talk_seconds) + sum(ring_seconds) + sum(idle_seconds)), 0) AS occupancy_percent
FROM agents
WHERE account IN %(accounts)s AND hour >= toStartOfHour(toDateTime64(%(since)s, 6, 'UTC')) AND hour <= toDateTime64(%(until)s, 6, 'UTC')
GROUP BY extension
ORDER BY sum(talk_seconds) DESC
LIMIT 8;

-- Which campaign annoys people?
SELECT
    campaign,
    sum(calls) AS total,
    sum(answered) AS taken,
    max(numbers) AS called_numbers,
    round(sum(talk_seconds) / sum(answered), 1) AS talk_seconds_each
FROM calls_by_campaign
WHERE account IN %(accounts)s AND day >= toDate(%(since)s) AND day <= toDate(%(until)s)
GROUP BY campaign
ORDER BY campaign;

-- Does one of them abandon more than the 3 percent that the two-second rule allows (here the calls run sixty times as
-- fast as the clock of the ingress, so a wait between the two is too long)?
SELECT
    campaign,
    answered,
    connected,
    abandoned,
    unclear,
    round(abandoned_percent, 1) AS percent,
    round(highest_percent, 1) AS at_most,
    headroom_calls
FROM abandoned_rate(campaign = %(campaign)s, since = %(since)s, until = %(until)s, seconds = 2)
WHERE account IN %(accounts)s;

-- Where do events and bills disagree (of calls sped up, times by the clock of the ingress do)?
SELECT
    source,
    sum(calls) AS total,
    sum(gaps) AS with_gaps,
    sum(no_cdr) AS without_cdr,
    sum(no_events) AS without_events,
    sum(no_hangup) AS without_hangup,
    sum(times_differ) AS times_disagree,
    sum(wrong_zone) AS zone_is_wrong
FROM reconciliation_by_hour
WHERE account IN %(accounts)s AND hour >= toStartOfHour(toDateTime64(%(since)s, 6, 'UTC')) AND hour <= toDateTime64(%(until)s, 6, 'UTC')
GROUP BY source
ORDER BY source;

-- How good is what each provider sends (of calls sped up, CDRs seem very late)?
SELECT
    source,
    callbacks,
    events,
    round(cdr_delay_p50_seconds, 1) AS cdr_delay_p50,
    round(cdr_delay_p99_seconds, 1) AS cdr_delay_p99,
    round(duplicates_percent, 1) AS duplicates,
    round(out_of_order_percent, 1) AS out_of_order,
    round(missing_hangups_percent, 1) AS missing_hangups
FROM source_quality
WHERE account IN %(accounts)s
ORDER BY source;

-- What could not be used, and why?
SELECT
    source,
    stage,
    arrayJoin(reasons).code AS reason,
    count() AS callbacks
FROM rejected_callbacks
WHERE source IN %(sources)s AND received_at BETWEEN %(begin)s AND %(end)s
GROUP BY source, stage, reason
ORDER BY source, callbacks DESC;
