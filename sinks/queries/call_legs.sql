CREATE OR REPLACE VIEW call_legs
(
    `account` LowCardinality(String) COMMENT 'The tenant',
    `day` Date COMMENT 'The day of its call',
    `leg_id` String COMMENT 'The leg; a UUID in small letters and bare',
    `call_id` String COMMENT 'The call it belongs to: its smallest leg id',
    `side` LowCardinality(Nullable(String)) COMMENT 'a: the side reached first; b: the one that the call was then put through to; NULL if no event says',
    `extension` LowCardinality(Nullable(String)) COMMENT 'Its extension',
    `rang_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it rang',
    `answered_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it answered',
    `ended_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it ended',
    `outcome` LowCardinality(Nullable(String)) COMMENT 'How it ended',
    `talk_seconds` Nullable(Float64) COMMENT 'How long it was talked on it, by its events: 0 if it ended unanswered, NULL before its end or if nobody says',
    `doubts` UInt32 COMMENT 'How many fields of events about it could not be read, and were left out, of each event at most 50: see call_events',
    `cdr_received_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When the CDR of this leg came; NULL in every cdr_ column for a leg without one',
    `cdr_caller` Nullable(String) COMMENT 'caller as the leg''s CDR says',
    `cdr_callee` Nullable(String) COMMENT 'callee as the leg''s CDR says',
    `cdr_extension` LowCardinality(Nullable(String)) COMMENT 'extension as the leg''s CDR says',
    `cdr_agent_id` LowCardinality(Nullable(String)) COMMENT 'agent_id as the leg''s CDR says',
    `cdr_started_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it began, as the leg''s CDR says',
    `cdr_answered_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it was answered, as the leg''s CDR says',
    `cdr_ended_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When it ended, as the leg''s CDR says',
    `cdr_ring_seconds` Nullable(Float64) COMMENT 'How long it rang, as the leg''s CDR says',
    `cdr_talk_seconds` Nullable(Float64) COMMENT 'How long it was talked, as the leg''s CDR says',
    `cdr_outcome` LowCardinality(Nullable(String)) COMMENT 'How it ended, as the leg''s CDR says',
    `cdr_hangup_cause` Nullable(Int64) COMMENT 'The provider''s code, as the leg''s CDR says',
    `cdr_hangup_direction` Nullable(Int64) COMMENT 'The provider''s code, as the leg''s CDR says',
    `cdr_recording` Nullable(String) COMMENT 'Where the recording is, as the leg''s CDR says'
)
AS SELECT
    account,
    day,
    leg_id,
    call_id,
    side,
    extension,
    rang_at,
    answered_at,
    ended_at,
    outcome,
    talk_seconds,
    doubts,
    cdr_received_at,
    cdr_caller,
    cdr_callee,
    cdr_extension,
    cdr_agent_id,
    cdr_started_at,
    cdr_answered_at,
    cdr_ended_at,
    cdr_ring_seconds,
    cdr_talk_seconds,
    cdr_outcome,
    cdr_hangup_cause,
    cdr_hangup_direction,
    cdr_recording
FROM stored_legs FINAL
WHERE is_gone = 0
SETTINGS
    optimize_move_to_prewhere_if_final = 1, -- a condition on an id reads no other column of other calls
    use_skip_indexes_if_final = 1 -- the one of call_id, which all rows of a call have in common
COMMENT 'Every leg, once; all columns but the first four are NULL or 0 for a leg that is only named by others';
