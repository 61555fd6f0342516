"""Which of the CDRs of a call hold, and how long they say that it was talked."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING

from schemas.talk import ROUNDED, said_span, time_talked
from schemas.uuids import created_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.events import CallEvent

FILLED = (
    *("direction", "method", "caller", "callee", "display_number", "extension", "agent_id", "customer_ref"),
    *("campaign", "round", "started_at", "ended_at", "ring_time", "talk_time", "outcome", "hangup_cause"),
    *("hangup_direction", "recording"),
)
"""What a bill without its times leaves to the one before it."""


def bills_of(events: Iterable[CallEvent]) -> list[CallEvent]:
    """Give the bill of each leg, first the call's: that of the answered leg that began first.

    If none says that its leg was answered, it is that of the leg that began first. Of several bills of one
    leg the one that was received last holds.
    """
    bills = [_put_together(told) for told in _by_leg(events)]
    if len(bills) > 1:
        bills.sort(key=lambda bill: (bill.outcome != "answered", *_beginning(bill)))
    return bills


def filling(events: Iterable[CallEvent]) -> list[CallEvent]:
    """Give the whole bills of which a later one with a few fields has the others, at most one of a leg."""
    found = map(_filling, _by_leg(events))
    return [bill for bill in found if bill is not None]


def _by_leg(events: Iterable[CallEvent]) -> Iterable[list[CallEvent]]:
    """Give the bills of each leg, as they were received."""
    by_leg: dict[str, list[CallEvent]] = {}
    for event in events:
        if event.kind == "cdr":
            by_leg.setdefault(event.leg, []).append(event)
    for bills in by_leg.values():
        bills.sort(key=received)
    return by_leg.values()


def _put_together(bills: list[CallEvent]) -> CallEvent:
    """Give the last of a leg's bills; one with a few fields takes nothing away from a whole one before it."""
    last, before = bills[-1], _filling(bills)
    if before is None:
        return last
    filled = {name: getattr(before, name) for name in FILLED if getattr(last, name) is None}
    if last.answered_at is None and last.outcome in {None, before.outcome}:
        filled["answered_at"] = before.answered_at
    return replace(last, **filled)


def _filling(bills: list[CallEvent]) -> CallEvent | None:
    """Give the last whole one of a leg's bills, if others came after it."""
    whole = next(filter(_is_whole, reversed(bills)), None)
    return None if whole is bills[-1] else whole


def _is_whole(bill: CallEvent) -> bool:
    return bill.started_at is not None and bill.ended_at is not None


def received(event: CallEvent) -> tuple[int, str]:
    """When it was first received, and of the same time the one with the greater id."""
    return event.received_at, event.event_id


def _beginning(bill: CallEvent) -> tuple[float, float, str]:
    """When its leg began: by the bill, or else by the leg's own id; of the same second the id decides."""
    made_at = created_at(bill.leg)
    said = (bill.started_at, made_at, bill.answered_at, bill.ended_at)
    began_at = next((at for at in said if at is not None), float("inf"))
    return began_at, float("inf") if made_at is None else made_at, bill.leg


def edges(bills: list[CallEvent]) -> list[CallEvent]:
    """Give the bill of the leg that began first, and of the one that ended last, as far as bills say."""
    began = [bill for bill in bills if bill.started_at is not None]
    ended = [bill for bill in bills if bill.ended_at is not None]
    return [*sorted(began, key=attrgetter("started_at"))[:1], *sorted(ended, key=attrgetter("ended_at"))[-1:]]


def lasted(bills: list[CallEvent]) -> tuple[int | None, int | None]:
    """Give when the first leg of these bills began, and when the last ended.

    Bills count in whole seconds: of times that are the same but for that, it is the call's own.
    """
    if len(bills) <= 1:
        return (bills[0].started_at, bills[0].ended_at) if bills else (None, None)
    began = min([bill.started_at for bill in bills if bill.started_at is not None], default=None)
    ended = max([bill.ended_at for bill in bills if bill.ended_at is not None], default=None)
    return _unless_the_same(bills[0].started_at, began), _unless_the_same(bills[0].ended_at, ended)


def _unless_the_same(own: int | None, other: int | None) -> int | None:
    return other if own is None or other is None or abs(other - own) > ROUNDED else own


def rung_billed(bills: list[CallEvent]) -> int | None:
    """How long the bills of a call's legs say that it rang, in microseconds; None if the call's own does not.

    Until it was answered, or else until the last leg ended: legs that rang in vain count, too.
    """
    bill = bills[0] if bills else None
    if bill is None or bill.ring_time is None:
        return None
    began, ended = lasted(bills)
    before = 0 if bill.started_at is None or began is None else bill.started_at - began
    after = 0 if bill.ended_at is None or ended is None else ended - bill.ended_at
    return bill.ring_time + before + (0 if bill.outcome in {None, "answered"} else after)


def talk_billed(bills: list[CallEvent]) -> int | None:
    """How long the bills of a call's legs say that it was talked, in microseconds; None if none says."""
    said = [(bill, bill.talk_time) for bill in bills if bill.talk_time is not None]
    if not said:
        return None
    spans = []
    without_times = 0
    for bill, talk_time in said:
        earliest = None if bill.started_at is None else bill.started_at - ROUNDED
        if bill.ended_at is not None:
            spans.append(said_span(bill.ended_at, talk_time, earliest))
        elif bill.answered_at is not None:
            spans.append((bill.answered_at, bill.answered_at + talk_time))
        else:
            without_times = max(without_times, talk_time)
    return max(time_talked(spans), without_times)
