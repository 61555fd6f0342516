"""Whom to believe: of the events that say something of a call, the one whose word counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from schemas.course import OFFERED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from schemas.events import CallEvent

    Rank = Callable[[CallEvent], int]

DESCRIBED = (
    "direction",
    "method",
    "caller",
    "callee",
    "display_number",
    "agent_id",
    "customer_ref",
    "campaign",
    "round",
    "recording",
    "hangup_cause",
    "hangup_direction",
)
"""What any event may say of its call: the earliest that does is believed."""


def said_best(name: str, events: Iterable[CallEvent], rank: Rank) -> Any:
    """Give the field's value of the highest rank, and there of the earliest event that has one."""
    return getattr(teller(name, events, rank), name, None)


def teller(name: str, events: Iterable[CallEvent], rank: Rank) -> CallEvent | None:
    """Give the event whose value of the field counts."""
    found: tuple[int, int, str] | None = None
    best = None
    for event in events:
        said = getattr(event, name)
        if said is not None:
            order = rank(event), -event.occurred_at, str(said)
            if found is None or order > found:
                found, best = order, event
    return best


def by_side(event: CallEvent) -> int:
    """First the side that the call was put through to: the other may know of its own leg alone.

    A notice fills what nobody else says.
    """
    return -1 if event.kind == "notice" else event.side == "b"


def teller_of_extension(events: Iterable[CallEvent]) -> CallEvent | None:
    """Give the event whose extension is the call's: who answered, or else who was rung first.

    A queue or an IVR is nobody: its own leg says so in the end, and the legs of those whom it calls before.
    """
    events = list(events)
    queues = {(event.leg, event.extension) for event in events if event.bridged is not None}
    passing = {event.passed_by for event in events} - {None}
    if passing:  # an extension that calls for a caller rings itself, and hangs up as such
        ends = {event.extension for event in events if event.kind == "hangup" and event.bridged is None}
        passing -= ends
        queues |= {(each.leg, each.extension) for each in events if each.extension in passing}
    if queues:
        events = [event for event in events if (event.leg, event.extension) not in queues]
    return teller("extension", events, _by_answer)


def _by_answer(event: CallEvent) -> int:
    """First an answer, then the end of a leg that was answered; a notice comes last."""
    if event.kind == "notice":
        return -1
    return 2 if event.kind == "answer" else event.kind == "hangup" and event.outcome == "answered"


def by_request(event: CallEvent) -> int:
    """The request for the call is believed first."""
    return event.kind == "requested"


def by_offer(event: CallEvent) -> int:
    """Later events of a queue's call to an agent don't always tell the two apart."""
    return event.kind in OFFERED


def teller_of_outcome(events: Iterable[CallEvent]) -> CallEvent | None:
    """Give the event that says how a call ended that nobody was seen to answer.

    Of legs that rank alike, one that was answered makes it an answered call.
    """
    return max((event for event in events if event.outcome is not None), key=_order_of_outcome, default=None)


def _order_of_outcome(event: CallEvent) -> tuple[int, bool, int, str]:
    """A queue's own leg knows best, then the leg that the call was put through to."""
    rank = 3 if event.bridged is not None else 2 if event.side == "b" else 1
    return rank, event.outcome == "answered", event.occurred_at, event.outcome or ""


def teller_of_variables(events: Iterable[CallEvent]) -> CallEvent | None:
    """Give the event whose variables count, as of other fields of the request."""
    return max((event for event in events if event.variables), key=_order_of_variables, default=None)


def _order_of_variables(event: CallEvent) -> tuple[int, int, bytes]:
    """The text is the same for the same variables, whatever their order."""
    text = orjson.dumps(event.variables, option=orjson.OPT_SORT_KEYS)
    return by_request(event), -event.occurred_at, text
