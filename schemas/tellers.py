"""Whom to believe: of the events that say something of a call, the one whose word counts."""

from __future__ import annotations

from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any

import orjson

from schemas.course import OFFERED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from schemas.events import CallEvent, Json

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


class Asked:
    """Fields of which the tellers are asked at once: one by one that took a third of a fold."""

    def __init__(self, *names: str) -> None:
        """There are two names or more."""
        self._names = names
        self._values = attrgetter(*names)

    def said_best(self, events: Iterable[CallEvent], rank: Rank) -> Json:
        """Give each field's value as `said_best` does, by name; None where nobody has one."""
        last: tuple[int, int] | None = None
        rows: list[tuple[Any, ...]] = []
        told = [(event, self._values(event)) for event in events]
        placed = [
            ((-rank(event), event.occurred_at), row) for event, row in told if row.count(None) < len(row)
        ]
        placed.sort(key=itemgetter(0))
        for place, row in placed:
            if place == last:
                rows[-1] = tuple(map(_greater, rows[-1], row))
            else:
                rows.append(row)
            last = place
        if not rows:
            return dict.fromkeys(self._names)
        said = rows[0]
        for row in rows[1:]:
            if None not in said:
                break
            said = tuple([there if mine is None else mine for mine, there in zip(said, row, strict=True)])
        return dict(zip(self._names, said, strict=True))


def _greater(one: Any, other: Any) -> Any:
    """Of two that are believed alike the one whose text is greater."""
    if one is None or other is None:
        return other if one is None else one
    return max(one, other, key=str)


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
