"""How each column is shown to people who may not see phone numbers: in masked views and by commands. Pure.

A new column is hidden until it is declared here.
"""

from __future__ import annotations

from enum import Enum

LIST = ", "
"""Between the values of a list, as text."""


class How(Enum):
    """How a column is shown to people who may not see phone numbers.

    Each but the first is a function in `templates/keyed.sql`.
    """

    PLAIN = ""
    PSEUDONYM = ": a pseudonym"
    """Of a number: the same everywhere in an account; the last two digits are readable."""
    REFERENCE = ": a pseudonym, since it may be a number"
    BLANKED = ", with numbers blanked"
    PSEUDONYMS = ": pseudonyms"
    """Of each text in a list."""


_SAID = {
    "caller": How.PSEUDONYM,
    "callee": How.PSEUDONYM,
    "display_number": How.PSEUDONYM,
    "customer_ref": How.REFERENCE,
    "direction": How.PLAIN,
    "method": How.PLAIN,
    "extension": How.PLAIN,
    "agent_id": How.PLAIN,
    "campaign": How.PLAIN,
    "round": How.PLAIN,
    "started_at": How.PLAIN,
    "answered_at": How.PLAIN,
    "ended_at": How.PLAIN,
    "ring_seconds": How.PLAIN,
    "talk_seconds": How.PLAIN,
    "outcome": How.PLAIN,
    "hangup_cause": How.PLAIN,
    "hangup_direction": How.PLAIN,
}
"""What events and CDRs may both say of a call."""

COLUMNS: dict[str, How] = {
    **_SAID,
    **{f"event_{name}": how for name, how in _SAID.items()},
    **{f"cdr_{name}": how for name, how in _SAID.items()},
    "line": How.PSEUDONYM,
    "tag": How.BLANKED,
    "account": How.PLAIN,
    "day": How.PLAIN,
    "call_id": How.PLAIN,
    "uuid": How.PLAIN,
    "legs": How.PLAIN,
    "source": How.PLAIN,
    "dialect": How.PLAIN,
    "rang_at": How.PLAIN,
    "began_at": How.PLAIN,
    "reached_at": How.PLAIN,
    "connected_at": How.PLAIN,
    "post_dial_seconds": How.PLAIN,
    "state": How.PLAIN,
    "close_reason": How.PLAIN,
    "has_ring": How.PLAIN,
    "has_answer": How.PLAIN,
    "has_hangup": How.PLAIN,
    "has_cdr": How.PLAIN,
    "first_received_at": How.PLAIN,
    "last_received_at": How.PLAIN,
    "requested_at": How.PLAIN,
    "requested_by": How.PLAIN,
    "request_to_ring_seconds": How.PLAIN,
    "reopened": How.PLAIN,
    "revision": How.PLAIN,
    "doubts": How.PLAIN,
    "leg_count": How.PLAIN,
    "transfers": How.PLAIN,
    "transferred_from": How.PLAIN,
    "transferred_to": How.PSEUDONYMS,
    "truncated": How.PLAIN,
    "version": How.PLAIN,
    "events": How.PLAIN,
    "sources": How.PLAIN,
    "dialects": How.PLAIN,
    "kinds": How.PLAIN,
    "cdr_received_at": How.PLAIN,
    "leg_id": How.PLAIN,
    "side": How.PLAIN,
    "event_id": How.PLAIN,
    "callback_ids": How.PLAIN,
    "reading": How.PLAIN,
    "kind": How.PLAIN,
    "ids": How.PLAIN,
    "leg": How.PLAIN,
    "received_at": How.PLAIN,
    "occurred_at": How.PLAIN,
    "clock": How.PLAIN,
    "bridged": How.PLAIN,
    "transferred": How.PLAIN,
    "agent": How.PLAIN,
    "team": How.PLAIN,
    "campaign_name": How.PLAIN,
    "caller_country": How.PLAIN,
    "caller_region": How.PLAIN,
    "callee_country": How.PLAIN,
    "callee_region": How.PLAIN,
    "id": How.PLAIN,
    "valid_from": How.PLAIN,
    "valid_until": How.PLAIN,
    "name": How.PLAIN,
    "offered": How.PLAIN,
    "answered_in_time": How.PLAIN,
    "answered_late": How.PLAIN,
    "given_up_in_time": How.PLAIN,
    "given_up_late": How.PLAIN,
    "unknown_wait": How.PLAIN,
    "of_offered_percent": How.PLAIN,
    "without_short_percent": How.PLAIN,
    "short_as_served_percent": How.PLAIN,
    "queue": How.PLAIN,
    **dict.fromkeys(
        (
            *(
                "local_day",
                "local_time",
                "timezone",
                "offset_seconds",
                "clock_since",
                "clock_until",
                "interval_began_at",
                "interval_ended_at",
            ),
            *("calls", "inbound", "outbound", "answered", "without_outcome"),
            *("offered_answered", "abandoned", "abandoned_short", "abandoned_percent"),
            *(
                "abandoned_without_short_percent",
                "service_level_percent",
                "service_level_without_short_percent",
            ),
            *(
                "average_speed_of_answer_seconds",
                "wait_p50_seconds",
                "wait_p90_seconds",
                "wait_longest_seconds",
            ),
            *("handled", "handle_seconds", "average_handle_seconds", "transferred", "transferred_percent"),
            *("service_level_seconds", "abandon_seconds"),
            *("callers", "repeat_calls", "repeat_callers", "repeat_percent", "followed_by_repeat"),
            *("missed_callers", "called_back", "reached", "rang_again", "not_called_back", "left_unanswered"),
            *(
                "called_back_percent",
                "call_back_p50_seconds",
                "call_back_p90_seconds",
                "call_back_longest_seconds",
            ),
            *("wait_seconds", "called_back_at", "call_back_seconds", "rang_again_at"),
        ),
        How.PLAIN,
    ),
}
"""By name, in whatever view."""
