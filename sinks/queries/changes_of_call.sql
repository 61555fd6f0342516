-- Made of calls.sql by `python -m sinks.changes`; the meaning is that of schemas/changes.py.
CREATE OR REPLACE VIEW changes_of_call
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `call_id` String COMMENT 'The call',
    `revision` UInt64 COMMENT 'The how manieth event of its call it was that changed it, from 1',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When that event first came',
    `event_id` String COMMENT 'The event',
    `field` String COMMENT 'Which column of calls it changed',
    `before` Nullable(String) COMMENT 'What stood there before, as text; NULL for what was not known',
    `after` Nullable(String) COMMENT 'What stands there since, as text; NULL for what is not known'
)
AS SELECT
    account,
    call_id,
    revision,
    received_at,
    event_id,
    change.1 AS field,
    nullIf(change.2, '') AS before,
    nullIf(change.3, '') AS after
FROM
(
    SELECT
        account,
        call_id,
        revision,
        received_at,
        event_id,
        arrayJoin(arrayFilter(each -> each.2 != each.3, arrayZip(
            ['uuid', 'legs', 'source', 'dialect', 'direction', 'method', 'caller', 'callee', 'display_number', 'extension', 'agent_id', 'customer_ref', 'campaign', 'round', 'tag', 'variables', 'requested_by', 'requested_at', 'started_at', 'rang_at', 'answered_at', 'ended_at', 'request_to_ring_seconds', 'ring_seconds', 'talk_seconds', 'outcome', 'hangup_cause', 'hangup_direction', 'recording', 'state', 'has_ring', 'has_answer', 'has_hangup', 'has_cdr'],
            if(revision = 1, ['', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', 'false', 'false', 'false', 'false'], known_before),
            known
        ))) AS change
    FROM
    (
        SELECT
            account,
            call_id,
            revision,
            received_at,
            event_id,
            known,
            lagInFrame(known) OVER (
                PARTITION BY account, call_id ORDER BY received_at, event_id
                ROWS BETWEEN 1 PRECEDING AND CURRENT ROW
            ) AS known_before
        FROM
        (
            SELECT
                account,
                call_id,
                revision,
                received_at,
                event_id,
                [
                ifNull(toString(version.uuid), ''),
                arrayStringConcat(version.legs, ', '),
                ifNull(toString(version.source), ''),
                ifNull(toString(version.dialect), ''),
                ifNull(toString(version.direction), ''),
                ifNull(toString(version.method), ''),
                ifNull(toString(version.caller), ''),
                ifNull(toString(version.callee), ''),
                ifNull(toString(version.display_number), ''),
                ifNull(toString(version.extension), ''),
                ifNull(toString(version.agent_id), ''),
                ifNull(toString(version.customer_ref), ''),
                ifNull(toString(version.campaign), ''),
                ifNull(toString(version.round), ''),
                ifNull(toString(version.tag), ''),
                arrayStringConcat(arrayMap((k, v) -> concat(k, '=', v), mapKeys(variables), mapValues(variables)), ', '),
                ifNull(toString(version.requested_by), ''),
                ifNull(toString(version.requested_at), ''),
                ifNull(toString(version.started_at), ''),
                ifNull(toString(version.rang_at), ''),
                ifNull(toString(version.answered_at), ''),
                ifNull(toString(version.ended_at), ''),
                ifNull(toString(version.request_to_ring_seconds), ''),
                ifNull(toString(version.ring_seconds), ''),
                ifNull(toString(version.talk_seconds), ''),
                ifNull(toString(version.outcome), ''),
                ifNull(toString(version.hangup_cause), ''),
                ifNull(toString(version.hangup_direction), ''),
                ifNull(toString(version.recording), ''),
                ifNull(toString(version.state), ''),
                if(version.has_ring, 'true', 'false'),
                if(version.has_answer, 'true', 'false'),
                if(version.has_hangup, 'true', 'false'),
                if(version.has_cdr, 'true', 'false')
                ] AS known
            FROM
            (
                WITH
                    toUnixTimestamp64Micro(coalesce(answered_at, ended_at)) - toUnixTimestamp64Micro(event_rang_at) AS waited,
                    toUnixTimestamp64Micro(ended_at) - toUnixTimestamp64Micro(answered_at) AS talked,
                    toUnixTimestamp64Micro(rang_at) - toUnixTimestamp64Micro(requested_at) AS prepared,
                    toUnixTimestamp64Micro(coalesce(event_answered_at, event_ended_at)) - toUnixTimestamp64Micro(event_rang_at) AS event_waited,
                    toUnixTimestamp64Micro(event_ended_at) - toUnixTimestamp64Micro(event_answered_at) AS event_talked
                SELECT
                    event_id AS event_id,
                    received_at AS received_at,
                    account,
                    call_id,
                    uuid,
                    legs,
                    sources[1] AS source,
                    dialects[1] AS dialect,
                    coalesce(cdr_direction, event_direction) AS direction,
                    coalesce(cdr_method, event_method) AS method,
                    coalesce(cdr_caller, event_caller) AS caller,
                    coalesce(cdr_callee, event_callee) AS callee,
                    coalesce(cdr_display_number, event_display_number) AS display_number,
                    coalesce(cdr_extension, event_extension) AS extension,
                    coalesce(cdr_agent_id, event_agent_id) AS agent_id,
                    coalesce(cdr_customer_ref, event_customer_ref) AS customer_ref,
                    coalesce(cdr_campaign, event_campaign) AS campaign,
                    coalesce(cdr_round, event_round) AS round,
                    coalesce(cdr_started_at, event_started_at) AS started_at,
                    rang_at,
                    if(has_cdr, cdr_answered_at, event_answered_at) AS answered_at,
                    coalesce(cdr_ended_at, event_ended_at) AS ended_at,
                    multiIf(
                        isNotNull(cdr_ring_seconds), cdr_ring_seconds,
                        -- a queue or an IVR says that somebody answered, but not when
                        outcome = 'answered' AND isNull(answered_at), NULL,
                        -- two clocks may disagree, but no duration is negative
                        if(waited < 0, 0, waited) / 1e6
                    ) AS ring_seconds,
                    multiIf(
                        isNotNull(cdr_talk_seconds), cdr_talk_seconds,
                        outcome = '', NULL,
                        outcome != 'answered', 0,
                        isNotNull(measured_seconds), measured_seconds,
                        if(talked < 0, 0, talked) / 1e6
                    ) AS talk_seconds,
                    coalesce(cdr_outcome, event_outcome, '') AS outcome,
                    coalesce(cdr_hangup_cause, event_hangup_cause) AS hangup_cause,
                    coalesce(cdr_hangup_direction, event_hangup_direction) AS hangup_direction,
                    coalesce(cdr_recording, event_recording) AS recording,
                    multiIf(
                        is_complete, 'complete',
                        has_ended, 'ended',
                        kinds = ['requested'], 'requested',
                        isNull(event_answered_at), 'ringing',
                        'answered'
                    ) AS state,
                    multiIf(is_complete OR NOT is_closed, '', state = 'requested', 'never_came', closed_why) AS close_reason,
                    has(kinds, 'ring') OR has(kinds, 'dial') AS has_ring,
                    has(kinds, 'answer') AS has_answer,
                    has(kinds, 'hangup') AS has_hangup,
                    has_cdr,
                    first_received_at,
                    last_received_at,
                    requested_at,
                    requested_by,
                    tag,
                    variables,
                    if(prepared < 0, 0, prepared) / 1e6 AS request_to_ring_seconds,
                    was_closed AND close_reason = '' AS reopened,
                    length(events) AS revision,
                    events
                FROM
                (
                    SELECT
                        r.event_id AS event_id,
                        r.received_at AS received_at,
                        r.account AS account,
                        r.call_id AS call_id,
                        r.uuid AS uuid,
                        arraySort(r.ids) AS legs,
                        arraySort(r.sources) AS sources,
                        arraySort(r.dialects) AS dialects,
                        arraySort(r.kinds) AS kinds,
                        arraySort(r.events) AS events,
                        r.first_received_at AS first_received_at,
                        r.last_received_at AS last_received_at,
                        r.cdr.received_at > toDateTime64(0, 6, 'UTC') AS has_cdr,
                        -- a hangup came, and one for every leg that must end by itself
                        notEmpty(r.ends) AND hasAll(mapKeys(r.ends), r.live) AS has_ended,
                        has_cdr OR (has_ended AND NOT has(r.dialects, 'common-api')) AS is_complete,
                        -- once the call was put through to a B leg, only that leg's answer is the call's answer
                        isNotNull(r.b_rang_at) OR isNotNull(r.b_answered_at) AS b_decides,
                        coalesce(if(r.a_rang_at < r.b_rang_at, r.a_rang_at, r.b_rang_at), r.a_rang_at, r.b_rang_at) AS rang_at,
                        if(b_decides, r.b_rang_at, r.a_rang_at) AS event_rang_at,
                        r.started_at AS event_started_at,
                        if(b_decides, r.b_answered_at, r.a_answered_at) AS event_answered_at,
                        if(has_ended, arrayMax(mapValues(r.ends)), NULL) AS event_ended_at,
                        multiIf(
                            NOT has_ended, NULL,
                            isNotNull(event_answered_at), 'answered',
                            r.outcome.priority > 0, r.outcome.value,
                            'unanswered'
                        ) AS event_outcome,
                        if(r.talk_time.priority > 0, toInt64OrNull(r.talk_time.value) / 1e6, NULL) AS measured_seconds,
                        -- news received after it was closed reopens a call
                        r.closed.priority > 0 AS was_closed,
                        was_closed AND r.closed.rank >= toUnixTimestamp64Micro(r.last_received_at) AS is_closed,
                        r.closed.value AS closed_why,
                        if(r.direction.priority > 0, r.direction.value, NULL) AS event_direction,
                        if(r.method.priority > 0, r.method.value, NULL) AS event_method,
                        if(r.caller.priority > 0, r.caller.value, NULL) AS event_caller,
                        if(r.callee.priority > 0, r.callee.value, NULL) AS event_callee,
                        if(r.display_number.priority > 0, r.display_number.value, NULL) AS event_display_number,
                        if(r.extension.priority > 0, r.extension.value, NULL) AS event_extension,
                        if(r.agent_id.priority > 0, r.agent_id.value, NULL) AS event_agent_id,
                        if(r.customer_ref.priority > 0, r.customer_ref.value, NULL) AS event_customer_ref,
                        if(r.campaign.priority > 0, r.campaign.value, NULL) AS event_campaign,
                        if(r.recording.priority > 0, r.recording.value, NULL) AS event_recording,
                        if(r.round.priority > 0, toInt64OrNull(r.round.value), NULL) AS event_round,
                        if(r.hangup_cause.priority > 0, toInt64OrNull(r.hangup_cause.value), NULL) AS event_hangup_cause,
                        if(r.hangup_direction.priority > 0, toInt64OrNull(r.hangup_direction.value), NULL) AS event_hangup_direction,
                        r.requested_at AS requested_at,
                        if(r.tag.priority > 0, r.tag.value, NULL) AS tag,
                        JSONExtract(r.variables.value, 'Map(String, String)') AS variables,
                        if(r.requested_by.priority > 0, r.requested_by.value, NULL) AS requested_by,
                        if(has_cdr, r.cdr.received_at, NULL) AS cdr_received_at,
                        r.cdr.direction AS cdr_direction,
                        r.cdr.method AS cdr_method,
                        r.cdr.caller AS cdr_caller,
                        r.cdr.callee AS cdr_callee,
                        r.cdr.display_number AS cdr_display_number,
                        r.cdr.extension AS cdr_extension,
                        r.cdr.agent_id AS cdr_agent_id,
                        r.cdr.customer_ref AS cdr_customer_ref,
                        r.cdr.campaign AS cdr_campaign,
                        r.cdr.round AS cdr_round,
                        r.cdr.started_at AS cdr_started_at,
                        r.cdr.answered_at AS cdr_answered_at,
                        r.cdr.ended_at AS cdr_ended_at,
                        r.cdr.ring_time / 1e6 AS cdr_ring_seconds,
                        r.cdr.talk_time / 1e6 AS cdr_talk_seconds,
                        r.cdr.outcome AS cdr_outcome,
                        r.cdr.hangup_cause AS cdr_hangup_cause,
                        r.cdr.hangup_direction AS cdr_hangup_direction,
                        r.cdr.recording AS cdr_recording
                    FROM
                    (
                        WITH chosen AS
                        (
                            SELECT account, call_id, arrayJoin(events) AS event_id
                            FROM (SELECT account, call_id, events FROM call_records FINAL WHERE merged_into IS NULL AND account = {account:String} AND call_id = {call_id:String})
                        )
                        SELECT
                            account,
                            call_id,
                            event_id,
                            came_at AS received_at,
                            groupUniqArrayArray(said.ids) OVER so_far AS ids,
                            min(said.uuid) OVER so_far AS uuid,
                            groupUniqArrayArray(said.sources) OVER so_far AS sources,
                            groupUniqArrayArray(said.dialects) OVER so_far AS dialects,
                            groupUniqArrayArray(said.kinds) OVER so_far AS kinds,
                            groupUniqArrayArray(said.events) OVER so_far AS events,
                            fromUnixTimestamp64Micro(min(said.first_received_at) OVER so_far, 'UTC') AS first_received_at,
                            fromUnixTimestamp64Micro(max(said.last_received_at) OVER so_far, 'UTC') AS last_received_at,
                            fromUnixTimestamp64Micro(min(said.requested_at) OVER so_far, 'UTC') AS requested_at,
                            fromUnixTimestamp64Micro(min(said.started_at) OVER so_far, 'UTC') AS started_at,
                            fromUnixTimestamp64Micro(min(said.a_rang_at) OVER so_far, 'UTC') AS a_rang_at,
                            fromUnixTimestamp64Micro(min(said.a_answered_at) OVER so_far, 'UTC') AS a_answered_at,
                            fromUnixTimestamp64Micro(min(said.b_rang_at) OVER so_far, 'UTC') AS b_rang_at,
                            fromUnixTimestamp64Micro(min(said.b_answered_at) OVER so_far, 'UTC') AS b_answered_at,
                            groupUniqArrayArray(said.live) OVER so_far AS live,
                            mapApply((k, v) -> (k, fromUnixTimestamp64Micro(v, 'UTC')), minMap(said.ends) OVER so_far) AS ends,
                            max(said.direction) OVER so_far AS direction,
                            max(said.method) OVER so_far AS method,
                            max(said.caller) OVER so_far AS caller,
                            max(said.callee) OVER so_far AS callee,
                            max(said.display_number) OVER so_far AS display_number,
                            max(said.extension) OVER so_far AS extension,
                            max(said.agent_id) OVER so_far AS agent_id,
                            max(said.customer_ref) OVER so_far AS customer_ref,
                            max(said.campaign) OVER so_far AS campaign,
                            max(said.round) OVER so_far AS round,
                            max(said.tag) OVER so_far AS tag,
                            max(said.variables) OVER so_far AS variables,
                            max(said.requested_by) OVER so_far AS requested_by,
                            max(said.recording) OVER so_far AS recording,
                            max(said.hangup_cause) OVER so_far AS hangup_cause,
                            max(said.hangup_direction) OVER so_far AS hangup_direction,
                            max(said.outcome) OVER so_far AS outcome,
                            max(said.talk_time) OVER so_far AS talk_time,
                            CAST(arrayMap(c -> (fromUnixTimestamp64Micro(c.1, 'UTC'), c.2, c.3, c.4.1, c.4.2, c.4.3, c.4.4, c.4.5, c.4.6, c.4.7, c.4.8, c.4.9, c.4.10, c.4.11, c.4.12, c.4.13, fromUnixTimestamp64Micro(c.4.14, 'UTC'), fromUnixTimestamp64Micro(c.4.15, 'UTC'), fromUnixTimestamp64Micro(c.4.16, 'UTC'), c.4.17, c.4.18, c.4.19), [max(said.cdr) OVER so_far])[1], 'Tuple(received_at DateTime64(6, \'UTC\'), event_id String, said String, direction Nullable(String), method Nullable(String), caller Nullable(String), callee Nullable(String), display_number Nullable(String), agent_id Nullable(String), customer_ref Nullable(String), campaign Nullable(String), round Nullable(Int64), recording Nullable(String), hangup_cause Nullable(Int64), hangup_direction Nullable(Int64), extension Nullable(String), started_at Nullable(DateTime64(6, \'UTC\')), answered_at Nullable(DateTime64(6, \'UTC\')), ended_at Nullable(DateTime64(6, \'UTC\')), ring_time Nullable(Int64), talk_time Nullable(Int64), outcome Nullable(String))') AS cdr,
                            CAST((0, 0, ''), 'Tuple(priority UInt8, rank Int64, value String)') AS closed
                        FROM
                        (
                            SELECT
                                account,
                                call_id,
                                event_id,
                                came_at,
                                JSONExtract(arrayJoin(contributions), 'Tuple(
                                    ids Array(String),
                                    uuid Nullable(String),
                                    sources Array(String),
                                    dialects Array(String),
                                    kinds Array(String),
                                    events Array(String),
                                    first_received_at Nullable(Int64),
                                    last_received_at Nullable(Int64),
                                    requested_at Nullable(Int64),
                                    started_at Nullable(Int64),
                                    a_rang_at Nullable(Int64),
                                    a_answered_at Nullable(Int64),
                                    b_rang_at Nullable(Int64),
                                    b_answered_at Nullable(Int64),
                                    live Array(String),
                                    ends Map(String, Int64),
                                    direction Tuple(priority UInt8, rank Int64, value String),
                                    method Tuple(priority UInt8, rank Int64, value String),
                                    caller Tuple(priority UInt8, rank Int64, value String),
                                    callee Tuple(priority UInt8, rank Int64, value String),
                                    display_number Tuple(priority UInt8, rank Int64, value String),
                                    extension Tuple(priority UInt8, rank Int64, value String),
                                    agent_id Tuple(priority UInt8, rank Int64, value String),
                                    customer_ref Tuple(priority UInt8, rank Int64, value String),
                                    campaign Tuple(priority UInt8, rank Int64, value String),
                                    round Tuple(priority UInt8, rank Int64, value String),
                                    tag Tuple(priority UInt8, rank Int64, value String),
                                    variables Tuple(priority UInt8, rank Int64, value String),
                                    requested_by Tuple(priority UInt8, rank Int64, value String),
                                    recording Tuple(priority UInt8, rank Int64, value String),
                                    hangup_cause Tuple(priority UInt8, rank Int64, value String),
                                    hangup_direction Tuple(priority UInt8, rank Int64, value String),
                                    outcome Tuple(priority UInt8, rank Int64, value String),
                                    talk_time Tuple(priority UInt8, rank Int64, value String),
                                    cdr Tuple(received_at Int64, event_id String, text String, billed Tuple(direction Nullable(String), method Nullable(String), caller Nullable(String), callee Nullable(String), display_number Nullable(String), agent_id Nullable(String), customer_ref Nullable(String), campaign Nullable(String), round Nullable(Int64), recording Nullable(String), hangup_cause Nullable(Int64), hangup_direction Nullable(Int64), extension Nullable(String), started_at Nullable(Int64), answered_at Nullable(Int64), ended_at Nullable(Int64), ring_time Nullable(Int64), talk_time Nullable(Int64), outcome Nullable(String))))') AS said
                            FROM chosen
                            INNER JOIN
                            (
                                SELECT account, event_id, received_at AS came_at, contributions
                                FROM stored_events FINAL
                                PREWHERE (account, event_id) IN (SELECT account, event_id FROM chosen)
                            ) AS event
                            USING (account, event_id)
                        )
                        WINDOW so_far AS (PARTITION BY account, call_id ORDER BY came_at, event_id)
                        LIMIT 1 BY account, call_id, event_id
                    ) AS r
                ) AS known
            ) AS version
        )
    )
) AS compared
COMMENT 'call_changes of one call, in no time: SELECT * FROM changes_of_call(account = …, call_id = …)';
