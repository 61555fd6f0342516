SELECT
    account,
    call_id,
    began_at,
    direction,
    caller,
    callee,
    extension,
    agent_id,
    campaign,
    customer_ref,
    tag,
    ring_seconds,
    talk_seconds,
    outcome,
    state,
    close_reason,
    doubts,
    source
FROM {calls}
WHERE day IN %(days)s AND (account, day, call_id) IN %(keys)s
ORDER BY began_at DESC, call_id DESC, account DESC
