-- The columns of calls that dashboards count and add up, and nothing else, from a table in the order of time. It says
-- of every call what calls says: a property test holds the two together.
CREATE OR REPLACE VIEW call_facts
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `call_id` String COMMENT 'As in calls',
    `source` String COMMENT 'As in calls',
    `dialect` String COMMENT 'As in calls',
    `direction` Nullable(String) COMMENT 'As in calls',
    `method` Nullable(String) COMMENT 'As in calls',
    `callee` Nullable(String) COMMENT 'As in calls',
    `extension` Nullable(String) COMMENT 'As in calls',
    `cdr_extension` Nullable(String) COMMENT 'As in calls',
    `campaign` Nullable(String) COMMENT 'As in calls',
    `requested_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in calls',
    `started_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in calls',
    `rang_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in calls',
    `answered_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in calls',
    `ended_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in calls',
    `ring_seconds` Nullable(Float64) COMMENT 'As in calls',
    `talk_seconds` Nullable(Float64) COMMENT 'As in calls',
    `outcome` String COMMENT 'As in calls',
    `hangup_cause` Nullable(Int64) COMMENT 'As in calls',
    `hangup_direction` Nullable(Int64) COMMENT 'As in calls',
    `has_cdr` Bool COMMENT 'As in calls',
    `first_received_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'As in calls',
    `began_at` DateTime64(6, 'UTC') COMMENT 'To count calls by: when it began; if nobody says so, when it was asked for or first heard of',
    `is_request` Bool COMMENT 'Whether nothing but the request for it is known: no call came of it yet',
    `is_bill` Bool COMMENT 'Whether nothing but its CDR is known',
    `reached_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When the side reached first answered: by its own event, or else by the CDR',
    `connected_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When the side answered that it was then put through to',
    `post_dial_seconds` Nullable(Float64) COMMENT 'From the request for it, or else from its start, until the first leg rang; NULL if it was not requested and no ring was seen, or if the first leg to ring may not have been the first called'
)
AS WITH
    -- An if picks out its rows for each branch, and one in another does so again: that takes longer than all the rest.
    -- With numbers that wrap around this is the same.
    (condition, one, other) -> other + condition * (one - other) AS choose,
    toInt64(9223372036854775807) AS unknown,
    choose(cdr_times.started_at != unknown, cdr_times.started_at, event_started) AS started,
    choose(has_cdr, cdr_times.answered_at, event_answered) AS answered,
    choose(cdr_times.ended_at != unknown, cdr_times.ended_at, event_ended) AS ended,
    choose(answered != unknown, answered, ended) AS picked_up,
    (picked_up - event_rang) * (picked_up > event_rang) AS waited,
    choose(
        is_answered * (answered = unknown) + (picked_up = unknown) + (event_rang = unknown) > 0, unknown, waited
    ) AS event_ring,
    (ended - answered) * (ended > answered) AS talked,
    choose((ended = unknown) + (answered = unknown) > 0, unknown, talked) AS told_talk,
    choose(outcome_number = 0, unknown, is_answered * choose(measured != unknown, measured, told_talk)) AS event_talk,
    cdr_times.outcome + (cdr_times.outcome = 0) * event_outcome AS outcome_number,
    outcome_number = 1 AS is_answered,
    choose(requested != unknown, requested, event_started) AS dialled,
    bitTest(kinds_seen, 0) + (requested != unknown) > 0 AS is_dialled,
    -- of requested and predictive calls the B leg is called once the A leg has answered
    choose((requested != unknown) + (ifNull(method, '') = 'predictive') > 0, a_rang, rang) AS rang_first,
    choose(
        is_dialled * (rang_first != unknown) * (dialled != unknown), (rang_first - dialled) * (rang_first > dialled), unknown
    ) AS post_dial
