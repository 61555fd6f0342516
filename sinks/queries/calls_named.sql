-- Whoever is not in the directory, and whatever is no valid number, is NULL.
CREATE OR REPLACE VIEW calls_named
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `call_id` String COMMENT 'The smallest of its leg ids',
    `source` String COMMENT 'The configured sender; if several, the first by name',
    `dialect` String COMMENT 'Which provider document its payloads follow; if several, the first by name',
    `direction` Nullable(String) COMMENT 'inbound or outbound',
    `method` Nullable(String) COMMENT 'How the call was made: api, predictive …, or the provider''s code',
    `caller` Nullable(String) COMMENT 'The calling number',
    `callee` Nullable(String) COMMENT 'The called number',
    `display_number` Nullable(String) COMMENT 'The number shown to the called party, or dialled by it',
    `extension` Nullable(String) COMMENT 'The extension that answered, or that was rung first',
    `agent_id` Nullable(String) COMMENT 'The agent',
    `customer_ref` Nullable(String) COMMENT 'The customer''s own reference, given to the provider with the call',
    `campaign` Nullable(String) COMMENT 'The campaign',
    `round` Nullable(Int64) COMMENT 'Which attempt of a campaign',
    `started_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it began',
    `rang_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When its first leg rang',
    `answered_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it was answered: once it was put through, by the B leg',
    `ended_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it ended; NULL while it is open',
    `ring_seconds` Nullable(Float64) COMMENT 'How long it rang before it was answered or ended: behind the switch, only the B legs count',
    `talk_seconds` Nullable(Float64) COMMENT 'How long the parties talked: 0 for a call that ended unanswered',
    `outcome` String COMMENT 'answered, unanswered, busy, cancelled, congestion, unavailable; empty while it is open',
    `hangup_cause` Nullable(Int64) COMMENT 'The provider''s code',
    `hangup_direction` Nullable(Int64) COMMENT 'The provider''s code',
    `state` String COMMENT 'requested (nothing but the request is known), ringing, answered, ended (its last hangup was seen) or complete (nothing more is expected)',
    `close_reason` String COMMENT 'Why it was closed without its end: timeout, or never_came of a request alone; empty otherwise',
    `has_cdr` Bool COMMENT 'Whether the CDR is in',
    `requested_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it was requested; NULL if it was not',
    `requested_by` Nullable(String) COMMENT 'The extension for which it was requested',
    `tag` Nullable(String) COMMENT 'The customer''s own mark on the call',
    `first_received_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When its first event arrived',
    `last_received_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When its last event arrived',
    `agent` Nullable(String) COMMENT 'The agent: of the user id, or else of the extension, as the directory had it when the call began',
    `team` Nullable(String) COMMENT 'The agent''s team then',
    `campaign_name` Nullable(String) COMMENT 'The campaign''s name then',
    `customer` Nullable(String) COMMENT 'The customer then: of the called number of an outbound call, of the calling number of an inbound one',
    `caller_country` Nullable(String) COMMENT 'The country of the calling number (ISO 3166), as libphonenumber knows it',
    `caller_region` Nullable(String) COMMENT 'Its area, as in New York, NY',
    `callee_country` Nullable(String) COMMENT 'The country of the called number (ISO 3166), as libphonenumber knows it',
    `callee_region` Nullable(String) COMMENT 'Its area, as in New York, NY'
)
AS WITH
    -- each history is sorted by the time from which a row holds
    (history, at) -> arrayLast(row -> row.1 <= at, history) AS held,
    -- an id's rows may end with one without a name
    held(users.history, call.at) AS user,
    if(user.2 != '', user, held(extensions.history, call.at)) AS person
SELECT
    call.account AS account,
    call.call_id AS call_id,
    call.source AS source,
    call.dialect AS dialect,
    call.direction AS direction,
    call.method AS method,
    call.caller AS caller,
    call.callee AS callee,
    call.display_number AS display_number,
    call.extension AS extension,
    call.agent_id AS agent_id,
    call.customer_ref AS customer_ref,
    call.campaign AS campaign,
    call.round AS round,
    call.started_at AS started_at,
    call.rang_at AS rang_at,
    call.answered_at AS answered_at,
    call.ended_at AS ended_at,
    call.ring_seconds AS ring_seconds,
    call.talk_seconds AS talk_seconds,
    call.outcome AS outcome,
    call.hangup_cause AS hangup_cause,
    call.hangup_direction AS hangup_direction,
    call.state AS state,
    call.close_reason AS close_reason,
    call.has_cdr AS has_cdr,
    call.requested_at AS requested_at,
    call.requested_by AS requested_by,
    call.tag AS tag,
    call.first_received_at AS first_received_at,
    call.last_received_at AS last_received_at,
    nullIf(person.2, '') AS agent,
    nullIf(person.3, '') AS team,
    nullIf(held(campaigns.history, call.at).2, '') AS campaign_name,
    nullIf(held(customers.history, call.at).2, '') AS customer,
    nullIf(call.caller_country, '') AS caller_country,
    nullIf(call.caller_region, '') AS caller_region,
    nullIf(call.callee_country, '') AS callee_country,
    nullIf(call.callee_region, '') AS callee_region
FROM
(
    SELECT
        c.account AS account,
        c.call_id AS call_id,
        c.source AS source,
        c.dialect AS dialect,
        c.direction AS direction,
        c.method AS method,
        c.caller AS caller,
        c.callee AS callee,
        c.display_number AS display_number,
        c.extension AS extension,
        c.agent_id AS agent_id,
        c.customer_ref AS customer_ref,
        c.campaign AS campaign,
        c.round AS round,
        c.started_at AS started_at,
        c.rang_at AS rang_at,
        c.answered_at AS answered_at,
        c.ended_at AS ended_at,
        c.ring_seconds AS ring_seconds,
        c.talk_seconds AS talk_seconds,
        c.outcome AS outcome,
        c.hangup_cause AS hangup_cause,
        c.hangup_direction AS hangup_direction,
        c.state AS state,
        c.close_reason AS close_reason,
        c.has_cdr AS has_cdr,
        c.requested_at AS requested_at,
        c.requested_by AS requested_by,
        c.tag AS tag,
        c.first_received_at AS first_received_at,
        c.last_received_at AS last_received_at,
        assumeNotNull(coalesce(c.started_at, c.requested_at, c.first_received_at)) AS at,
        toString(from_place.country) AS caller_country,
        toString(from_place.region) AS caller_region,
        toString(to_place.country) AS callee_country,
        toString(to_place.region) AS callee_region,
        -- whichever way the provider writes a number, and the directory
        multiIf(
            c.direction = 'outbound', if(to_place.e164 != '', to_place.e164, ifNull(c.callee, '')),
            c.direction = 'inbound', if(from_place.e164 != '', from_place.e164, ifNull(c.caller, '')),
            ''
        ) AS customer_number
    FROM
    (
        SELECT
            account,
            call_id,
            source,
            dialect,
            direction,
            method,
            caller,
            callee,
            display_number,
            extension,
            agent_id,
            customer_ref,
            campaign,
            round,
            started_at,
            rang_at,
            answered_at,
            ended_at,
            ring_seconds,
            talk_seconds,
            outcome,
            hangup_cause,
            hangup_direction,
            state,
            close_reason,
            has_cdr,
            requested_at,
            requested_by,
            tag,
            first_received_at,
            last_received_at
        FROM calls
    ) AS c
    LEFT JOIN
    (
        SELECT account, source, number, e164, country, region
        FROM number_places FINAL
    ) AS from_place
        ON from_place.account = c.account AND from_place.source = c.source AND from_place.number = c.caller
    LEFT JOIN
    (
        SELECT account, source, number, e164, country, region
        FROM number_places FINAL
    ) AS to_place
        ON to_place.account = c.account AND to_place.source = c.source AND to_place.number = c.callee
) AS call
LEFT JOIN
(
    SELECT account, id, arraySort(groupArray((valid_from, name, team))) AS history
    FROM directory_entries FINAL
    WHERE kind = 'user'
    GROUP BY account, id
) AS users
    ON users.account = call.account AND users.id = call.agent_id
LEFT JOIN
(
    SELECT account, id, arraySort(groupArray((valid_from, name, team))) AS history
    FROM directory_entries FINAL
    WHERE kind = 'extension'
    GROUP BY account, id
) AS extensions
    ON extensions.account = call.account AND extensions.id = call.extension
LEFT JOIN
(
    SELECT account, id, arraySort(groupArray((valid_from, name, team))) AS history
    FROM directory_entries FINAL
    WHERE kind = 'campaign'
    GROUP BY account, id
) AS campaigns
    ON campaigns.account = call.account AND campaigns.id = call.campaign
LEFT JOIN
(
    SELECT account, number, arraySort(groupArray((valid_from, name, ''))) AS history
    FROM
    (
        SELECT account, id AS number, valid_from, name
        FROM directory_entries FINAL
        WHERE kind = 'number'
        UNION DISTINCT
        -- as the provider writes it: what it is for those who know the source's country
        SELECT entry.account, place.e164 AS number, entry.valid_from, entry.name
        FROM
        (
            SELECT account, id, valid_from, name
            FROM directory_entries FINAL
            WHERE kind = 'number'
        ) AS entry
        INNER JOIN
        (
            SELECT account, number, e164
            FROM number_places FINAL
        ) AS place
            ON place.account = entry.account AND place.number = entry.id
        WHERE place.e164 != ''
    ) AS written
    GROUP BY account, number
) AS customers
    ON customers.account = call.account AND customers.number = call.customer_number
COMMENT 'One row a call, with the names that held when it began, and where its numbers belong';
