-- FIRST and COUNT: which of the calls are made. One every 2.592 s: a million take 30 days.
DROP TABLE IF EXISTS simulated;

CREATE TABLE simulated ENGINE = Memory AS
SELECT
    number AS n,
    cityHash64(n, 'call') % 10 AS lot,
    lot < 7 AS bills,                           -- 7 of 10 calls are of common-api: they have a CDR
    lot IN (5, 6) AS predicts,                  -- 2 of 10 belong to campaigns
    lot > 7 AS comes_in,
    1750000000000000 + n * 2592000 + cityHash64(n, 'jitter') % 60000000 AS begun,
    begun * 10 + 122192928000000000 AS ticks,   -- of a version-1 UUID: RFC 9562, 5.1
    lower(concat(
        leftPad(hex(toUInt32(bitAnd(ticks, 0xffffffff))), 8, '0'), '-',
        leftPad(hex(toUInt16(bitAnd(bitShiftRight(ticks, 32), 0xffff))), 4, '0'), '-1',
        right(concat('000', hex(toUInt16(bitShiftRight(ticks, 48)))), 3), '-')) AS stem,
    concat(stem, 'a849-', leftPad(lower(hex(n)), 12, '0')) AS a,
    concat(stem, 'a84a-', leftPad(lower(hex(n)), 12, '0')) AS b,
    concat('8', leftPad(toString(cityHash64(n, 'extension') % 200), 3, '0')) AS extension,
    if(comes_in, concat('400', toString(n % 20)), concat('1', leftPad(toString(cityHash64(n, 'number') % 5000000), 10, '0'))) AS callee,
    if(predicts, concat('campaign-', toString(n % 10)), NULL) AS campaign,
    if(predicts, 'predictive', 'api') AS method,
    if(comes_in, 'inbound', 'outbound') AS direction,
    concat('ref-', toString(n)) AS customer_ref,
    cityHash64(n, 'outcome') % 100 AS luck,
    luck < 60 AS answered,
    multiIf(
        answered, 'answered', luck < 85, 'unanswered', luck < 92, 'busy', luck < 96, 'cancelled', luck < 98, 'congestion',
        'unavailable'
    ) AS outcome,
    toInt64(2 + cityHash64(n, 'ring') % 28) * 1000000 AS ring,
    if(answered, toInt64(10 + cityHash64(n, 'talk') % 290) * 1000000, 0) AS talk,
    fromUnixTimestamp64Micro(toInt64(begun), 'UTC') AS began_at,
    fromUnixTimestamp64Micro(toInt64(begun + ring), 'UTC') AS picked_up_at,
    fromUnixTimestamp64Micro(toInt64(begun + ring + talk), 'UTC') AS ended_at,
    (toUInt8(0), toInt64(0), '') AS unknown,
    (toUInt8(1), -toInt64(begun)) AS belief
FROM numbers(FIRST, COUNT);

-- What ring, answer and hangup told, as a correlator would have written it.
INSERT INTO call_records
    (account, call_id, ids, uuid, sources, dialects, kinds, events, first_received_at, last_received_at, started_at, a_rang_at,
    a_answered_at, b_rang_at, b_answered_at, live, ends, direction, method, caller, callee, display_number, extension,
    customer_ref, campaign, hangup_cause, hangup_direction, outcome, talk_time)
SELECT
    'bench', a, [a, b], a, ['shop'], [if(bills, 'common-api', 'extension-events')],
    if(answered, ['ring', 'answer', 'hangup'], ['ring', 'hangup']),
    arrayMap(kind -> lower(hex(sipHash128(n, kind))), if(answered, ['ring', 'answer', 'hangup'], ['ring', 'hangup'])),
    began_at, ended_at, began_at, began_at + INTERVAL 500 MILLISECOND,
    if(answered, picked_up_at - INTERVAL 1 SECOND, NULL), began_at + INTERVAL 1 SECOND, if(answered, picked_up_at, NULL),
    if(bills, [], [b]), map(b, ended_at),
    (belief.1, belief.2, direction), if(bills, (belief.1, belief.2, method), unknown), (belief.1, belief.2, extension),
    (belief.1, belief.2, callee), (belief.1, belief.2, '2190240001'), (belief.1, belief.2, extension),
    (belief.1, belief.2, customer_ref), if(predicts, (belief.1, belief.2, assumeNotNull(campaign)), unknown),
    (belief.1, belief.2, toString(10000 + luck)), (belief.1, belief.2, toString(10040 + luck % 2)),
    if(bills, unknown, (belief.1, belief.2, outcome)), if(bills, unknown, (belief.1, talk, toString(talk)))
FROM simulated;

-- The CDRs.
INSERT INTO call_records
    (account, call_id, ids, uuid, sources, dialects, kinds, events, first_received_at, last_received_at, cdr)
SELECT
    'bench', a, [a], a, ['shop'], ['common-api'], ['cdr'], [lower(hex(sipHash128(n, 'cdr')))],
    ended_at + INTERVAL 1 SECOND, ended_at + INTERVAL 1 SECOND,
    (
        ended_at + INTERVAL 1 SECOND,
        sipHash64(n, 'cdr'),
        lower(hex(sipHash128(n, 'cdr'))),
        direction, method, '2190240001', callee, '2190240001', concat('u', extension), customer_ref, campaign,
        if(predicts, n % 3, NULL), concat('http://127.0.0.1/records/', a, '.mp3'), 10000 + luck, 10040 + luck % 2,
        if(answered, extension, NULL), toStartOfSecond(began_at), if(answered, toStartOfSecond(picked_up_at), NULL),
        toStartOfSecond(ended_at), ring, talk, if(answered, 'answered', 'unanswered')
    )
FROM simulated
WHERE bills;

INSERT INTO stored_legs (account, leg_id, call_id, side, extension, rang_at, answered_at, ended_at, outcome)
SELECT
    'bench', leg.1, a, leg.2, if(leg.3, (toUInt8(2), belief.2, extension), unknown),
    began_at + INTERVAL 500 MILLISECOND, if(answered, picked_up_at, NULL), ended_at, if(bills, unknown, (belief.1, belief.2, outcome))
FROM simulated
ARRAY JOIN [(a, 'a', NOT predicts), (b, 'b', predicts)] AS leg;

-- What came of each leg; one callback in fifty came twice.
INSERT INTO stored_arrivals
SELECT
    'bench', 'shop', bitRotateLeft(toUInt32(reinterpretAsUInt64(toUUIDOrZero(leg.1))), 16) AS era, leg.1, extension, began_at,
    if(leg.2, ended_at + INTERVAL 1 SECOND, ended_at), began_at, if(answered, picked_up_at, NULL), ended_at,
    if(leg.2, ended_at + INTERVAL 1 SECOND, NULL),
    arrayMap(k -> cityHash64(leg.1, k), range(2 + answered + leg.2 + (n % 50 = 0))) AS callbacks,
    arrayMap(k -> cityHash64(leg.1, k), range(2 + answered + leg.2)) AS events
FROM simulated
ARRAY JOIN [(a, bills), (b, false)] AS leg;

DROP TABLE simulated;
