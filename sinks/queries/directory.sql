CREATE OR REPLACE VIEW directory
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `kind` LowCardinality(String) COMMENT 'extension, user, campaign or number',
    `id` String COMMENT 'The extension, the user''s id, the campaign''s id, or the phone number',
    `valid_from` DateTime64(6, 'UTC') COMMENT 'When the name becomes valid',
    `valid_until` Nullable(DateTime64(6, 'UTC')) COMMENT 'Valid until then, when the next row of this id takes over; NULL for the last one',
    `name` String COMMENT 'The agent, the campaign or the customer; empty: nobody',
    `team` String COMMENT 'The agent''s team, empty without one'
)
AS SELECT
    entry.account AS account,
    entry.kind AS kind,
    entry.id AS id,
    entry.valid_from AS valid_from,
    leadInFrame(toNullable(entry.valid_from)) OVER (
        PARTITION BY entry.account, entry.kind, entry.id
        ORDER BY entry.valid_from
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS valid_until,
    entry.name AS name,
    entry.team AS team
FROM
(
    SELECT account, kind, id, valid_from, name, team
    FROM directory_entries FINAL
) AS entry
COMMENT 'Who is who, and from when until when';
