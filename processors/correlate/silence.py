"""What becomes of a leg without news: its call is closed, and in the end it is forgotten."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from schemas.calls import is_complete

if TYPE_CHECKING:
    from processors.correlate.leg import Leg
    from schemas.records import Record

LINKS_LIVE_LONGER = 2
"""A late event must still find its call's root when the record has gone from the state."""


def is_open(own: str, leg: Leg) -> bool:
    """Whether this leg stands for a call that still expects news and was not closed."""
    if not leg.record or leg.root(own) != own or is_complete(leg.record):
        return False
    closed = leg.record.get("closed")
    return closed is None or closed[1] < leg.record["last_received_at"]


def close(leg: Leg, reason: str) -> tuple[Leg, Record]:
    """Close the leg's call as of its latest news, with the reason; the record to be emitted comes with it."""
    record = {**leg.record, "closed": [1, leg.record["last_received_at"], reason]}
    return replace(leg, record=record), record


def forget(leg: Leg, silent_us: int, forget_us: int) -> Leg | None:
    """Drop what a leg that was silent for so long needs no more; None when nothing is left."""
    if silent_us >= forget_us * LINKS_LIVE_LONGER or (silent_us >= forget_us and not leg.peers):
        return None
    if silent_us >= forget_us and leg.record:
        return replace(leg, record={}, told=frozenset())
    return leg
