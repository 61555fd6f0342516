"""What becomes of a leg without news: its call is closed, and in the end it is forgotten."""

from __future__ import annotations

import itertools
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Generic, TypeVar

from schemas.calls import is_complete

if TYPE_CHECKING:
    from processors.correlate.leg import Leg
    from schemas.records import Record

Key = TypeVar("Key")

LINKS_LIVE_LONGER = 2
"""A late event must still find its call's root when the record has gone from the state."""


class Quiet(Enum):
    """What a leg's silence calls for, in this order."""

    CLOSE = "close"
    """Its call if that is open; a call that expects nothing more is forgotten at once."""
    FORGET = "forget"
    FORGET_LINKS = "forget links"


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


def forget(leg: Leg, quiet: Quiet) -> Leg | None:
    """Drop what a leg that was silent for so long needs no more; None when nothing is left.

    Of a call that is complete, or was told to its root, only the links are worth keeping: what comes late
    finds its way by them, and merges in ClickHouse.
    """
    if quiet is Quiet.FORGET_LINKS or not leg.peers:
        return None
    return replace(leg, record={}, told=frozenset())


class Silences(Generic[Key]):
    """Since when each key has had no news; finds who has been silent for long without asking all of them."""

    def __init__(self, *, silence_us: int, forget_us: int) -> None:
        """Both in microseconds; a call is closed long before it is forgotten."""
        self._waits = {
            Quiet.CLOSE: silence_us,
            Quiet.FORGET: forget_us,
            Quiet.FORGET_LINKS: forget_us * LINKS_LIVE_LONGER,
        }
        # Each key is in one of them, by the time of its latest news: the oldest comes first.
        self._waiting: dict[Quiet, dict[Key, int]] = {quiet: {} for quiet in Quiet}

    def touch(self, key: Key, now: int) -> None:
        """Note news of this key; times are expected not to go backwards by much."""
        for waiting in self._waiting.values():
            waiting.pop(key, None)
        self._waiting[Quiet.CLOSE][key] = now

    def due(self, now: int, most: int) -> list[tuple[Key, Quiet]]:
        """Give up to so many keys that have been silent for long enough, each with what that calls for."""
        found: list[tuple[Key, Quiet]] = []
        following = dict(zip(Quiet, list(Quiet)[1:], strict=False))
        for quiet, waiting in self._waiting.items():
            ripe = [
                (key, since)
                for key, since in itertools.islice(waiting.items(), most - len(found))
                if since + self._waits[quiet] <= now
            ]
            for key, since in ripe:
                del waiting[key]
                if quiet in following:
                    self._waiting[following[quiet]][key] = since
                found.append((key, quiet))
        return found

    def clear(self) -> None:
        """Forget all keys."""
        for waiting in self._waiting.values():
            waiting.clear()
