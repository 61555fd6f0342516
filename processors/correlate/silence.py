"""What becomes of a leg without news: its call is closed, and in the end it is forgotten."""

from __future__ import annotations

import itertools
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Generic, TypeVar

from schemas.calls import is_complete

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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


def is_reopened(before: Leg, after: Leg) -> bool:
    """Whether what came between the two is news of a call that was closed."""
    closed = before.record.get("closed")
    return (
        closed is not None
        and before.record["last_received_at"] <= closed[1] < after.record["last_received_at"]
    )


def close_after(leg: Leg, waits: Mapping[str, int], usual: int) -> int:
    """After how long a silence the leg's call is closed: of several sources, the longest of their waits.

    `waits` are those of sources that have one of their own, `usual` is that of all others; microseconds.
    """
    return max((waits.get(source, usual) for source in leg.record.get("sources", ())), default=usual)


class Silences(Generic[Key]):
    """Since when each key has had no news; finds who has been silent for long without asking all of them."""

    def __init__(self, *, forget_us: int) -> None:
        """After how long a silence a key is forgotten, but never before it was due to be closed."""
        self._forget_us = forget_us
        self._queues: dict[int, _Queue[Key]] = {}

    def touch(self, key: Key, now: int, close_us: int) -> None:
        """Note news of this key, which is due to be closed after so long a silence.

        Times are expected not to go backwards by much, and there are few different waits.
        """
        for queue in self._queues.values():
            queue.drop(key)
        if close_us not in self._queues:
            self._queues[close_us] = _Queue(close_us, max(close_us, self._forget_us))
        self._queues[close_us].append(key, now)

    def due(self, now: int, most: int) -> list[tuple[Key, Quiet]]:
        """Give up to so many keys that have been silent for long enough, each with what that calls for."""
        found = itertools.chain.from_iterable(queue.due(now, most) for queue in self._queues.values())
        return list(itertools.islice(found, most))

    def clear(self) -> None:
        """Forget all keys."""
        self._queues.clear()


class _Queue(Generic[Key]):
    """Keys that wait for the same: each in one of three lines, the oldest first."""

    def __init__(self, close_us: int, forget_us: int) -> None:
        self._waits = {
            Quiet.CLOSE: close_us,
            Quiet.FORGET: forget_us,
            Quiet.FORGET_LINKS: forget_us * LINKS_LIVE_LONGER,
        }
        self._lines: dict[Quiet, dict[Key, int]] = {quiet: {} for quiet in Quiet}

    def drop(self, key: Key) -> None:
        for line in self._lines.values():
            line.pop(key, None)

    def append(self, key: Key, since: int) -> None:
        self._lines[Quiet.CLOSE][key] = since

    def due(self, now: int, most: int) -> Iterator[tuple[Key, Quiet]]:
        """Give those of the first `most` of each line that are due; each goes on to the next line."""
        following = dict(zip(Quiet, list(Quiet)[1:], strict=False))
        for quiet, line in self._lines.items():
            for key, since in list(itertools.islice(line.items(), most)):
                if since + self._waits[quiet] > now:
                    continue
                del line[key]
                if quiet in following:
                    self._lines[following[quiet]][key] = since
                yield key, quiet
