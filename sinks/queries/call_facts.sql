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
    `post_dial_seconds` Nullable(Float64) COMMENT 'From the request for it, or else from its start, until the first leg rang; NULL if it was not requested and no ring was seen'
)
AS WITH
    -- Factors of 1, or NULL, where calls has an if: that picks out its rows for each branch, at twice the time of all the
    -- rest.
    outcome = 'answered' AS is_answered,
    nullIf(1 - is_answered * isNull(answered_at), 0) AS ring_is_known,
    nullIf(outcome != '', 0) AS talk_is_known,
    nullIf(0, NOT is_answered) AS none_unless_answered,
    toUnixTimestamp64Micro(coalesce(answered_at, ended_at)) - toUnixTimestamp64Micro(event_rang_at) AS waited,
    toUnixTimestamp64Micro(ended_at) - toUnixTimestamp64Micro(answered_at) AS talked,
    toUnixTimestamp64Micro(rang_at) - toUnixTimestamp64Micro(coalesce(requested_at, event_started_at)) AS dialled
SELECT
    account,
    call_id,
    source,
    dialect,
    direction,
    method,
    callee,
    extension,
    campaign,
    requested_at,
    coalesce(cdr_started_at, event_started_at) AS started_at,
    rang_at,
    if(has_cdr, cdr_answered_at, event_answered_at) AS answered_at,
    coalesce(cdr_ended_at, event_ended_at) AS ended_at,
    coalesce(cdr_ring_seconds, ring_is_known * waited * (waited > 0) / 1e6) AS ring_seconds,
    coalesce(
        cdr_talk_seconds,
        talk_is_known * coalesce(is_answered * coalesce(measured_seconds, talked * (talked > 0) / 1e6), none_unless_answered)
    ) AS talk_seconds,
    coalesce(cdr_outcome, event_outcome, '') AS outcome,
    hangup_cause,
    hangup_direction,
    has_cdr,
    first_received_at,
    assumeNotNull(coalesce(started_at, requested_at, first_received_at)) AS began_at,
    kinds_seen = 4 AS is_request,
    kinds_seen = 2 AS is_bill,
    coalesce(a_answered_at, cdr_answered_at) AS reached_at,
    b_answered_at AS connected_at,
    if(bitTest(kinds_seen, 0) OR isNotNull(requested_at), dialled * (dialled > 0) / 1e6, NULL) AS post_dial_seconds
FROM
(
    SELECT
        f.account AS account,
        f.call_id AS call_id,
        assumeNotNull(f.source) AS source,
        assumeNotNull(f.dialect) AS dialect,
        f.kinds_seen AS kinds_seen,
        f.first_received_at AS first_received_at,
        f.requested_at AS requested_at,
        f.cdr.received_at > toDateTime64(0, 6, 'UTC') AS has_cdr,
        notEmpty(f.ends) AND hasAll(mapKeys(f.ends), f.live) AS has_ended,
        isNotNull(f.b_rang_at) OR isNotNull(f.b_answered_at) AS b_decides,
        coalesce(if(f.a_rang_at < f.b_rang_at, f.a_rang_at, f.b_rang_at), f.a_rang_at, f.b_rang_at) AS rang_at,
        if(b_decides, f.b_rang_at, f.a_rang_at) AS event_rang_at,
        f.a_answered_at AS a_answered_at,
        f.b_answered_at AS b_answered_at,
        f.started_at AS event_started_at,
        if(b_decides, f.b_answered_at, f.a_answered_at) AS event_answered_at,
        if(has_ended, arrayMax(mapValues(f.ends)), NULL) AS event_ended_at,
        multiIf(
            NOT has_ended, NULL,
            isNotNull(event_answered_at), 'answered',
            f.outcome.priority > 0, f.outcome.value,
            'unanswered'
        ) AS event_outcome,
        -- its rank is the time itself, as a number
        if(f.talk_time.priority > 0, f.talk_time.rank / 1e6, NULL) AS measured_seconds,
        coalesce(f.cdr.direction, if(f.direction.priority > 0, f.direction.value, NULL)) AS direction,
        coalesce(f.cdr.method, if(f.method.priority > 0, f.method.value, NULL)) AS method,
        coalesce(f.cdr.callee, if(f.callee.priority > 0, f.callee.value, NULL)) AS callee,
        coalesce(f.cdr.extension, if(f.extension.priority > 0, f.extension.value, NULL)) AS extension,
        coalesce(f.cdr.campaign, if(f.campaign.priority > 0, f.campaign.value, NULL)) AS campaign,
        coalesce(
            f.cdr.hangup_cause, if(f.hangup_cause.priority > 0, toInt64OrNull(f.hangup_cause.value), NULL)
        ) AS hangup_cause,
        coalesce(
            f.cdr.hangup_direction,
            if(f.hangup_direction.priority > 0, toInt64OrNull(f.hangup_direction.value), NULL)
        ) AS hangup_direction,
        f.cdr.started_at AS cdr_started_at,
        f.cdr.answered_at AS cdr_answered_at,
        f.cdr.ended_at AS cdr_ended_at,
        f.cdr.ring_time / 1e6 AS cdr_ring_seconds,
        f.cdr.talk_time / 1e6 AS cdr_talk_seconds,
        f.cdr.outcome AS cdr_outcome
    FROM
    (
        -- Whole columns: FINAL merges a part of one (`cdr.callee`) by no function, and so wrongly
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
            cdr
        FROM stored_facts FINAL
        WHERE merged_into IS NULL
    ) AS f
) AS known
COMMENT 'One row a call: the columns of calls that metrics are made of, quick to read for all calls at once';
