-- Made by sinks/changes.py.
CREATE OR REPLACE VIEW ${name}_masked
(
$head
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS WITH
$keyed,
    value -> multiIf(
        isNull(value), NULL,
$shown,
        NULL -- leaving a row out does not hide it: a caller's condition may be evaluated first
    ) AS masked
SELECT
    known.account AS account,
    known.call_id AS call_id,
    known.revision AS revision,
    known.received_at AS received_at,
    known.visible_at AS visible_at,
    known.event_ids AS event_ids,
    known.field AS field,
    masked(known.before) AS before,
    masked(known.after) AS after
FROM $passed AS known
$secret
WHERE known.field IN ($fields)
COMMENT '$name for people who may not see phone numbers: pseudonyms that still join; nothing of recordings or variables';
