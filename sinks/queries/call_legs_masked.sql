CREATE OR REPLACE VIEW call_legs_masked
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `leg_id` String COMMENT 'The leg, as the provider wrote it',
    `call_id` String COMMENT 'The call it belongs to: its smallest leg id',
    `side` Nullable(String) COMMENT 'a: the side reached first; b: the one that the call was then put through to; NULL if no event says',
    `extension` Nullable(String) COMMENT 'Its extension',
    `rang_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it rang',
    `answered_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it answered',
    `ended_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it ended',
    `outcome` Nullable(String) COMMENT 'How it ended'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    known.account AS account,
    known.leg_id AS leg_id,
    known.call_id AS call_id,
    known.side AS side,
    known.extension AS extension,
    known.rang_at AS rang_at,
    known.answered_at AS answered_at,
    known.ended_at AS ended_at,
    known.outcome AS outcome
FROM call_legs AS known
COMMENT 'call_legs, which holds no phone number, for people who may read masked views alone';
