CREATE OR REPLACE VIEW directory_masked
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `kind` LowCardinality(String) COMMENT 'extension, user or campaign',
    `id` String COMMENT 'The extension, the user''s id or the campaign''s id',
    `valid_from` DateTime64(6, 'UTC') COMMENT 'From when it holds',
    `valid_until` Nullable(DateTime64(6, 'UTC')) COMMENT 'Until when: then the next row of this id holds; NULL for the last one',
    `name` String COMMENT 'The agent or the campaign; empty: nobody',
    `team` String COMMENT 'The agent''s team, empty without one'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    known.account AS account,
    known.kind AS kind,
    known.id AS id,
    known.valid_from AS valid_from,
    known.valid_until AS valid_until,
    known.name AS name,
    known.team AS team
FROM directory AS known
WHERE known.kind != 'number'
COMMENT 'directory without customers and their numbers';