SELECT
    account,
    call_id,
    source,
    dialect,
    direction,
    method,
    callee,
    extension,
    cdr_extension,
    campaign,
    fromUnixTimestamp64Micro(nullIf(requested, unknown), 'UTC') AS requested_at,
    fromUnixTimestamp64Micro(nullIf(started, unknown), 'UTC') AS started_at,
    fromUnixTimestamp64Micro(nullIf(rang, unknown), 'UTC') AS rang_at,
    fromUnixTimestamp64Micro(nullIf(answered, unknown), 'UTC') AS answered_at,
    fromUnixTimestamp64Micro(nullIf(ended, unknown), 'UTC') AS ended_at,
    nullIf(choose(cdr_times.ring_time != unknown, cdr_times.ring_time, event_ring), unknown) / 1e6 AS ring_seconds,
    nullIf(choose(cdr_times.talk_time != unknown, cdr_times.talk_time, event_talk), unknown) / 1e6 AS talk_seconds,
    -- in the order of their numbers in stored_facts
    ['', 'answered', 'busy', 'cancelled', 'congestion', 'unanswered', 'unavailable'][outcome_number + 1] AS outcome,
    hangup_cause,
    hangup_direction,
    has_cdr,
    fromUnixTimestamp64Micro(nullIf(first_received, unknown), 'UTC') AS first_received_at,
    fromUnixTimestamp64Micro(
        choose(started != unknown, started, choose(requested != unknown, requested, first_received)), 'UTC'
    ) AS began_at,
    kinds_seen = 32 AS is_request,
    kinds_seen = 16 AS is_bill,
    fromUnixTimestamp64Micro(
        nullIf(choose(a_answered != unknown, a_answered, cdr_times.answered_at), unknown), 'UTC'
    ) AS reached_at,
    fromUnixTimestamp64Micro(nullIf(b_answered, unknown), 'UTC') AS connected_at,
    nullIf(post_dial, unknown) / 1e6 AS post_dial_seconds
FROM
(
    WITH
        (condition, one, other) -> other + condition * (one - other) AS choose,
        toInt64(9223372036854775807) AS unknown,
        notEmpty(f.ends) AND hasAll(mapKeys(f.ends), f.live) AS has_ended,
        least(f.b_rang_at, f.b_answered_at) != unknown AS b_decides
    SELECT
        f.account AS account,
        f.call_id AS call_id,
        assumeNotNull(f.source) AS source,
        assumeNotNull(f.dialect) AS dialect,
        f.kinds_seen AS kinds_seen,
        f.first_received_at AS first_received,
        f.requested_at AS requested,
        f.started_at AS event_started,
        f.cdr_times AS cdr_times,
        f.cdr_times.received_at > 0 AS has_cdr,
        f.a_rang_at AS a_rang,
        least(f.a_rang_at, f.b_rang_at) AS rang,
        choose(b_decides, f.b_rang_at, f.a_rang_at) AS event_rang,
        f.a_answered_at AS a_answered,
        f.b_answered_at AS b_answered,
        choose(b_decides, f.b_answered_at, f.a_answered_at) AS event_answered,
        choose(has_ended, arrayMax(mapValues(f.ends)), unknown) AS event_ended,
        -- 1 is answered, 5 unanswered
        has_ended * choose(event_answered != unknown, 1, choose(f.outcome.priority > 0, f.outcome.value, 5)) AS event_outcome,
        -- its rank is the time itself, as a number
        choose(f.talk_time.priority > 0, f.talk_time.rank, unknown) AS measured,
        coalesce(f.cdr_ways.direction, if(f.direction.priority > 0, f.direction.value, NULL)) AS direction,
        coalesce(f.cdr_ways.method, if(f.method.priority > 0, f.method.value, NULL)) AS method,
        coalesce(f.cdr_names.callee, if(f.callee.priority > 0, f.callee.value, NULL)) AS callee,
        coalesce(f.cdr_ways.extension, if(f.extension.priority > 0, f.extension.value, NULL)) AS extension,
        f.cdr_ways.extension AS cdr_extension,
        coalesce(f.cdr_names.campaign, if(f.campaign.priority > 0, f.campaign.value, NULL)) AS campaign,
        coalesce(
            f.cdr_ways.hangup_cause, if(f.hangup_cause.priority > 0, toInt64OrNull(f.hangup_cause.value), NULL)
        ) AS hangup_cause,
        coalesce(
            f.cdr_ways.hangup_direction,
            if(f.hangup_direction.priority > 0, toInt64OrNull(f.hangup_direction.value), NULL)
        ) AS hangup_direction
    FROM
    (
        -- Whole columns: FINAL merges a part of one (`cdr_names.callee`) by no function, and so wrongly
        -- (ClickHouse#61161).
        SELECT
            account,
            call_id,
            source,
            dialect,
            kinds_seen,
            first_received_at,
            requested_at,
            started_at,
            a_rang_at,
            a_answered_at,
            b_rang_at,
            b_answered_at,
            live,
            ends,
            direction,
            method,
            callee,
            extension,
            campaign,
            hangup_cause,
            hangup_direction,
            outcome,
            talk_time,
            cdr_times,
            cdr_ways,
            cdr_names
        FROM stored_facts FINAL
        WHERE merged_into IS NULL
    ) AS f
) AS known
COMMENT 'One row a call: the columns of calls that metrics are made of, quick to read for all calls at once';
